from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
from marketpulse.bars import arrival
from marketpulse.news import Article, Mention, encode_article, fit_article
from marketpulse.sources.answers import score

CONTRACT = json.loads((Path(__file__).parents[3] / "contracts" / "market.news.v1.json").read_text())
NOW = datetime(2026, 5, 15, 20, 0, 1, tzinfo=UTC)


def article(**values: object) -> Article:
    usual: dict[str, object] = {
        "url": "https://news.example/1",
        "publisher": "Benzinga",
        "headline": "Chip Makers Climb",
        "summary": "Orders came back.",
        "published_at": datetime(2026, 5, 15, 18, 13, 57, tzinfo=UTC),
        "mentions": [Mention("NVDA", "1.000000", "0.345469"), Mention("IBM")],
        "sentiment": "-0.22902",
    }
    return fit_article("alpha_vantage", "https://news.example/1", **{**usual, **values})  # type: ignore[arg-type]


def message(of: Article) -> dict[str, object]:
    document: dict[str, object] = json.loads(encode_article(of, arrival(NOW), "manual__1"))
    jsonschema.validate(document, CONTRACT)
    return document


def test_a_message_keeps_the_contract() -> None:
    assert message(article()) == {
        "article_id": hashlib.sha256(b"alpha_vantage\nhttps://news.example/1").hexdigest()[:32],
        "source": "alpha_vantage",
        "url": "https://news.example/1",
        "publisher": "Benzinga",
        "headline": "Chip Makers Climb",
        "summary": "Orders came back.",
        "published_at": "2026-05-15T18:13:57Z",
        "tickers": [
            {"symbol": "NVDA", "relevance": "1.000000", "sentiment": "0.345469"},
            {"symbol": "IBM", "relevance": None, "sentiment": None},
        ],
        "sentiment": "-0.22902",
        "fetched_at": "2026-05-15T20:00:01.000000Z",
        "run_id": "manual__1",
    }


def test_its_id_is_that_of_the_vendors_article_whatever_else_changes() -> None:
    assert article(headline="Another", sentiment=None).article_id == article().article_id


def test_what_is_too_long_is_cut_and_what_no_store_takes_is_left_out() -> None:
    long = article(
        publisher="p" * 300,
        headline=f" {'h' * 999} {'h' * 300}",
        summary="s\0" + "\ud83d" + "s" * 30_000,
        mentions=[Mention(f"S{number % 250}") for number in range(300)],
    )

    assert (len(long.publisher), len(long.headline), len(long.summary), len(long.mentions)) == (200, 999, 20_000, 200)
    assert long.summary.startswith("s?ss")
    assert message(long)


def test_an_instrument_is_named_once() -> None:
    named = article(mentions=[Mention("IBM", "0.9"), Mention("IBM", "0.1"), Mention("NVDA")])

    assert named.mentions == (Mention("IBM", "0.9"), Mention("NVDA"))


@pytest.mark.parametrize(
    "values",
    [
        {"url": "ftp://news.example"},
        {"url": ""},
        {"url": "https://news.example/a b"},
        {"url": "https://news.example/" + "a" * 2000},
        {"headline": " "},
        {"publisher": ""},
    ],
)
def test_an_article_that_the_contract_has_no_room_for_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"is no address|has no publisher or headline"):
        article(**values)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (None, None),
        ("0.061509", "0.061509"),
        ("-0.351000", "-0.351000"),
        ("1", "1"),
        ("-1.00", "-1.00"),
        ("-5.1e-05", "-0.000051"),
        ("0.22902000000000002", "0.22902"),
    ],
)
def test_a_score_is_printed_as_the_vendor_printed_it_where_that_fits(printed: str | None, expected: str | None) -> None:
    assert score(printed, -1) == expected
    assert message(article(sentiment=expected))


@pytest.mark.parametrize(("printed", "lowest"), [("-0.1", 0), ("1.0001", 0), ("-1.5", -1), ("NaN", -1)])
def test_what_is_no_score_is_refused(printed: str, lowest: int) -> None:
    with pytest.raises(ValueError, match=r"no number|no score"):
        score(printed, lowest)
