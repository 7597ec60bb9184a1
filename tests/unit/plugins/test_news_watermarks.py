from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from marketpulse.news import Article, Mention, fit_article
from marketpulse.news_watermarks import REMEMBERED, NewsWatermark, advance, select_new
from marketpulse.sources.errors import VendorUnavailable
from marketpulse.sources.protocol import FetchedNews

NOW = datetime(2026, 5, 15, 20, 0, 1, tzinfo=UTC)
DOWN = VendorUnavailable("finnhub", "MSFT", "HTTP 503")


def article(number: int, hours_ago: float = 1, headline: str = "Holds Steady", *symbols: str) -> Article:
    url = f"https://news.example/{number}"
    return fit_article(
        "finnhub",
        url,
        url=url,
        publisher="Yahoo",
        headline=headline,
        summary="",
        published_at=NOW - timedelta(hours=hours_ago),
        mentions=[Mention(symbol) for symbol in symbols or ("IBM",)],
    )


def answer(*articles: Article, failures: tuple[VendorUnavailable, ...] = ()) -> FetchedNews:
    until = max((each.published_at for each in articles), default=NOW)
    return FetchedNews(list(articles), NOW, until, failures)


def poll(known: NewsWatermark | None, fetched: FetchedNews) -> tuple[list[Article], NewsWatermark]:
    new = select_new(fetched, known)
    return new, advance(known, fetched, new)


def test_a_first_answer_is_new_and_the_same_again_is_not() -> None:
    fetched = answer(article(1, 3), article(2, 1))

    new, known = poll(None, fetched)

    assert new == fetched.articles
    assert known.until == NOW - timedelta(hours=1)
    assert poll(known, fetched) == ([], known)


def test_what_is_published_changed_or_listed_late_is_new() -> None:
    _, known = poll(None, answer(article(1, 3), article(2, 1)))
    changed, late, newer = article(1, 3, "Slips"), article(3, 2), article(4, 0.5)

    new, reached = poll(known, answer(changed, late, article(2, 1), newer))

    assert new == [changed, late, newer]
    assert reached.until == newer.published_at
    assert poll(reached, answer(changed, late, article(2, 1), newer))[0] == []


def test_an_answer_that_lacks_a_share_takes_it_out_of_no_article() -> None:
    both = article(1, 2, "Two Rivals", "IBM", "MSFT")
    _, known = poll(None, answer(both))

    new, reached = poll(known, answer(article(1, 2, "Two Rivals", "IBM"), article(2), failures=(DOWN,)))

    assert new == [article(2)]
    assert poll(reached, answer(both, article(2)))[0] == []


def test_an_article_of_the_future_waits_and_nothing_before_it_is_missed() -> None:
    ahead = article(2, -1)
    fetched = answer(article(1, 2), ahead)

    new, known = poll(None, fetched)

    assert new == [article(1, 2)]
    assert known.until == NOW
    assert select_new(replace(fetched, fetched_at=NOW + timedelta(hours=2)), known) == [ahead]


def test_what_lies_further_back_than_is_remembered_is_left_out_and_forgotten() -> None:
    _, known = poll(None, answer(article(1, 60), article(2, 3)))

    assert list(known.recent) == [article(2).article_id]
    assert poll(known, answer(article(1, 60)))[0] == []
    assert select_new(answer(article(1, 60)), replace(known, until=known.until - REMEMBERED)) == [article(1, 60)]


def test_an_answer_that_reaches_less_far_moves_nothing_back() -> None:
    _, known = poll(None, answer(article(1, 1)))

    assert poll(known, answer(article(2, 2), failures=(DOWN,)))[1].until == known.until
