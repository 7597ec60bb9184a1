"""The how-to is true: what it shows, and nothing else, is a vendor."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import marketpulse.sources
import pytest
from marketpulse.config import ConfigError, enabled_sources, load_instruments, load_sources
from marketpulse.sources import http
from marketpulse.sources.errors import MalformedAnswer, VendorRefused, VendorUnavailable
from marketpulse.sources.protocol import BarSource, FetchedBars, open_source

from tests.unit.plugins.vendor_server import Asked, Grants, Vendor, vendor

REPOSITORY = Path(__file__).parents[3]
HOWTO = REPOSITORY / "docs/howto/add-a-vendor.md"
MODULE, CONFIG, TEST = (
    "plugins/marketpulse/sources/bitstamp.py",
    "config/sources.yml",
    "tests/unit/plugins/test_bitstamp.py",
)
START = datetime(2025, 5, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def sections() -> dict[str, str]:
    """File to the code that the how-to gives it; empty where it gives none."""
    parts = re.split(r"^## `(.+)`$", HOWTO.read_text(encoding="utf-8"), flags=re.M)
    blocks = (re.search(r"^```\w+\n(.*?)^```$", text, flags=re.M | re.S) for text in parts[2::2])
    return {file: block[1] if block else "" for file, block in zip(parts[1::2], blocks, strict=True)}


def exchange(asked: Asked) -> tuple[int, bytes]:
    """Bitstamp's own rules: `limit` candles up to `end`, oldest first, the unfinished one too."""
    if asked.path != "/api/v2/ohlc/btcusd/":
        return 404, b"<html>Not Found</html>"
    limit, end = int(asked.query["limit"]), int(asked.query["end"])
    if not 1 <= limit <= 1000:
        return 400, b'{"code": "400.002", "errors": [{"field": "limit", "message": "Must be between 1 and 1000."}]}'
    last = min(end, int(datetime.now(UTC).timestamp())) // 60 * 60
    names = ("open", "high", "low", "close")
    rows = [
        {"timestamp": str(last - 60 * ago), **dict.fromkeys(names, "79010"), "volume": "0.50000000"}
        for ago in reversed(range(limit))
    ]
    return 200, json.dumps({"data": {"pair": "BTC/USD", "ohlc": rows}}).encode()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with the how-to's files and nothing else changed; the module is on the import path."""
    files = sections()
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    with (tmp_path / CONFIG).open("a", encoding="utf-8") as config:
        config.write(files[CONFIG])
    module = tmp_path / MODULE
    module.parent.mkdir(parents=True)
    module.write_text(files[MODULE], encoding="utf-8")
    monkeypatch.setattr(marketpulse.sources, "__path__", [*marketpulse.sources.__path__, str(module.parent)])
    monkeypatch.setenv("MARKETPULSE_ROOT", str(tmp_path))
    monkeypatch.setattr(http, "_back_off", lambda state: 0.01)
    yield tmp_path
    sys.modules.pop("marketpulse.sources.bitstamp", None)


def fetch(server: Vendor, ask: Callable[[BarSource], Awaitable[FetchedBars]]) -> FetchedBars:
    environ = {"BITSTAMP_BASE_URL": server.url}
    settings = load_sources(load_instruments(), environ=environ)["bitstamp"]

    async def once() -> FetchedBars:
        source = open_source(settings, BarSource, budget=Grants())
        try:
            return await ask(source)
        finally:
            await source.close()

    return asyncio.run(once())


def test_the_fifth_vendor_takes_its_module_its_config_and_its_test_in_less_than_a_hundred_lines() -> None:
    assert list(sections()) == [MODULE, CONFIG, TEST]
    assert len(HOWTO.read_text(encoding="utf-8").splitlines()) < 100


def test_without_the_module_the_entry_is_refused_with_the_fix(root: Path) -> None:
    (root / MODULE).unlink()
    with pytest.raises(ConfigError, match=r"sources\.bitstamp\.adapter: no adapter named bitstamp"):
        open_source(load_sources(load_instruments())["bitstamp"], BarSource)


def test_it_is_polled_once_it_is_enabled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "bitstamp" not in enabled_sources("bars")
    monkeypatch.setenv("BITSTAMP_ENABLED", "true")
    assert "bitstamp" in enabled_sources("bars")


def test_it_fetches_history_window_by_window(root: Path) -> None:
    btcusd = load_instruments()["BTCUSD"]

    with vendor(exchange) as server:
        fetched = fetch(server, lambda source: source.fetch_history(btcusd, START, START + 1440 * MINUTE))

    assert [bar.ts for bar in fetched.bars] == [START + n * MINUTE for n in range(1440)]
    assert {(bar.source, bar.values) for bar in fetched.bars} == {
        ("bitstamp", ("79010", "79010", "79010", "79010", "0.50000000"))
    }
    assert fetched.complete_from == START
    assert len(server.asked) == 2


def test_it_polls_what_is_finished_since_the_overlap(root: Path) -> None:
    btcusd = load_instruments()["BTCUSD"]
    watermark = datetime.now(UTC).replace(second=0, microsecond=0) - 30 * MINUTE

    with vendor(exchange) as server:
        fetched = fetch(server, lambda source: source.fetch_bars(btcusd, watermark))

    assert fetched.bars[0].ts == watermark - 100 * MINUTE
    assert timedelta(0) <= datetime.now(UTC) - MINUTE - fetched.bars[-1].ts < 2 * MINUTE
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "error", "attempts"),
    [
        (404, b"<html>Not Found</html>", VendorRefused, 1),
        (503, b"", VendorUnavailable, 3),
        (200, b"<html>", MalformedAnswer, 3),
        (200, b'{"data": {}}', MalformedAnswer, 3),
        (200, b'{"data": {"ohlc": [{"timestamp": "x"}]}}', MalformedAnswer, 3),
    ],
)
def test_its_errors_have_names_and_those_that_may_pass_are_asked_again(
    root: Path, status: int, body: bytes, error: type[Exception], attempts: int
) -> None:
    btcusd = load_instruments()["BTCUSD"]

    with vendor(lambda asked: (status, body)) as server, pytest.raises(error):
        fetch(server, lambda source: source.fetch_history(btcusd, START, START + MINUTE))

    assert len(server.asked) == attempts
