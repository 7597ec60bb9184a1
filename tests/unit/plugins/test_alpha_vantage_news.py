from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from marketpulse.bars import arrival
from marketpulse.config import SourceSettings, load_instruments
from marketpulse.news import Mention, encode_article
from marketpulse.redaction import Redactor
from marketpulse.sources.alpha_vantage import MOST_PAGES, AlphaVantage, parse_news
from marketpulse.sources.alpha_vantage_news import Page
from marketpulse.sources.errors import Deferred, MalformedAnswer, PremiumOnly, RateLimited
from marketpulse.sources.http import Answer
from marketpulse.sources.protocol import FetchedNews

from tests.unit.plugins.vendor_server import Asked, Grants, Vendor, vendor

ANSWERS = Path(__file__).parent / "answers"
CAPTURE = Path(__file__).parents[4] / "shared" / "data" / "alpha_vantage" / "NEWS_SENTIMENT_37784e1e.json"
CONTRACT = json.loads((Path(__file__).parents[3] / "contracts" / "market.news.v1.json").read_text())
NOW = datetime(2026, 5, 15, 20, 0, tzinfo=UTC)
SINCE = datetime(2026, 5, 15, 12, 0, 59, tzinfo=UTC)
INSTRUMENTS = load_instruments()


def parse(body: bytes) -> Page:
    return parse_news(Answer(body, NOW, NOW), "alpha_vantage", INSTRUMENTS, Redactor(None))


def feed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The first article of the answer, changed."""
    document = json.loads((ANSWERS / "news.json").read_bytes())
    change(document["feed"][0])
    return json.dumps({"items": "1", "feed": document["feed"][:1]}).encode()


def test_articles_about_known_instruments_oldest_first_scores_as_printed() -> None:
    page = parse((ANSWERS / "news.json").read_bytes())

    assert (page.size, page.newest) == (3, datetime(2026, 5, 15, 18, 13, 57, tzinfo=UTC))
    bitcoin, chips = page.articles
    assert bitcoin.mentions == (Mention("BTCEUR", "0.9", "-0.351000"), Mention("BTCUSD", "0.9", "-0.351000"))
    assert bitcoin.sentiment == "-0.000051"
    assert (chips.source, chips.url) == ("alpha_vantage", "https://www.benzinga.example/2026/05/15/chip-makers-climb")
    assert (chips.publisher, chips.headline) == ("Benzinga", "Chip Makers Climb As Orders Return")
    assert chips.summary == "Orders came back sooner than analysts had thought."
    assert chips.published_at == page.newest
    assert chips.mentions == (Mention("NVDA", "1.000000", "0.345469"),)
    assert chips.sentiment == "0.22902"


@pytest.mark.skipif(not CAPTURE.exists(), reason="the captured answers are not on this machine")
def test_a_real_answer_keeps_the_contract() -> None:
    page = parse(CAPTURE.read_bytes())

    assert page.size == 50
    assert len({article.article_id for article in page.articles}) == 50
    assert page.newest == datetime(2026, 5, 17, 11, 1, tzinfo=UTC)
    for article in page.articles:
        jsonschema.validate(json.loads(encode_article(article, arrival(NOW), "run")), CONTRACT)
    newest = page.articles[-1]
    assert newest.mentions == (Mention("AAPL", "1.000000", "0.061509"), Mention("GOOGL", "0.810763", "0.253133"))
    assert newest.sentiment == "0.22902"


def test_that_nothing_was_published_is_no_error() -> None:
    assert parse((ANSWERS / "no_articles.json").read_bytes()) == Page([], 0, None, NOW)
    assert parse(b'{"items": "0", "feed": []}') == Page([], 0, None, NOW)


def test_an_article_that_cannot_be_read_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    document = json.loads((ANSWERS / "news.json").read_bytes())
    document["feed"][0]["ticker_sentiment"][0]["relevance_score"] = "much"

    page = parse(json.dumps(document).encode())

    assert [article.publisher for article in page.articles] == ["Invezz"]
    assert "chip-makers-climb" in caplog.text


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"items": "0"}',
        b'{"feed": {}}',
        b'{"feed": ["text"]}',
        feed(lambda row: row.pop("url")),
        feed(lambda row: row.update(url="javascript:alert(1)")),
        feed(lambda row: row.update(title=None)),
        feed(lambda row: row.update(time_published="2026-05-15")),
        feed(lambda row: row.update(ticker_sentiment=None)),
        feed(lambda row: row["ticker_sentiment"][0].update(ticker_sentiment_score="1.01")),
        feed(lambda row: row.update(overall_sentiment_score="Bullish")),
    ],
)
def test_an_answer_without_an_article_that_can_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse(body)


@pytest.mark.parametrize(("name", "error"), [("burst.json", RateLimited), ("premium_only.json", PremiumOnly)])
def test_a_refusal_is_named(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse((ANSWERS / name).read_bytes())


def paged(articles: int, an_hour: int) -> Callable[[Asked], tuple[int, bytes]]:
    """The vendor's own rules over so many articles from 12:00 on."""
    document = json.loads((ANSWERS / "news.json").read_bytes())
    first = datetime(2026, 5, 15, 12, tzinfo=UTC)
    times = [f"{first + timedelta(hours=number / an_hour):%Y%m%dT%H%M%S}" for number in range(articles)]

    def reply(asked: Asked) -> tuple[int, bytes]:
        assert (asked.path, asked.query["function"], asked.query["limit"]) == ("/query", "NEWS_SENTIMENT", "1000")
        assert "tickers" not in asked.query
        found = [(number, time) for number, time in enumerate(times) if time >= asked.query.get("time_from", "")]
        if asked.query["sort"] == "LATEST":
            found.reverse()
        row = document["feed"][0]
        rows = [{**row, "url": f"https://news.example/{n}", "time_published": time} for n, time in found[:1000]]
        return 200, json.dumps({"feed": rows}).encode() if rows else (ANSWERS / "no_articles.json").read_bytes()

    return reply


def fetch(server: Vendor, since: datetime | None, grants: Grants | None = None) -> FetchedNews:
    settings = SourceSettings(name="alpha_vantage", adapter="alpha_vantage", base_url=server.url)

    async def once() -> FetchedNews:
        source = AlphaVantage(settings, grants or Grants())
        try:
            return await source.fetch_news(INSTRUMENTS, since)
        finally:
            await source.close()

    return asyncio.run(once())


def test_a_first_fetch_is_the_newest_that_one_answer_holds() -> None:
    with vendor(paged(1500, 600)) as server:
        fetched = fetch(server, None)

    assert (len(fetched.articles), len(server.asked)) == (1000, 1)
    assert fetched.articles[-1].url == "https://news.example/1499"
    assert fetched.until == fetched.articles[-1].published_at


@pytest.mark.parametrize(("articles", "requests"), [(0, 1), (999, 1), (1500, 2), (2500, 3)])
def test_later_ones_go_on_page_by_page_and_miss_nothing(articles: int, requests: int) -> None:
    with vendor(paged(articles, 600)) as server:
        fetched = fetch(server, SINCE)

    assert [article.url for article in fetched.articles] == [f"https://news.example/{n}" for n in range(articles)]
    assert server.asked[0].query["time_from"] == "20260515T1200"
    assert (len(server.asked), fetched.failures) == (requests, [])
    newest = max((article.published_at for article in fetched.articles), default=SINCE)
    assert fetched.until == max(newest, SINCE + timedelta(minutes=1))


def test_what_no_run_can_take_is_left_to_the_next() -> None:
    with vendor(paged(9000, 600)) as server:
        fetched = fetch(server, SINCE)

    assert len(server.asked) == MOST_PAGES
    assert fetched.until == fetched.articles[-1].published_at


def test_a_minute_with_more_articles_than_an_answer_is_passed() -> None:
    with vendor(paged(1500, 1_000_000)) as server:
        fetched = fetch(server, SINCE)

    assert fetched.until
    assert fetched.until > SINCE


def test_pages_before_a_refusal_are_kept_and_it_is_told() -> None:
    deferred = Deferred("alpha_vantage", "news", "later")
    with vendor(paged(2500, 600)) as server:
        fetched = fetch(server, SINCE, Grants(1, deferred))

        assert (len(fetched.articles), fetched.failures) == (1000, [deferred])
        assert fetched.until == fetched.articles[-1].published_at
        with pytest.raises(Deferred):
            fetch(server, SINCE, Grants(0, deferred))
