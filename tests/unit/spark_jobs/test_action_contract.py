"""parse_action: the rules of the contract."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marketpulse_spark.action_contract import FIELDS, ParsedAction, parse_action, parse_actions
from marketpulse_spark.contract import Rejection

from tests.unit.spark_jobs.action_messages import POISON, dividend, split
from tests.unit.spark_jobs.messages import SYMBOLS, records

SCHEMA = json.loads((Path(__file__).parents[3] / "contracts/market.actions.v1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "source": st.sampled_from(["alpha_vantage", "X"]),
    "symbol": st.sampled_from(["MSFT", "ENRN"]),
    "kind": st.sampled_from(["split", "dividend", "merger", None]),
    "ex_date": st.sampled_from(["2024-03-01", "2024-02-30", "2024-3-1"]),
    "effective_at": st.sampled_from(["2024-03-01T05:00:00Z", "2024-03-01T05:00:01Z"]),
    "ratio": st.sampled_from(["2", "0.33333333", "1e3", 2, ...]),
    "amount": st.sampled_from(["0", "1.5", "x", ...]),
    "currency": st.sampled_from(["USD", "usd", ...]),
    "more": st.sampled_from(["field", ..., ...]),
}


def parse(raw: bytes | None, key: bytes | None = b"MSFT") -> ParsedAction | Rejection:
    return parse_action(key, raw, SYMBOLS)


def test_schema_and_parser_know_the_same_fields() -> None:
    assert FIELDS["split"].keys() | FIELDS["dividend"].keys() == set(SCHEMA["properties"])
    assert FIELDS["split"].keys() & FIELDS["dividend"].keys() == set(SCHEMA["required"])


@given(st.booleans(), st.lists(st.sampled_from(list(_VALUES)), max_size=2), st.data())
def test_the_schema_and_the_parser_agree(is_split: bool, fields: list[str], data: st.DataObject) -> None:
    changes = {field: data.draw(_VALUES[field]) for field in fields}
    raw = split(**changes) if is_split else dividend(**changes)
    parsed = parse(raw)
    # What the parser knows and the schema does not: which days exist, which symbols there are.
    beyond = isinstance(parsed, Rejection) and (
        parsed.reason == "unknown_symbol" or parsed.detail.startswith("ex_date is '2024-02-30'")
    )
    assert isinstance(parsed, ParsedAction) or beyond or not VALIDATOR.is_valid(orjson.loads(raw))
    assert VALIDATOR.is_valid(orjson.loads(raw)) or isinstance(parsed, Rejection)


def test_a_split_and_a_dividend_keep_their_text() -> None:
    common: dict[str, Any] = {
        "source": "alpha_vantage",
        "symbol": "MSFT",
        "ex_date": dt.date(2024, 3, 1),
        "effective_at": dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC),
        "fetched_at": dt.datetime(2024, 3, 1, 6, 0, 0, 1, tzinfo=dt.UTC),
        "run_id": "scheduled__2024-03-01T06:00:00+00:00",
    }
    assert parse(split()) == ParsedAction(kind="split", value="2.0000", currency="", **common)
    assert parse(dividend()) == ParsedAction(kind="dividend", value="0.75", currency="USD", **common)


@pytest.mark.parametrize(("name", "reason", "key", "raw"), POISON, ids=[name for name, *_ in POISON])
def test_poison_is_refused_for_its_reason(name: str, reason: str, key: bytes | None, raw: bytes | None) -> None:
    parsed = parse(raw, key)
    assert isinstance(parsed, Rejection)
    assert parsed.reason == reason, parsed.detail


@pytest.mark.parametrize(
    "raw",
    [
        split(ratio="0.1"),
        split(ratio="1"),
        dividend(amount="0"),
        split(ex_date="2031-03-01", effective_at="2031-03-01T05:00:00Z"),
        split(effective_at="2024-02-29T15:00:00Z"),
        split(effective_at="2024-03-01T12:00:00Z"),
        split(ex_date="0001-01-01", effective_at="0001-01-01T05:00:00Z"),
    ],
    ids=["reverse split", "withdrawn split", "withdrawn dividend", "announced", "Tokyo", "date line", "first day"],
)
def test_unusual_messages_are_taken(raw: bytes) -> None:
    assert isinstance(parse(raw), ParsedAction)


def test_messages_become_rows_in_their_order() -> None:
    table = parse_actions([records([(b"MSFT", split()), (b"MSFT", b"nonsense"), (b"MSFT", dividend())], 7)], SYMBOLS)
    assert table["kafka_offset"].to_pylist() == [7, 8, 9]
    assert table["reason"].to_pylist() == [None, "bad_json", None]
    assert table["payload"].to_pylist() == [None, b"nonsense", None]
    assert table["value"].to_pylist() == ["2.0000", None, "0.75"]
    assert parse_actions([], SYMBOLS).num_rows == 0
