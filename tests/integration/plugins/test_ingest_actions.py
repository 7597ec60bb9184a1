"""Splits and dividends of the real simulator, and prices adjusted by them beside its own adjusted ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import jsonschema
import psycopg
import pytest
from marketpulse.completeness import sync_sessions
from marketpulse.ingest_actions import poll_actions
from marketpulse.warehouse import connect

from tests.integration.plugins.conftest import CANARY, owner
from tests.integration.plugins.stored_bars import store_messages

CONTRACT = json.loads((Path(__file__).parents[3] / "contracts/market.actions.v1.json").read_text())
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def warehouse(
    instruments: None, stack_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "MSFT,BTCUSD,IBM")
    with owner(stack_environment) as connection:
        yield connection


def observe(warehouse: psycopg.Connection[tuple[Any, ...]], messages: Iterable[dict[str, str]]) -> None:
    """Lets the warehouse know of messages, as the loader does."""
    for message in messages:
        value = message.get("ratio") or message["amount"]
        warehouse.execute(
            "INSERT INTO ops.action_observations VALUES (%(symbol)s, %(source)s, %(kind)s, %(ex_date)s,"
            " %(effective_at)s, %(value)s, %(currency)s, %(fetched_at)s)",
            {"currency": "", **message, "value": value},
        )


def ask(simulator: httpx.Client, function: str, symbol: str, **params: str) -> Any:
    return simulator.get("/query", params={"function": function, "symbol": symbol, "apikey": CANARY, **params}).json()


def test_the_first_run_publishes_all_and_later_ones_what_is_new_changed_or_withdrawn(
    warehouse: psycopg.Connection[tuple[Any, ...]], simulator: httpx.Client, actions_topic: Any
) -> None:
    listed = {
        (symbol, row.get("effective_date") or row["ex_dividend_date"]): row.get("split_factor") or row["amount"]
        for symbol in ("MSFT", "IBM")
        for function in ("SPLITS", "DIVIDENDS")
        for row in ask(simulator, function, symbol)["data"]
    }

    result = poll_actions("alpha_vantage", "scheduled__1")

    first = actions_topic.read()
    assert (result.published, result.asked, result.failures) == (len(first), ["MSFT", "IBM"], {})
    for message in first:
        jsonschema.validate(message, CONTRACT)
    assert {(m["symbol"], m["ex_date"]): m.get("ratio") or m["amount"] for m in first} == listed
    assert listed
    observe(warehouse, first)
    assert poll_actions("alpha_vantage", "scheduled__2").published == 0

    newest = simulator.post("/admin/faults", json={"kind": "split", "symbol": "MSFT", "ratio": "2"}).json()
    simulator.post("/admin/faults", json={"kind": "split", "symbol": "MSFT", "ratio": "3", "on": "2020-01-06"})
    assert poll_actions("alpha_vantage", "scheduled__3").published == 2
    ordered = actions_topic.read()
    assert sorted(message["ratio"] for message in ordered) == ["2.0000", "3.0000"]
    observe(warehouse, ordered)

    simulator.delete(f"/admin/faults/{newest['id']}").raise_for_status()
    assert poll_actions("alpha_vantage", "scheduled__4").published == 1
    (withdrawn,) = actions_topic.read()
    assert (withdrawn["kind"], withdrawn["ratio"]) == ("split", "1")
    observe(warehouse, [withdrawn])
    assert poll_actions("alpha_vantage", "scheduled__5").published == 0


def test_one_share_failing_does_not_lose_the_others(
    warehouse: psycopg.Connection[tuple[Any, ...]], simulator: httpx.Client, actions_topic: Any
) -> None:
    simulator.post("/admin/faults", json={"kind": "message", "message": "premium_only", "symbol": "MSFT"})

    result = poll_actions("alpha_vantage", "run")

    assert {message["symbol"] for message in actions_topic.read()} == {"IBM"}
    assert result.published
    assert "PremiumOnly" in result.failures["MSFT"]


def test_adjusted_prices_are_the_vendors(
    warehouse: psycopg.Connection[tuple[Any, ...]], simulator: httpx.Client, actions_topic: Any
) -> None:
    """A month with a dividend, and a split a week after it."""
    dividends = [date.fromisoformat(row["ex_dividend_date"]) for row in ask(simulator, "DIVIDENDS", "IBM")["data"]]
    paid = max(day for day in dividends if day < datetime.now(NEW_YORK).date() - timedelta(days=45))
    split = {"kind": "split", "symbol": "IBM", "ratio": "1.5", "on": str(paid + timedelta(days=7))}
    simulator.post("/admin/faults", json=split).raise_for_status()
    params = {"interval": "1min", "outputsize": "full", "month": f"{paid:%Y-%m}", "extended_hours": "false"}
    printed, adjusted = (
        ask(simulator, "TIME_SERIES_INTRADAY", "IBM", adjusted=each, **params)["Time Series (1min)"]
        for each in ("false", "true")
    )
    poll_actions("alpha_vantage", "run")
    observe(warehouse, actions_topic.read())
    names = ("open", "high", "low", "close", "volume")
    store_messages(
        {
            "symbol": "IBM",
            "source": "alpha_vantage",
            "ts": datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).isoformat(),
            "fetched_at": "2020-01-01",
            **dict(zip(names, row.values(), strict=True)),
        }
        for local, row in printed.items()
    )
    with connect(statement_seconds=20, lock_seconds=5) as connection:
        sync_sessions(connection, ["XNYS"], paid - timedelta(days=40), paid + timedelta(days=40))

    found = {
        f"{ts.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}": [float(value) for value in values]
        for ts, *values in warehouse.execute(
            "SELECT ts, open, high, low, close, volume FROM market.adjusted_bars_1m WHERE symbol = 'IBM'"
        )
    }
    # The vendor rounds its adjusted prices to the digits of a price, and volumes to whole shares.
    assert found.keys() == adjusted.keys()
    assert len(found) > 7000
    for local, row in adjusted.items():
        assert found[local] == pytest.approx([float(value) for value in row.values()], abs=0.6, rel=1e-4), local
        assert found[local][:4] == pytest.approx([float(value) for value in row.values()][:4], rel=1e-4), local
    assert any(float(printed[local]["4. close"]) > 1.4 * values[3] for local, values in found.items())

    daily = ask(simulator, "TIME_SERIES_DAILY_ADJUSTED", "IBM", outputsize="full")["Time Series (Daily)"]
    closes = dict(
        warehouse.execute(
            "SELECT DISTINCT ON (day) to_char(ts AT TIME ZONE 'America/New_York', 'YYYY-MM-DD') AS day,"
            " total_return_close::float8 FROM market.adjusted_bars_1m WHERE symbol = 'IBM' ORDER BY day, ts DESC"
        ).fetchall()
    )
    # Later actions, of months that are not here, adjust all of this one alike.
    last = max(closes)
    wealth = {day: float(daily[day]["5. adjusted close"]) / float(daily[last]["5. adjusted close"]) for day in closes}
    assert {day: close / closes[last] for day, close in closes.items()} == pytest.approx(wealth, rel=1e-6)
