"""From rows back to the messages, the batch, the code and the DAG run that made them."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from marketpulse_spark.code_version import code_version
from marketpulse_spark.contract import FIELDS

from tests.integration.spark_jobs.feed import Feed, bar, fetched, split
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.warehouse import Rows, Warehouse

#: Rows that no message made: configuration, and what is counted over many rows or observed by other means.
NOT_FROM_MESSAGES = {
    "market.adjustment_factors",
    "market.holdings",
    "market.instruments",
    "market.portfolio_versions",
    "market.portfolios",
    "market.reconciliation",
    "market.sessions",
    "market.source_ranks",
    "reports.batches",
    "reports.coverage",
    "reports.dead_letters",
    "reports.forecast_reliability",
    "reports.forecast_scores",
    "reports.freshness",
    "reports.market_now",
    "reports.missing_bars",
    "reports.portfolios",
    "reports.quote_checks",
    "reports.series",
}
SERIES = {"symbol": "MSFT", "source": "alpha_vantage"}
BAR = SERIES | {"ts": "2024-03-01 00:07Z"}


@pytest.fixture(autouse=True)
def started_by_a_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Airflow sets for the processes of a task."""
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "load_bars")


def lineage(warehouse: Warehouse, columns: str, relation: str, key: dict[str, Any]) -> Rows:
    return warehouse.rows(f"SELECT {columns} FROM ops.lineage(%s, %s)", relation, json.dumps(key))


def test_a_bar_leads_to_the_message_that_made_it(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(number, "100", run_id=f"fetched {number}") for number in range(9)])
    feed.load()

    found = lineage(
        warehouse,
        "part, dag_id, run_id, code_version, topic, published_by, message ->> 'ts', done_at > kafka_ts",
        "reports.bars_1m",
        BAR,
    )

    of_run = ("load_bars", "test", code_version(), feed.live, "fetched 7")
    assert found == [("made", *of_run, "2024-03-01T00:07:00+00:00", True)]
    fields = "(SELECT array_agg(name ORDER BY name) FROM jsonb_object_keys(message) AS name)"
    assert lineage(warehouse, fields, "market.bars_1m", BAR) == [(sorted(FIELDS),)]
    ((partition, offset, batch),) = lineage(warehouse, "partition, kafka_offset, batch_id", "market.bars_1m", BAR)
    assert warehouse.rows(
        "SELECT start_offset <= %s AND end_offset > %s FROM ops.batch_ranges WHERE topic = %s AND partition = %s"
        " AND batch_id = %s",
        *(offset, offset, feed.live, partition, batch),
    ) == [(True,)]


def test_revisions_and_duplicates_are_told_apart(feed: Feed, warehouse: Warehouse) -> None:
    first, second = bar(7, "100", fetched_at=fetched(1)), bar(7, "101", fetched_at=fetched(2))
    confirmed, back = bar(7, "101", fetched_at=fetched(3)), bar(7, "100", fetched_at=fetched(4))
    for messages in ([first, second], [second, confirmed], [back], [first]):
        feed.publish(messages)
        feed.load()

    def parts(relation: str, key: dict[str, Any]) -> list[tuple[str, str]]:
        found = lineage(warehouse, "kafka_offset, part, message ->> 'close'", relation, key)
        return [(part, close) for _, part, close in sorted(found)]

    assert parts("market.bars_1m", BAR) == [
        ("other_version", "100"),
        ("other_version", "101"),
        ("duplicate", "101"),
        ("duplicate", "101"),
        ("made", "100"),
        ("duplicate", "100"),
    ]
    assert parts("market.bar_revisions", BAR | {"fetched_at": fetched(2)}) == [
        ("other_version", "100"),
        ("made", "101"),
        ("duplicate", "101"),
        ("duplicate", "101"),
        ("other_version", "100"),
        ("duplicate", "100"),
    ]


def test_indicators_name_the_bars_of_their_window(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(number, "100") for number in range(100)])
    feed.load()
    feed.publish([bar(70, "101", fetched_at=fetched(9)), bar(60, "100", source="coinbase")])
    feed.load()

    key = SERIES | {"ts": "2024-03-01 01:20Z"}
    found = lineage(warehouse, "part, of_key ->> 'ts', batch_id", "analytics.indicators_1m", key)

    assert [(part, ts[11:16]) for part, ts, _ in found] == [
        ("input", f"{number // 60:02}:{number % 60:02}") for number in range(20, 81)
    ]
    batches = [batch for _, _, batch in found]
    assert batches == [min(batches)] * 50 + [max(batches)] + [min(batches)] * 10
    assert max(batches) > min(batches)


def test_roll_ups_name_their_minutes(feed: Feed, warehouse: Warehouse) -> None:
    warehouse.rows("TRUNCATE market.sessions")
    warehouse.rows(
        "INSERT INTO market.sessions VALUES"
        " ('XNYS', '2024-03-01', '{[2024-03-01 00:02Z,2024-03-01 00:30Z),[2024-03-01 00:33Z,2024-03-01 02:00Z)}')"
    )
    feed.publish([bar(number, "100") for number in range(120)])
    feed.load()
    of_session = SERIES | {"session": "2024-03-01"}

    def minutes(relation: str, ts: str) -> Rows:
        query = "count(kafka_offset), min(of_key ->> 'ts'), max(of_key ->> 'ts')"
        ((count, first, last),) = lineage(warehouse, query, relation, of_session | {"ts": ts})
        return [(count, first and first[11:16], last and last[11:16])]

    assert minutes("reports.bars_5m", "2024-03-01 00:27Z") == [(3, "00:27", "00:29")]
    assert minutes("reports.bars_5m", "2024-03-01 00:33Z") == [(5, "00:33", "00:37")]
    assert minutes("analytics.bars_1h", "2024-03-01 00:33Z") == [(60, "00:33", "01:32")]
    assert minutes("analytics.bars_session", "2024-03-01 00:02Z") == [(115, "00:02", "01:59")]
    assert minutes("analytics.session_indicators_1m", "2024-03-01 00:34Z") == [(30, "00:02", "00:34")]
    assert minutes("analytics.bars_5m", "2024-03-01 00:28Z") == [(0, None, None)], "no bar starts there"


def test_the_minute_of_a_consensus_names_every_source(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(7, "100"), bar(7, "101", source="coinbase"), bar(8, "100")])
    feed.load()

    found = lineage(warehouse, "part, message ->> 'source'", "market.consensus_bars_1m", BAR)

    assert sorted(found) == [("input", "alpha_vantage"), ("input", "coinbase")]


def test_actions_lead_to_what_was_said_of_them(feed: Feed, warehouse: Warehouse) -> None:
    early, late = split(100, "2", fetched_at=fetched(1)), split(100, "4", fetched_at=fetched(2))
    feed.publish_actions(early, late, late)
    feed.load()
    ((ex_date,),) = warehouse.rows("SELECT ex_date::text FROM market.corporate_actions")
    key = {"symbol": "MSFT", "kind": "split", "ex_date": ex_date}

    found = lineage(warehouse, "kafka_offset, part, topic, message ->> 'value'", "reports.corporate_actions", key)

    assert [row[1:] for row in sorted(found)] == [
        ("other_version", feed.actions, "2"),
        ("made", feed.actions, "4"),
        ("duplicate", feed.actions, "4"),
    ]


def test_articles_and_the_sentiment_of_their_hours(news: NewsFeed, warehouse: Warehouse) -> None:
    revised = story(1, 0.5, "0.7", fetched_at=fetched(5))
    news.publish([story(1, 0.5), story(2, 30), story(3, 60), revised, revised])
    news.load()
    article = {"article_id": f"{1:032x}"}

    found = lineage(warehouse, "part, message ->> 'fetched_at'", "market.articles", article)
    inputs = lineage(
        warehouse,
        "part, of_key ->> 'article_id', message ->> 'fetched_at', topic",
        "analytics.sentiment_1h",
        {"symbol": "MSFT", "hour_end": "2024-03-03 00:00Z"},
    )

    assert sorted(found) == [
        ("duplicate", "2024-03-05T00:00:05+00:00"),
        ("made", "2024-03-05T00:00:05+00:00"),
        ("other_version", "2024-03-05T00:00:00+00:00"),
    ]
    assert sorted(inputs) == [
        ("input", f"{1:032x}", "2024-03-05T00:00:05+00:00", news.settings.news_topic),
        ("input", f"{2:032x}", "2024-03-05T00:00:00+00:00", news.settings.news_topic),
    ]


def test_anomalies_forecasts_and_portfolios_lead_to_their_run(feed: Feed, warehouse: Warehouse) -> None:
    warehouse.rows("TRUNCATE market.sessions, market.portfolios, ops.daily_builds, ops.detections CASCADE")
    feed.publish([bar(number, "100", symbol=symbol) for number in range(60) for symbol in ("MSFT", "IBM")])
    feed.load()
    for statement in (
        "INSERT INTO market.sessions VALUES ('XNYS', '2024-03-01', '{[2024-03-01 00:02Z,2024-03-01 00:30Z)}')",
        "INSERT INTO market.portfolios VALUES ('mine', 'Mine', 'USD', 'IBM')",
        "INSERT INTO ops.daily_builds (session, dag_id, run_id, code_version, first_session)"
        " VALUES ('2024-03-01', 'build_daily_analytics', 'run 1', 'code 1', '2024-02-01'),"
        "        ('2024-03-04', 'build_daily_analytics', 'run 2', 'code 2', '2024-02-01')",
        "INSERT INTO analytics.portfolio_daily (portfolio, session, cash, build_id)"
        " SELECT 'mine', '2024-03-01', 0, min(build_id) FROM ops.daily_builds",
        "INSERT INTO analytics.portfolio_positions (portfolio, session, symbol, shares, priced_on, build_id)"
        " SELECT 'mine', '2024-03-01', symbol, 1, '2024-03-01', build_id"
        "   FROM (VALUES ('MSFT'), ('IBM')) s (symbol), ops.daily_builds WHERE run_id = 'run 1'",
        "INSERT INTO analytics.portfolio_risk (portfolio, session, method, confidence, for_session, build_id)"
        " SELECT 'mine', '2024-03-01', 'filtered', 0.95, '2024-03-04', max(build_id) FROM ops.daily_builds",
        "INSERT INTO analytics.forecasts (symbol, source, quantity, for_session, model, session, stands_from, value,"
        "                                 training_sessions, coefficients, build_id, outcome, outcome_build_id)"
        " SELECT 'MSFT', 'alpha_vantage', 'volatility', '2024-03-04', 'har', '2024-03-01', '2999-01-01', 1,"
        "        9, '{}', min(build_id), 1, max(build_id) FROM ops.daily_builds",
        "INSERT INTO ops.detections (dag_id, run_id, code_version, sessions)"
        " VALUES ('detect_anomalies', 'run 3', 'c', 1)",
        "INSERT INTO analytics.anomalies (symbol, source, kind, ts, detected_ts, score, evidence, detection_id)"
        " SELECT 'MSFT', 'alpha_vantage', 'bad_tick', '2024-03-01 00:07Z', '2024-03-01 00:09Z', 9, '{\"moves\": 9}',"
        "        detection_id FROM ops.detections",
    ):
        warehouse.rows(statement)
    columns = "part, run_id, coalesce(message ->> 'symbol', '') || to_char((of_key ->> 'ts')::timestamptz, ' HH24:MI')"
    of_day = {"portfolio": "mine", "session": "2024-03-01"}

    def found(relation: str, key: dict[str, Any]) -> Rows:
        return sorted(row for row in lineage(warehouse, columns, relation, key))

    assert found("reports.anomalies", BAR | {"kind": "bad_tick"}) == [
        ("detection", "run 3", " 00:07"),
        ("input", "test", "MSFT 00:07"),
        ("input", "test", "MSFT 00:08"),
    ]
    closing = [("input", "test", "IBM 00:29"), ("input", "test", "MSFT 00:29")]
    assert found("analytics.portfolio_daily", of_day) == [("build", "run 1", None), *closing]
    assert found("reports.portfolio_positions", of_day | {"symbol": "IBM"}) == [("build", "run 1", None), closing[0]]
    of_risk = of_day | {"method": "filtered", "confidence": "0.95"}
    assert found("analytics.portfolio_risk", of_risk) == [("build", "run 2", None), *closing]
    forecast = SERIES | {"quantity": "volatility", "for_session": "2024-03-04", "model": "har"}
    assert found("analytics.forecasts", forecast) == [
        ("build", "run 1", None),
        *(("input", "test", f"MSFT 00:{minute:02}") for minute in range(2, 30)),
        ("outcome_build", "run 2", None),
    ]


def test_inputs_stay_named_when_raw_has_let_go_of_their_messages(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(number, "100") for number in range(3)])
    feed.load()
    warehouse.rows("DELETE FROM raw.bars WHERE ts = '2024-03-01 00:01Z'")

    found = lineage(
        warehouse,
        "of_key ->> 'ts', message IS NULL",
        "reports.indicators_1m",
        SERIES | {"ts": "2024-03-01 00:02Z"},
    )

    assert [(ts[14:16], gone) for ts, gone in sorted(found)] == [("00", False), ("01", True), ("02", False)]


def test_a_table_is_known_or_its_rows_come_from_no_message(warehouse: Warehouse) -> None:
    tables = warehouse.rows(
        "SELECT name, ops.lineage_kind(name)"
        "  FROM (SELECT format('%s.%s', table_schema, table_name) AS name FROM information_schema.tables"
        "         WHERE table_schema IN ('market', 'analytics', 'reports')) t"
    )
    assert {name for name, kind in tables if kind is None} == NOT_FROM_MESSAGES
    with pytest.raises(psycopg.errors.RaiseException, match=r"rows of reports\.coverage do not come from messages"):
        lineage(warehouse, "1", "reports.coverage", {})
    assert lineage(warehouse, "1", "market.bars_1m", BAR) == [], "there is no such bar"


def test_a_bar_is_found_by_the_range_of_its_minutes(warehouse: Warehouse) -> None:
    """Not by reading every message ever loaded."""
    warehouse.rows("SELECT raw.ensure_day('bars', '2001-09-01')")
    try:
        warehouse.rows(
            "INSERT INTO raw.bars SELECT 't', 0, n, '2001-09-01', 1, 's', 'MSFT', '1min', '2001-01-01Z'::timestamptz"
            " + n * interval '1 min', '1', '1', '1', '1', '1', now(), 'r' FROM generate_series(1, 200000) n"
        )
        warehouse.rows("VACUUM ANALYZE raw.bars_20010901")
        warehouse.rows("SET enable_seqscan = off")
        plan = warehouse.rows(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT FROM raw.bars WHERE symbol = 'MSFT' AND source = 's'"
            " AND ts BETWEEN '2001-03-01Z' AND '2001-03-01Z'"
        )[0][0][0]["Plan"]
        scanned = [each for each in plan.get("Plans", [plan]) if each.get("Relation Name") == "bars_20010901"]
        assert [each["Node Type"] for each in scanned] == ["Bitmap Heap Scan"]
        assert scanned[0]["Actual Rows"] == 1
        assert scanned[0]["Rows Removed by Index Recheck"] < 5_000
    finally:
        warehouse.rows("RESET enable_seqscan")
        warehouse.rows("DROP TABLE raw.bars_20010901")
