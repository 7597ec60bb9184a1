from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from marketpulse.actions import CorporateAction, encode_action, midnight
from marketpulse.bars import arrival
from marketpulse.config import Instrument
from marketpulse.ingest_actions import select_news
from marketpulse.redaction import Redactor
from marketpulse.sources.alpha_vantage import parse_actions
from marketpulse.sources.errors import MalformedAnswer, RateLimited

CONTRACT = json.loads((Path(__file__).parents[3] / "contracts" / "market.actions.v1.json").read_text())
ANSWERS = Path(__file__).parent / "answers"
IBM = Instrument(symbol="IBM", name="IBM", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))
NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 5, 15, 20, 0, 1, tzinfo=UTC)


def split(day: int, ratio: str = "2.0000") -> CorporateAction:
    ex_date = date(2026, 5, day)
    return CorporateAction("alpha_vantage", "IBM", "split", ex_date, midnight(ex_date, NEW_YORK), ratio)


def dividend(day: int, amount: str = "1.69") -> CorporateAction:
    ex_date = date(2026, 5, day)
    return CorporateAction("alpha_vantage", "IBM", "dividend", ex_date, midnight(ex_date, NEW_YORK), amount, "USD")


def parse(body: bytes, function: str = "SPLITS") -> list[CorporateAction]:
    return parse_actions(body, "alpha_vantage", IBM, function, Redactor(None))


def answer(*rows: Mapping[str, object]) -> bytes:
    return json.dumps({"symbol": "IBM", "data": rows}).encode()


@pytest.mark.parametrize("action", [split(4), dividend(8), split(4).withdrawn(), dividend(8).withdrawn()])
def test_a_message_keeps_the_contract(action: CorporateAction) -> None:
    message = json.loads(encode_action(action, arrival(NOW), "manual__1"))

    jsonschema.validate(message, CONTRACT)
    assert message["effective_at"] == f"{action.ex_date}T04:00:00Z"
    assert message["fetched_at"] == "2026-05-15T20:00:01.000000Z"
    assert {message.get("ratio"), message.get("amount")} == {action.value, None}


def test_a_day_begins_at_the_midnight_of_its_exchange() -> None:
    assert midnight(date(2026, 1, 5), NEW_YORK) == datetime(2026, 1, 5, 5, tzinfo=UTC)
    assert midnight(date(2026, 7, 6), NEW_YORK) == datetime(2026, 7, 6, 4, tzinfo=UTC)
    assert midnight(date(2026, 7, 6), ZoneInfo("Asia/Tokyo")) == datetime(2026, 7, 5, 15, tzinfo=UTC)


def test_splits_as_the_vendor_printed_them_oldest_first() -> None:
    found = parse((ANSWERS / "splits.json").read_bytes())

    assert [(each.kind, each.ex_date, each.value, each.currency) for each in found] == [
        ("split", date(1999, 5, 27), "2.0000", None),
        ("split", date(2021, 11, 4), "1.0460", None),
    ]
    assert found[1].effective_at == datetime(2021, 11, 4, 4, tzinfo=UTC)


def test_dividends_as_the_vendor_printed_them() -> None:
    found = parse((ANSWERS / "dividends.json").read_bytes(), "DIVIDENDS")

    assert [(each.ex_date, each.value, each.currency) for each in found[-2:]] == [
        (date(2026, 2, 10), "1.68", "USD"),
        (date(2026, 5, 8), "1.69", "USD"),
    ]


def test_two_dividends_of_a_day_are_one_of_their_sum() -> None:
    row = {"ex_dividend_date": "2026-05-08", "amount": "0.10"}

    assert [each.value for each in parse(answer(row, {**row, "amount": "15.0"}), "DIVIDENDS")] == ["15.10"]


def test_a_share_without_actions_has_none() -> None:
    assert parse(answer()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"symbol": "MSFT", "data": []}',
        b'{"symbol": "IBM"}',
        answer({"effective_date": "None", "split_factor": "2"}),
        answer({"effective_date": "2026-02-30", "split_factor": "2"}),
        answer({"effective_date": "2026-05-04"}),
        answer({"effective_date": "2026-05-04", "split_factor": "2/1"}),
        answer({"effective_date": "2026-05-04", "split_factor": None}),
        answer(*[{"effective_date": "2026-05-04", "split_factor": "2"}] * 2),
    ],
)
def test_what_is_not_documented_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse(body)


def test_a_refusal_is_named() -> None:
    with pytest.raises(RateLimited):
        parse((ANSWERS / "burst.json").read_bytes())


@pytest.mark.parametrize(
    ("said", "known", "news"),
    [
        ([split(4), dividend(8)], [], [split(4), dividend(8)]),
        ([split(4), dividend(8)], [split(4, "2"), dividend(8, "1.69000000")], []),
        ([split(4, "3")], [split(4)], [split(4, "3")]),
        ([dividend(8), dividend(9)], [dividend(8)], [dividend(9)]),
        ([split(5)], [split(4), split(5)], [split(4, "1")]),
        ([split(5)], [split(4, "1"), split(5)], []),
        ([dividend(8)], [dividend(8), dividend(1)], [dividend(1, "0")]),
        ([dividend(8)], [split(4)], [dividend(8)]),
        ([], [split(4), dividend(8)], []),
    ],
    ids=[
        "first", "known", "revised", "one more", "withdrawn", "withdrawn before", "dividend withdrawn",
        "no list of its kind", "empty lists",
    ],
)  # fmt: skip
def test_only_news_is_published(
    said: list[CorporateAction], known: list[CorporateAction], news: list[CorporateAction]
) -> None:
    assert select_news(said, known) == news


def test_an_action_that_moves_within_its_day_is_news() -> None:
    moved = CorporateAction(
        "alpha_vantage", "IBM", "split", date(2026, 5, 4), split(4).effective_at + timedelta(hours=1), "2"
    )

    assert select_news([moved], [split(4)]) == [moved]
