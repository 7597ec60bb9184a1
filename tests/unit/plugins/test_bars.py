from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from marketpulse.bars import Bar, arrival, bar_start, encode

CONTRACT = json.loads((Path(__file__).parents[3] / "contracts" / "market.bars.v1.json").read_text())
minutes = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made aware below
    lambda ts: ts.replace(second=0, microsecond=0, tzinfo=UTC)
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1)).map(lambda ts: ts.replace(tzinfo=UTC))  # noqa: DTZ001
prices = st.decimals("0.00000001", "999999999999", places=8, allow_nan=False).map(lambda price: f"{price:f}")


@given(ts=minutes, fetched_at=instants, price=prices)
def test_a_message_keeps_the_contract(ts: datetime, fetched_at: datetime, price: str) -> None:
    bar = Bar("alpha_vantage", "MSFT", "1min", ts, price, price, price, price, "0.5")

    message = json.loads(encode(bar, arrival(fetched_at), "scheduled__2026-05-15T20:00:00+00:00"))

    jsonschema.validate(message, CONTRACT)
    assert datetime.fromisoformat(message["ts"]) == ts
    assert datetime.fromisoformat(message["fetched_at"]) == fetched_at
    assert message["open"] == price


def test_whole_seconds_keep_their_microseconds() -> None:
    assert arrival(datetime(2026, 5, 15, 20, 0, tzinfo=UTC)) == "2026-05-15T20:00:00.000000Z"
    assert bar_start(datetime(2026, 5, 15, 20, 0, tzinfo=UTC)) == "2026-05-15T20:00:00Z"
