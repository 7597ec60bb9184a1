"""History from files, into the real Kafka and PostgreSQL."""

from __future__ import annotations

import gzip
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from marketpulse import import_bars
from marketpulse.bars import BACKFILL_TOPIC
from marketpulse.import_bars import main
from marketpulse.warehouse import connect

SHARED = Path(__file__).parents[4] / "shared" / "data" / "bars"
CONTRACT = json.loads((Path(__file__).parents[3] / "contracts/market.bars.v1.json").read_text())
HEADER = "symbol,ts_utc,open,high,low,close,volume\n"
VALUES = ("open", "high", "low", "close", "volume")


@pytest.fixture
def ledger_at_the_end(task_environment: dict[str, str]) -> None:
    """A ledger that has loaded what other tests have published."""
    set_ledger(advance=10**9)


def set_ledger(advance: int) -> None:
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        for partition in (0, 1):
            connection.execute(
                "INSERT INTO ops.kafka_offsets (topic, partition, cluster_id, topic_id, next_offset) "
                "VALUES (%s, %s, 'c', 't', %s) "
                "ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
                (BACKFILL_TOPIC, partition, advance),
            )


def write(folder: Path, *lines: str) -> Path:
    path = folder / "bars.csv"
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


def test_good_lines_go_in_and_bad_ones_are_reported(
    ledger_at_the_end: None, backfill_topic: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = "BTCUSD,2018-04-04T00:00:00Z,6060,6060,6048.83,6049.68,6.72374365"
    bad = [f"BTCUSD,2018-04-04T00:{n:02}:00Z,-1,1,1,1,1" for n in range(25)]
    path = write(tmp_path, good, *bad)

    # Nothing is in raw.bars here: the loader is not part of this test, and the command must notice.
    assert main([str(path), "--source", "coinbase"]) == 1

    (message,) = backfill_topic.read()
    jsonschema.validate(message, CONTRACT)
    assert [message[name] for name in VALUES] == ["6060", "6060", "6048.83", "6049.68", "6.72374365"]
    assert (message["source"], message["run_id"]) == ("coinbase", "import:bars.csv")
    captured = capsys.readouterr()
    assert "line 3: open '-1' is not a plain decimal" in captured.out
    assert "line 22:" in captured.out
    assert "line 23:" not in captured.out
    assert "... and 5 more" in captured.out
    assert "25 lines refused" in captured.out
    assert "1 bars published to market.bars.backfill.v1" in captured.out
    assert "1 of them became dead letters" in captured.err


def test_a_file_without_a_good_line_is_an_error(
    ledger_at_the_end: None, backfill_topic: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write(tmp_path, "ORCL,2018-04-04T00:00:00Z,1,1,1,1,1"))]) == 1

    captured = capsys.readouterr()
    assert "line 2: unknown symbol 'ORCL': add it to config/instruments.yml" in captured.out
    assert "no line could be imported" in captured.err
    assert backfill_topic.read() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "nobody"], r"config/sources.yml: sources: no source named nobody"),
        (["--symbol", "ORCL"], r"config/instruments.yml: instruments: no symbol ORCL"),
        (["--symbol", "MSFT"], "has a column symbol"),
    ],
)
def test_unknown_names_say_where_to_add_them(
    task_environment: dict[str, str],
    backfill_topic: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    assert main([str(write(tmp_path, "MSFT,2018-04-04T00:00:00Z,1,1,1,1,1")), *arguments]) == 1

    assert message in capsys.readouterr().err
    assert backfill_topic.read() == []


def test_it_waits_until_the_ledger_covers_what_it_published(
    task_environment: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_bars, "SAY_EVERY_SECONDS", 0.2)
    monkeypatch.setattr(import_bars, "LOOK_EVERY_SECONDS", 0.1)
    path = write(tmp_path, "MSFT,2018-04-04T00:00:00Z,1,1,1,1,1")

    assert main([str(path), "--wait", "1"]) == 1
    assert "offsets are not loaded after 1 s" in capsys.readouterr().err

    loader = threading.Timer(4.0, set_ledger, [10**9])
    loader.start()
    began = time.monotonic()
    main([str(path), "--wait", "30"])
    loader.join()
    assert 0.9 < time.monotonic() - began < 20
    captured = capsys.readouterr()
    assert "waiting for load_bars" in captured.out
    assert "bars loaded as source import" in captured.out


def test_a_cut_off_file_says_what_is_published_before(
    ledger_at_the_end: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cut.csv.gz"
    line = "MSFT,2018-04-04T00:00:00Z,1,1,1,1,1\n"
    path.write_bytes(gzip.compress((HEADER + line * 5000).encode())[:-30])

    assert main([str(path)]) == 1
    assert "good bars before that are published" in capsys.readouterr().err


@pytest.mark.skipif(not SHARED.exists(), reason="the captured bars are not on this machine")
def test_real_history_is_published_value_for_value(
    ledger_at_the_end: None, backfill_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    main([str(SHARED / "msft_1min_2020.csv"), "--symbol", "MSFT", "--tz", "America/New_York"])

    messages = backfill_topic.read()
    lines = (SHARED / "msft_1min_2020.csv").read_text().splitlines()[1:]
    assert len(messages) == len(lines) == 11_190
    zone = ZoneInfo("America/New_York")
    found = [
        ",".join(
            [
                f"{datetime.fromisoformat(message['ts']).astimezone(zone):%Y-%m-%d %H:%M:%S}",
                *(message[name] for name in VALUES),
            ]
        )
        for message in messages
    ]
    assert found == lines
    assert len({message["fetched_at"] for message in messages}) == 1
    assert datetime.fromisoformat(messages[0]["fetched_at"]) <= datetime.now(UTC)
