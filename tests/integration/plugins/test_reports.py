"""Every question of `reports/`, asked of a real PostgreSQL by the reader: known data, known answers, and no data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import yaml
from marketpulse.reports.answers import ask, check_columns
from marketpulse.reports.catalogue import load_catalogue
from marketpulse.reports.located import ReportError
from marketpulse.reports.questions import Question

from tests.integration.plugins.known_reports import KNOWN, VALUES, readable
from tests.local_stack import REPOSITORY

CATALOGUE = load_catalogue(REPOSITORY)
QUESTIONS = CATALOGUE.questions
ANSWERS: dict[str, dict[str, Any]] = yaml.safe_load((KNOWN / "answers.yml").read_text())
#: In an answer: whatever it is; a test of its own looks at it.
ANYTHING = "*"
#: What questions find in millions of rows, and must never read from one end to the other.
LARGE = {"bars_1m", "bar_revisions", "indicators_1m"}


@pytest.mark.parametrize("name", QUESTIONS)
def test_known_data_has_known_answers(known: psycopg.Connection, name: str) -> None:
    answer = ANSWERS[name]
    found = ask(known, QUESTIONS[name], VALUES | answer.get("values", {}))

    assert len(found.rows) == len(answer["rows"]) >= 1
    for row, expected in zip(found.rows, answer["rows"], strict=True):
        for column, value, wanted in zip(found.columns, map(readable, row), expected, strict=True):
            if wanted != ANYTHING:
                same = pytest.approx(wanted, rel=1e-9, abs=1e-12) if isinstance(wanted, float) else wanted
                assert value == same, f"{column} of {row}"


def test_there_is_no_answer_without_a_question() -> None:
    assert sorted(ANSWERS) == sorted(QUESTIONS)
    assert len(QUESTIONS) >= 30


@pytest.mark.parametrize("name", QUESTIONS)
def test_without_data_there_are_no_rows_and_no_error(nothing: psycopg.Connection, name: str) -> None:
    question = QUESTIONS[name]
    rows = ask(nothing, question, VALUES).rows

    assert rows == ([(0,) if name == "quality_late" else (None,)] if question.chart == "number" else [])


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_have_the_columns_that_the_header_lists(nothing: psycopg.Connection, name: str) -> None:
    check_columns(nothing, QUESTIONS[name], VALUES)


@pytest.mark.parametrize("name", QUESTIONS)
def test_indexes_lead_to_all_rows_of_large_tables(known: psycopg.Connection, name: str) -> None:
    # With few rows PostgreSQL reads whole tables for good reason; so forbidden, it does where no index helps.
    known.execute("SET LOCAL enable_seqscan = off")
    explained = QUESTIONS[name].model_copy(update={"sql": "EXPLAIN (FORMAT JSON) " + QUESTIONS[name].sql})
    ((plan,),) = ask(known, explained, VALUES).rows

    scans = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") in LARGE]
    conditions = [str(node.get("Index Cond", node.get("Recheck Cond"))) for node in scans]
    assert [condition for condition in conditions if "symbol" not in condition] == []


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def test_ages_count_from_the_end_of_the_newest_minute(known: psycopg.Connection) -> None:
    newest = datetime(2026, 5, 15, 14, 2, tzinfo=UTC)
    ((now,),) = known.execute("SELECT now()")
    btcusd, aaa = ask(known, QUESTIONS["quality_freshness"], VALUES).rows

    assert btcusd[-1] == pytest.approx((now - newest).total_seconds())
    assert aaa[-1] - btcusd[-1] == 30 * 60


@pytest.mark.parametrize(
    "symbol", ["'; DROP VIEW reports.bars_1m; --", "AAA' OR 'a' = 'a", "x" * 100_000, "%(symbol)s"]
)
def test_what_a_reader_writes_is_no_sql(known: psycopg.Connection, symbol: str) -> None:
    questions = [question for question in QUESTIONS.values() if "symbol" in question.parameters]
    assert len(questions) >= 10
    for question in questions:
        assert ask(known, question, VALUES | {"symbol": symbol}).rows == []
    assert ask(known, QUESTIONS["symbol_candles"], VALUES).rows


def test_a_statement_that_postgresql_refuses_is_named_by_its_line(nothing: psycopg.Connection) -> None:
    wrong = altered("symbol_candles", "sma_60, volume", "\n sma_61, volume")
    with pytest.raises(ReportError, match=r'symbol_candles\.sql:24: column "sma_61" does not exist.*Fix: '):
        ask(nothing, wrong, VALUES)


@pytest.mark.parametrize("relation", ["market.bars_1m", "raw.bars", "ops.batches", "analytics.forecasts"])
def test_a_question_reads_reports_and_nothing_else(nothing: psycopg.Connection, relation: str) -> None:
    with pytest.raises(ReportError, match=r"symbol_candles\.sql:\d+: permission denied for schema"):
        check_columns(nothing, altered("symbol_candles", "reports.bars_1m", relation), VALUES)


def test_other_columns_than_listed_are_refused(nothing: psycopg.Connection) -> None:
    wrong = altered("symbol_momentum", "rsi_14", "rsi_14 AS rsi")
    with pytest.raises(
        ReportError, match=r"symbol_momentum\.sql:11: the answer's columns are ts, rsi, the header lists"
    ):
        check_columns(nothing, wrong, VALUES)


def altered(name: str, old: str, new: str) -> Question:
    question = QUESTIONS[name]
    assert old in question.sql
    return question.model_copy(update={"sql": question.sql.replace(old, new, 1)})


def test_every_column_of_reports_is_documented(superuser: psycopg.Connection) -> None:
    columns = superuser.execute(
        "SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum) FROM pg_attribute"
        " JOIN pg_class ON attrelid = pg_class.oid WHERE relnamespace = 'reports'::regnamespace AND attnum > 0"
    ).fetchall()
    assert len(columns) > 200
    assert [(view, column) for view, column, comment in columns if not comment] == []
