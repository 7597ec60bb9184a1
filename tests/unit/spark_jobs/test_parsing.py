"""Parsing by block: the same result as row by row, whatever stands beside a bad message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marketpulse_spark import parsing
from marketpulse_spark.contract import ParsedBar, parse_bar
from marketpulse_spark.parsing import parse_messages
from marketpulse_spark.schemas import ROWS

from tests.unit.spark_jobs.messages import KAFKA_TS, POISON, SYMBOLS, UNUSUAL, documents, minute, records, value

Record = tuple[bytes | None, bytes | None]

_GOOD = st.builds(
    lambda number, symbol, price: (symbol.encode(), value(ts=minute(number), symbol=symbol, close=f"100.{price}")),
    st.integers(-500, 30),
    st.sampled_from(sorted(SYMBOLS)),
    st.integers(0, 999_999),
)
_POISON = st.sampled_from([(key, raw) for _, _, key, raw in POISON])
_UNUSUAL = st.sampled_from([(b"MSFT", raw) for _, raw in UNUSUAL])
# The standard library writes integers of any size.
_RANDOM = documents().map(
    lambda made: (str(made.get("symbol")).encode(errors="replace"), json.dumps(made, ensure_ascii=False).encode())
)
_BYTES = st.tuples(st.binary(max_size=5) | st.none(), st.binary(max_size=30) | st.none())


def expected(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """What parse_bar says of each record, in the layout of the rows."""
    rows = []
    for message in batch.to_pylist():
        row = dict.fromkeys(ROWS.names) | {
            name: message[name] for name in ("topic", "partition", "kafka_offset", "kafka_ts")
        }
        parsed = parse_bar(message["key"], message["value"], message["kafka_ts"], SYMBOLS)
        if isinstance(parsed, ParsedBar):
            row |= vars(parsed)
        else:
            row |= {"reason": parsed.reason, "detail": parsed.detail, "payload": message["value"]}
        rows.append(row)
    return rows


def parsed_rows(batches: Sequence[pa.RecordBatch]) -> list[dict[str, Any]]:
    found = list(parse_messages(batches, SYMBOLS))
    assert all(batch.schema.equals(ROWS) for batch in found)
    return [row for batch in found for row in batch.to_pylist()]


@settings(deadline=None)
@given(st.lists(_GOOD | _POISON | _UNUSUAL | _RANDOM | _BYTES, max_size=40))
def test_equals_the_row_parser_on_any_mixture(messages: list[Record]) -> None:
    batch = records(messages, first_offset=40)
    assert parsed_rows([batch]) == expected(batch)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(100, 150),
    st.lists(st.tuples(st.integers(0, 150), _POISON | _UNUSUAL), max_size=4),
)
def test_poison_between_many_good_messages_spoils_none_of_them(good: int, among: list[tuple[int, Record]]) -> None:
    messages: list[Record] = [(b"MSFT", value(ts=minute(-number))) for number in range(good)]
    for place, message in among:
        messages.insert(place, message)
    batch = records(messages)
    assert parsed_rows([batch]) == expected(batch)


def test_good_messages_do_not_go_through_the_row_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("row parser")

    monkeypatch.setattr(parsing, "parse_bar", refuse)
    rows = parsed_rows([records([(b"MSFT", value(ts=minute(-number))) for number in range(500)])])
    assert [row["ts"].minute for row in rows[:3]] == [30, 29, 28]


def test_one_bad_field_among_many_asks_the_row_parser_for_that_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(key: bytes | None, raw: bytes | None, *rest: Any) -> Any:
        asked.append(raw)
        return parse_bar(key, raw, *rest)

    monkeypatch.setattr(parsing, "parse_bar", watched)
    messages = [(b"MSFT", value(ts=minute(-number))) for number in range(500)]
    messages[123] = (b"MSFT", value(high="1"))
    parsed_rows([records(messages)])
    assert asked == [messages[123][1]]


@pytest.mark.parametrize(("name", "reason", "key", "raw"), POISON, ids=[name for name, *_ in POISON])
def test_each_poison_alone_and_in_a_block_of_itself(
    name: str, reason: str, key: bytes | None, raw: bytes | None
) -> None:
    for count in (1, 70):
        batch = records([(key, raw)] * count)
        rows = parsed_rows([batch])
        assert rows == expected(batch)
        assert {row["reason"] for row in rows} == {reason}
        assert rows[0]["payload"] == raw


@pytest.mark.parametrize(("name", "raw"), UNUSUAL, ids=[name for name, _ in UNUSUAL])
def test_each_unusual_message_in_a_block_of_itself(name: str, raw: bytes) -> None:
    batch = records([(b"MSFT", raw)] * 70)
    assert parsed_rows([batch]) == expected(batch)


def test_a_value_cannot_complete_its_neighbour() -> None:
    halves = [b'{"source":"alpha_vantage}', b'{","symbol":"MSFT"}']
    whole = [value(), value(ts=minute(1))]
    for raws in (halves, [whole[0] + whole[1], b"{}"], [b"{}", whole[0]], [whole[0][:-1] + b'}{"x":"y"}', b"{}"]):
        batch = records([(b"MSFT", raw) for raw in raws * 40])
        assert parsed_rows([batch]) == expected(batch)


def test_huge_bodies_are_kept_whole() -> None:
    huge = b'{"blob": "' + b"x" * 2_000_000 + b'"}'
    batch = records([(b"MSFT", value()), (b"MSFT", huge), (b"MSFT", value(ts=minute(1)))])
    rows = parsed_rows([batch])
    assert [row["reason"] for row in rows] == [None, "bad_field", None]
    assert rows[1]["payload"] == huge


def test_slices_and_empty_batches() -> None:
    batch = records([(b"MSFT", value(ts=minute(-number))) for number in range(100)])
    sliced = [batch.slice(0, 0), batch.slice(0, 40), batch.slice(40), batch.slice(100)]
    assert parsed_rows(sliced) == expected(batch)
    assert list(parse_messages([], SYMBOLS)) == []


def test_future_is_measured_against_each_records_own_time() -> None:
    batch = records([(b"MSFT", value(ts="2024-03-01T15:06:00Z"))] * 2)
    later = batch.set_column(
        batch.schema.get_field_index("kafka_ts"),
        "kafka_ts",
        pa.array([KAFKA_TS, KAFKA_TS.replace(hour=16)], batch.schema.field("kafka_ts").type),
    )
    assert [row["reason"] for row in parsed_rows([later])] == ["future_bar", None]
