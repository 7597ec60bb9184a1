"""What a load makes of articles: versions, duplicates, stories, sentiment, dead letters, counts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.integration.spark_jobs.expected_news import assert_news_is
from tests.integration.spark_jobs.feed import Record, fetched
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.warehouse import LOADED_TABLES, Rows, Warehouse
from tests.unit.spark_jobs.news_messages import POISON, ticker

SAME = "Microsoft Climbs After Upbeat Outlook"


def hours(warehouse: Warehouse) -> dict[tuple[str, int], str]:
    """Version of each row of sentiment, by symbol and hours after 2024-03-01 00:00 UTC."""
    rows = warehouse.rows(
        "SELECT symbol, (extract(epoch FROM hour_end - '2024-03-01Z') / 3600)::int, xmin::text || ctid"
        "  FROM analytics.sentiment_1h"
    )
    return {(symbol, hour): version for symbol, hour, version in rows}


def stories(warehouse: Warehouse) -> list[set[int]]:
    """The numbers of the articles of each story, the earliest story first."""
    rows = warehouse.rows("SELECT story_id, article_id FROM market.articles ORDER BY published_at, article_id")
    told = [(str(story_id), int(article_id, 16)) for story_id, article_id in rows]
    return [{number for _, number in told if _ == story_id} for story_id in dict.fromkeys(each for each, _ in told)]


def counts(warehouse: Warehouse) -> Rows:
    return warehouse.rows(
        "SELECT sum(messages), sum(dead_letters), sum(duplicates), sum(applied) FROM ops.batch_ranges"
    )


def test_first_load_and_a_second_one_that_changes_no_row(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, number * 1.7, f"0.{number}", tickers=[ticker(), ticker("IBM")]) for number in range(9)]
    news.publish(records)
    news.load()
    assert_news_is(warehouse, records)
    warehouse.assert_counts_agree()
    assert counts(warehouse) == [(9, 0, 0, 9)]
    assert warehouse.rows("SELECT dataset, state, writer, newest_bar, error FROM ops.batches") == [
        ("news", "succeeded", "driver", None, None)
    ]
    before = warehouse.dump(*LOADED_TABLES, with_versions=True)
    news.load()
    assert warehouse.dump(*LOADED_TABLES, with_versions=True) == before


def test_duplicates_change_no_row_of_the_market(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, number, "0.10") for number in range(5)]
    news.publish([*records, *records[:2]])
    news.load()
    before = warehouse.dump("market.articles", "analytics.sentiment_1h", with_versions=True)
    again = [story(number, number, "0.1", fetched_at=fetched(9)) for number in range(5)]
    news.publish([*records, *again])
    news.load()
    assert warehouse.dump("market.articles", "analytics.sentiment_1h", with_versions=True) == before
    assert counts(warehouse) == [(17, 0, 12, 5)]
    warehouse.assert_counts_agree()


def test_raw_keeps_the_message_as_it_came(news: NewsFeed, warehouse: Warehouse) -> None:
    news.publish(
        [story(1, 0, "0.2500", sentiment="-0", tickers=[ticker("MSFT", "0.50", "0.2500"), ticker("IBM", None)])]
    )
    news.load()
    assert warehouse.rows("SELECT sentiment, tickers::text FROM raw.news") == [
        (
            "-0",
            '[{"symbol":"MSFT","relevance":"0.50","sentiment":"0.2500"},{"symbol":"IBM","relevance":null,"sentiment":"0.25"}]',
        )
    ]


def test_a_revision_recomputes_exactly_the_hours_it_reaches(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, number * 10 + 0.5, symbol) for number, symbol in enumerate(("0.1", "0.2", "0.3", "0.4"))]
    other = story(9, 10.5, tickers=[ticker("IBM")])
    news.publish([*records, other])
    news.load()
    before = hours(warehouse)
    revised = story(1, 10.5, "0.9", fetched_at=fetched(1))
    news.publish([revised])
    news.load()
    assert_news_is(warehouse, [*records, other, revised])
    after = hours(warehouse)
    assert [place for place in sorted(after) if before.get(place) != after[place]] == [
        ("MSFT", 11 + n) for n in range(48)
    ]
    assert counts(warehouse) == [(6, 0, 0, 6)]
    assert warehouse.rows("SELECT count(*) FROM market.article_versions WHERE known_until IS NULL") == [(5,)]


def test_an_older_version_that_comes_late_changes_nothing(news: NewsFeed, warehouse: Warehouse) -> None:
    newest = story(1, 5, "0.9", fetched_at=fetched(5))
    news.publish([newest])
    news.load()
    before = warehouse.dump("market.articles", "analytics.sentiment_1h", with_versions=True)
    older = story(1, 7, "0.1", fetched_at=fetched(1), headline="Another")
    news.publish([older])
    news.load()
    assert warehouse.dump("market.articles", "analytics.sentiment_1h", with_versions=True) == before
    assert_news_is(warehouse, [newest, older])
    assert counts(warehouse) == [(2, 0, 0, 2)]


def test_an_article_that_moves_and_no_longer_names_a_symbol_leaves_no_hour_behind(
    news: NewsFeed, warehouse: Warehouse
) -> None:
    first = story(1, 0.5, tickers=[ticker(), ticker("IBM")])
    news.publish([first])
    news.load()
    assert {symbol for symbol, _ in hours(warehouse)} == {"MSFT", "IBM"}
    moved = story(1, 30.5, fetched_at=fetched(1))
    news.publish([moved])
    news.load()
    assert_news_is(warehouse, [first, moved])
    assert sorted(hours(warehouse)) == [("MSFT", 31 + number) for number in range(48)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_story_of_two_vendors_counts_once(news: NewsFeed, warehouse: Warehouse, order: tuple[int, ...]) -> None:
    """Whichever comes first: the earliest article that names a symbol speaks for it."""
    records = [
        story(1, 2.5, "0.2", headline=f"{SAME}!", source="finnhub"),
        story(2, 1.5, "0.8", headline=SAME, tickers=[ticker("IBM", sentiment="-0.4")]),
        story(3, 1.9, "0.6", headline=SAME.upper()),
    ]
    for place in order:
        news.publish([records[place]])
        news.load()
    assert_news_is(warehouse, records)
    assert stories(warehouse) == [{1, 2, 3}]
    assert warehouse.rows("SELECT symbol, sentiment::float8 FROM market.story_tickers ORDER BY 1") == [
        ("IBM", -0.4),
        ("MSFT", 0.6),
    ]
    assert warehouse.rows("SELECT sum(stories) FROM analytics.sentiment_1h") == [(2,)]


def test_stories_end_after_a_day_of_silence_and_a_late_article_joins_them(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, at, headline=SAME) for number, at in ((1, 0), (2, 24), (3, 50), (4, 75))]
    news.publish(records)
    news.load()
    assert stories(warehouse) == [{1, 2}, {3}, {4}]
    records.append(story(5, 40, headline=SAME, source="finnhub"))
    news.publish(records[-1:])
    news.load()
    assert stories(warehouse) == [{1, 2, 3, 5}, {4}]
    assert_news_is(warehouse, records)


def test_a_new_headline_takes_an_article_out_of_its_story(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, number, f"0.{number}", headline=SAME) for number in (1, 2, 3)]
    news.publish(records)
    news.load()
    assert stories(warehouse) == [{1, 2, 3}]
    records.append(story(1, 1, "0.1", headline="Something else", fetched_at=fetched(1)))
    news.publish(records[-1:])
    news.load()
    assert stories(warehouse) == [{1}, {2, 3}]
    assert_news_is(warehouse, records)


@pytest.mark.parametrize(
    ("score", "overall", "by", "sentiment"),
    [("0.25", "0.5", "vendor_ticker", 0.25), (None, "0.5", "vendor", 0.5), (None, None, "vader", 0.6249)],
)
def test_whose_score_it_is(
    news: NewsFeed, warehouse: Warehouse, score: str | None, overall: str | None, by: str, sentiment: float
) -> None:
    news.publish([story(1, 0, score, sentiment=overall, headline="Great news", summary="It rains.")])
    news.load()
    assert warehouse.rows("SELECT sentiment::float8, sentiment_by FROM market.article_tickers") == [
        (pytest.approx(sentiment), by)
    ]
    assert warehouse.rows("SELECT DISTINCT mean_sentiment FROM analytics.sentiment_1h WHERE stories = 1") == [
        (sentiment,)
    ]


def test_poison_of_every_kind_is_kept_and_stops_nothing(news: NewsFeed, warehouse: Warehouse) -> None:
    # The broker's clock makes an article of 2024 one of the past.
    poison = [(name, reason, key, raw) for name, reason, key, raw in POISON if reason != "future_article"]
    future = story(7, 24 * 365 * 900)
    for record in [(key, raw) for _, _, key, raw in poison] + [future]:
        news.publish_to(news.settings.news_topic, [record], partition=0)
    good = [story(number, number) for number in range(3)]
    news.publish(good)
    news.load()
    warehouse.assert_counts_agree()
    kept = warehouse.rows("SELECT reason, payload FROM ops.dead_letters ORDER BY kafka_offset")
    assert kept == [(reason, raw) for _, reason, _, raw in poison] + [("future_article", future[1])]
    assert_news_is(warehouse, good)


def test_batch_of_nothing_but_poison(news: NewsFeed, warehouse: Warehouse) -> None:
    news.publish([(b"x", b"nonsense")] * 3)
    news.load()
    warehouse.assert_counts_agree()
    assert counts(warehouse) == [(3, 3, 0, 0)]


def test_nothing_published_is_a_quick_success(news: NewsFeed, warehouse: Warehouse) -> None:
    news.load()
    assert warehouse.rows("SELECT count(*) FROM ops.batches") == [(0,)]
    assert warehouse.rows("SELECT DISTINCT next_offset FROM ops.kafka_offsets") == [(0,)]


def test_limit_splits_into_batches(news: NewsFeed, warehouse: Warehouse) -> None:
    records = [story(number, number / 3, headline=f"Headline {number % 4}") for number in range(25)]
    news.publish(records)
    news.load(max_messages_per_batch=10)
    warehouse.assert_counts_agree()
    assert warehouse.rows("SELECT sum(messages) FROM ops.batch_ranges GROUP BY batch_id ORDER BY batch_id") == [
        (10,),
        (10,),
        (5,),
    ]
    assert_news_is(warehouse, records)


def test_an_article_at_the_beginning_of_time(news: NewsFeed, warehouse: Warehouse) -> None:
    news.publish([story(1, 0, published_at="0001-01-01T00:00:00Z")])
    news.load()
    assert warehouse.rows("SELECT count(*), sum(stories) FROM analytics.sentiment_1h") == [(48, 1)]


def returns(warehouse: Warehouse, columns: str, until: str) -> dict[Any, Any]:
    """Some columns of the report by hour and source, of hours that ended at a time or before."""
    rows = warehouse.rows(
        f"SELECT symbol, hour_end, source, {columns} FROM reports.sentiment_and_returns WHERE hour_end <= %s", until
    )
    return {row[:3]: row[3:] for row in rows}


def add_bars(warehouse: Warehouse, source: str, closes: dict[str, str]) -> None:
    for ts, close in closes.items():
        warehouse.rows(
            "INSERT INTO market.bars_1m SELECT 'MSFT', %s, %s, p, p, p, p, 1, now() FROM (SELECT %s::numeric) x (p)",
            source, f"2024-03-01 {ts}Z", close,
        )  # fmt: skip


def test_sentiment_meets_the_return_of_the_hour_after_it(news: NewsFeed, warehouse: Warehouse) -> None:
    news.publish([story(1, 9.5, "0.5")])
    news.load()
    add_bars(warehouse, "alpha_vantage", {"09:10": "50", "09:59": "100", "10:00": "7", "10:59": "110", "11:00": "1"})
    add_bars(warehouse, "coinbase", {"09:59": "100"})
    rows = warehouse.rows(
        "SELECT source, stories, decayed_sentiment, close::float8, next_close::float8, next_return"
        "  FROM reports.sentiment_and_returns WHERE hour_end = '2024-03-01 10:00Z' ORDER BY source"
    )
    assert rows == [
        ("alpha_vantage", 1, 0.5, 100.0, 110.0, pytest.approx(0.1)),
        ("coinbase", 1, 0.5, 100.0, None, None),
    ]
    # Of the next hour, with no bar after it, and of an hour without bars on either side.
    assert warehouse.rows(
        "SELECT source, next_return FROM reports.sentiment_and_returns WHERE hour_end = '2024-03-02 10:00Z'"
    ) == [(None, None)]


def test_hours_that_are_not_over_are_not_reported(news: NewsFeed, warehouse: Warehouse) -> None:
    published = warehouse.rows("SELECT to_char(now() - interval '90 minutes', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")[0][0]
    news.publish([story(1, 0, published_at=published)])
    news.load()
    assert warehouse.rows("SELECT count(*) FROM analytics.sentiment_1h") == [(48,)]
    ((reported, newest),) = warehouse.rows("SELECT count(*), max(hour_end) <= now() FROM reports.sentiment_and_returns")
    assert (reported, newest) in {(1, True), (2, True)}


def test_nothing_before_a_time_depends_on_what_comes_after_it(news: NewsFeed, warehouse: Warehouse) -> None:
    """All that is published or traded after 12:00 is changed: sentiment up to 12:00 and returns up to 12:00 stay."""
    past: list[Record] = [story(number, number * 1.3, f"0.{number}", headline=f"H {number % 5}") for number in range(9)]
    past += [story(20, 12, "0.77")]
    future = [story(number, 12.01 + number - 30, "0.4", headline=f"H {number % 5}") for number in range(30, 36)]
    news.publish(past + future)
    news.load()
    add_bars(
        warehouse,
        "alpha_vantage",
        {f"{hour:02}:{minute}": f"1{hour}.{minute}" for hour in range(24) for minute in (10, 59)},
    )
    noon = "2024-03-01 12:00Z"
    sentiment, prices = "stories, mean_sentiment, decayed_sentiment, close", "next_close, next_return"
    before = returns(warehouse, sentiment, noon), returns(warehouse, prices, "2024-03-01 11:00Z")
    assert len(before[0]) == 13
    assert sum(row[1] is not None for row in before[1].values()) == 11
    changed = [
        *(
            story(number, 12.01 + (number - 30) * 2, "-0.9", headline="H 1", fetched_at=fetched(1))
            for number in (30, 31, 32)
        ),
        *(story(number, 12.0003 + number / 100, "-1", headline=f"H {number % 10}") for number in range(40, 60)),
    ]
    news.publish(changed)
    news.load()
    warehouse.rows("UPDATE market.bars_1m SET close = close * 3, high = high * 3 WHERE ts >= '2024-03-01 12:00Z'")
    assert (returns(warehouse, sentiment, noon), returns(warehouse, prices, "2024-03-01 11:00Z")) == before
    after_noon = returns(warehouse, f"{sentiment}, {prices}", "2024-03-01 13:00Z")
    assert any(row[2] is not None and row[2] < 0 for row in after_noon.values()), "what comes after does change"
