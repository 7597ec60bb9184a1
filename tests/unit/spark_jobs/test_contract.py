"""parse_bar: the rules of the contract, row by row."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marketpulse_spark.contract import FIELDS, ParsedBar, Rejection, parse_bar

from tests.unit.spark_jobs.messages import (
    FIELD_VALUES,
    KAFKA_TS,
    POISON,
    SYMBOLS,
    UNUSUAL,
    digits,
    document,
    documents,
    value,
)

SCHEMA = json.loads((Path(__file__).parents[3] / "contracts/market.bars.v1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def parse(raw: bytes | None, key: bytes | None = b"MSFT") -> ParsedBar | Rejection:
    return parse_bar(key, raw, KAFKA_TS, SYMBOLS)


def test_schema_and_parser_know_the_same_fields() -> None:
    assert set(FIELDS) == set(SCHEMA["properties"]) == set(SCHEMA["required"])


@given(documents())
def test_accepts_only_what_the_schema_accepts(made: dict[str, Any]) -> None:
    raw = json.dumps(made, default=str).encode()
    symbol = made.get("symbol")
    parsed = parse(raw, symbol.encode() if isinstance(symbol, str) else None)
    if isinstance(parsed, ParsedBar):
        VALIDATOR.validate(json.loads(raw))


@given(st.fixed_dictionaries({name: strategy for name, strategy in FIELD_VALUES.items() if name != "symbol"}))
def test_refuses_for_its_fields_only_what_the_schema_refuses_or_is_no_date_or_has_a_nul(made: dict[str, str]) -> None:
    whole = document(**made)
    parsed = parse(orjson.dumps(whole))
    if isinstance(parsed, Rejection) and parsed.reason == "bad_field" and VALIDATOR.is_valid(whole):
        assert "\x00" in whole["run_id"] or parsed.detail.startswith(("ts is", "fetched_at is"))


@given(st.lists(digits(12), min_size=4, max_size=4), st.permutations(range(4)))
def test_prices_are_compared_as_decimals(prices: list[str], order: list[int]) -> None:
    opened, high, low, close = (prices[place] for place in order)
    parsed = parse(value(open=opened, high=high, low=low, close=close))
    o, h, lo, c = map(Decimal, (opened, high, low, close))
    assert isinstance(parsed, ParsedBar) == (0 < lo <= min(o, c) and max(o, c) <= h)
    assert isinstance(parsed, ParsedBar) or parsed.reason == "bad_price"


def test_good_bar_keeps_its_text() -> None:
    assert parse(value()) == ParsedBar(
        source="alpha_vantage",
        symbol="MSFT",
        interval="1min",
        ts=dt.datetime(2024, 3, 1, 14, 30, tzinfo=dt.UTC),
        open="100.5",
        high="101",
        low="99.25",
        close="100.75000001",
        volume="1234.5",
        fetched_at=dt.datetime(2024, 3, 1, 14, 31, 2, 1, tzinfo=dt.UTC),
        run_id="scheduled__2024-03-01T14:31:00+00:00",
    )


@pytest.mark.parametrize(("name", "reason", "key", "raw"), POISON, ids=[name for name, *_ in POISON])
def test_poison_is_refused_for_its_reason(name: str, reason: str, key: bytes | None, raw: bytes | None) -> None:
    parsed = parse(raw, key)
    assert isinstance(parsed, Rejection)
    assert parsed.reason == reason, parsed.detail
    assert parsed.detail
    assert "\x00" not in parsed.detail, "PostgreSQL takes no NUL in text"
    assert parsed.detail.encode(), "text of PostgreSQL is UTF-8"


@pytest.mark.parametrize(("name", "raw"), UNUSUAL, ids=[name for name, _ in UNUSUAL])
def test_unusual_messages_are_taken(name: str, raw: bytes) -> None:
    assert isinstance(parse(raw), ParsedBar)


def test_the_last_of_two_equal_keys_counts() -> None:
    parsed = parse(value()[:-1] + b',"open":"100.25"}')
    assert isinstance(parsed, ParsedBar)
    assert parsed.open == "100.25"


def test_detail_of_a_huge_body_stays_small() -> None:
    for raw in (value(run_id="x" * 2_000_000), value(**{"x" * 2_000_000: "1"}), b"{" * 2_000_000, b"[" * 2_000_000):
        parsed = parse(raw)
        assert isinstance(parsed, Rejection)
        assert len(parsed.detail) < 1000
