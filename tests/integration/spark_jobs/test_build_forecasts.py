"""Forecasts of the daily build on the real PostgreSQL and Spark: what is said, that it stands, and its scores."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import psycopg
import pytest
from marketpulse_spark.build_daily import read_sessions
from marketpulse_spark.forecast_schemas import SESSION_PRICES
from marketpulse_spark.forecasts.tables import LEAST_SESSIONS, MODELS
from marketpulse_spark.portfolio_schemas import names
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.portfolios import CLOSES, OPENS, Market, builder, empty, settings, weekdays
from tests.integration.spark_jobs.warehouse import Rows, Warehouse

#: Forecasts start with the first session that is built; two more are known after those, and one to come.
DAYS = weekdays(dt.date(2024, 6, 28), LEAST_SESSIONS + 1 + 4)
BUILT, AFTER, TO_COME = DAYS[-5:-2], DAYS[-2:], dt.date(2999, 1, 1)
FIVE = dt.timedelta(minutes=5)
#: Of New York's 78.
BARS = 40

Build = Callable[[dt.date], int]


def walk(market: Market, symbol: str, days: list[dt.date], seed: int) -> None:
    """A bar each five minutes of the first hours of each session."""
    steps = np.random.default_rng(seed).normal(0.0, 0.001, len(days) * BARS)
    prices = [round(float(price), 4) for price in 100 * np.exp(np.cumsum(steps))]
    starts = [dt.datetime.combine(day, OPENS, dt.UTC) + number * FIVE for day in days for number in range(BARS)]
    market.rows(
        "INSERT INTO market.bars_1m SELECT %s, 'a', ts, p, p, p, p, 10, now()"
        " FROM unnest(%s::timestamptz[], %s::numeric[]) bar (ts, p)"
        " ON CONFLICT (symbol, source, ts) DO UPDATE SET open = excluded.open, close = excluded.close",
        *(symbol, starts, prices),
    )


@pytest.fixture
def market(warehouse: Warehouse) -> Iterator[Market]:
    """No portfolio; two series, of which one has the sessions that forecasts want."""
    empty(warehouse)
    market = Market(warehouse)
    market.open_on([*DAYS, TO_COME])
    walk(market, "MSFT", DAYS, 1)
    walk(market, "IBM", DAYS[7:], 2)
    yield market
    empty(warehouse)


@pytest.fixture
def build(environment: dict[str, str], spark: SparkSession) -> Build:
    return builder(environment, spark)


def said(market: Market, until: dt.date = TO_COME) -> Rows:
    """What was said of sessions, to the last bit, and what came of it, up to one that is over."""
    return market.rows(
        "SELECT symbol, source, quantity, model, session, for_session, value, training_sessions, coefficients::text,"
        " CASE WHEN for_session <= %s THEN outcome END"
        " FROM analytics.forecasts WHERE session <= %s ORDER BY 1, 2, 3, 4, 5",
        *(until, until),
    )


def test_prices_are_five_minutes_apart_within_the_hours(environment: dict[str, str], market: Market) -> None:
    day = DAYS[-1]
    market.rows(
        "DELETE FROM market.bars_1m WHERE symbol = 'IBM' AND ts >= %s", dt.datetime.combine(day, dt.time(), dt.UTC)
    )
    for minute, price in {
        (14, 29): 1,
        (14, 31): 2,
        (14, 34): 3,
        (14, 35): 4,
        (15, 0): 5,
        (20, 59): 6,
        (21, 0): 7,
    }.items():
        market.trade("IBM", dt.datetime.combine(day, dt.time(*minute), dt.UTC), price)
    market.act("IBM", "split", day, "4")
    market.act("IBM", "dividend", day, "9", "USD")

    table = read_sessions(settings(environment, day))

    assert table.column_names == names(SESSION_PRICES)
    *_, row = sorted((row for row in table.to_pylist() if row["symbol"] == "IBM"), key=lambda row: row["session"])
    assert row == {
        "symbol": "IBM",
        "source": "a",
        "session": day,
        "intervals": 78,
        "open": 2.0,
        "closes": [3.0, 4.0, 5.0, 6.0],
        "priced_at": dt.datetime.combine(day, dt.time(20, 59), dt.UTC),
        "split": 4.0,
        "next_session": TO_COME,
    }


def test_each_model_speaks_once_history_suffices(market: Market, build: Build) -> None:
    assert build(DAYS[-6]) == 0, "one session too few, and nothing was forecast for this one"
    assert build(BUILT[0]) == len(MODELS)
    assert market.rows(
        "SELECT quantity, model, session, for_session, made_afterwards, outcome FROM reports.forecasts ORDER BY 1, 2"
    ) == [(*key, BUILT[0], BUILT[1], True, None) for key in sorted(MODELS)]
    build(BUILT[1])
    prices = [float(price) for (price,) in market.rows(
        "SELECT close FROM market.bars_1m WHERE symbol = 'MSFT' AND ts::date = %s ORDER BY ts", BUILT[1]
    )]  # fmt: skip
    ((before,),) = market.rows(
        "SELECT close FROM market.bars_1m WHERE symbol = 'MSFT' AND ts::date = %s ORDER BY ts DESC LIMIT 1", BUILT[0]
    )
    realised = float(np.sqrt((np.diff(np.log(prices)) ** 2).sum()))
    assert market.rows(
        "SELECT DISTINCT quantity, outcome FROM reports.forecasts WHERE for_session = %s ORDER BY 1", BUILT[1]
    ) == [("direction", float(prices[-1] > before)), ("volatility", pytest.approx(realised, rel=1e-12))]


def test_building_again_changes_no_row(market: Market, build: Build) -> None:
    assert [build(session) for session in BUILT[:2]] == [5, 10]
    before = market.rows("SELECT xmin::text, f::text FROM analytics.forecasts f ORDER BY 2")
    assert len(before) == 10
    assert [build(session) for session in BUILT[:2]] == [0, 0]
    assert market.rows("SELECT xmin::text, f::text FROM analytics.forecasts f ORDER BY 2") == before


def test_live_and_backfilled_are_equal_to_the_last_bit_and_nothing_looks_ahead(market: Market, build: Build) -> None:
    """Built each evening, with no bar after it; and later, when every bar after the last one has another price."""
    market.rows("DELETE FROM market.bars_1m WHERE ts::date > %s", BUILT[0])
    for number in range(len(BUILT)):
        walk(market, "MSFT", DAYS[: number - 4], 1)
        build(BUILT[number])
    live = said(market, BUILT[-1])
    assert len(live) == 15
    assert [row[-1] is None for row in live].count(True) == 5
    walk(market, "MSFT", AFTER, 9)
    market.act("MSFT", "split", AFTER[0], "2")
    # After the close, of the last session itself.
    market.trade("MSFT", dt.datetime.combine(BUILT[-1], dt.time(21), dt.UTC), 1)
    market.rows("TRUNCATE analytics.forecasts")
    for session in [*BUILT, AFTER[0]]:
        build(session)
    assert said(market, BUILT[-1]) == live


def test_a_revision_changes_the_outcome_and_not_what_was_said(market: Market, build: Build) -> None:
    for session in BUILT:
        build(session)
    before = {row[:-1]: row[-1] for row in said(market)}
    market.trade("MSFT", dt.datetime.combine(BUILT[1], OPENS, dt.UTC) + 3 * FIVE, 120)
    assert [build(session) for session in BUILT] == [0, 3, 0], "the realised volatility, beside three models"
    after = {row[:-1]: row[-1] for row in said(market)}
    assert after.keys() == before.keys()
    changed = [key for key in after if after[key] != before[key]]
    assert {(key[2], key[5]) for key in changed} == {("volatility", BUILT[1])}
    assert market.rows(
        "SELECT f.build_id < f.outcome_build_id, b.session FROM analytics.forecasts f"
        " JOIN ops.daily_builds b ON b.build_id = f.outcome_build_id WHERE for_session = %s AND model = 'har'",
        BUILT[1],
    ) == [(True, BUILT[1])]  # fmt: skip


def test_until_its_session_opens_a_forecast_follows_the_bars_and_then_it_stands(
    market: Market, build: Build, environment: dict[str, str]
) -> None:
    assert build(DAYS[-1]) == 5
    made = "SELECT made_afterwards, made_at FROM analytics.forecasts WHERE symbol = 'MSFT' AND model = 'har'"
    ((afterwards, first),) = market.rows(made)
    assert not afterwards
    last_bar = dt.datetime.combine(DAYS[-1], OPENS, dt.UTC) + 3 * FIVE
    market.trade("MSFT", last_bar, 120)
    assert build(DAYS[-1]) == 3, "what is said of volatility"
    ((_, second),) = market.rows(made)
    assert second > first
    market.rows("ALTER TABLE analytics.forecasts DISABLE TRIGGER USER")
    market.rows("UPDATE analytics.forecasts SET stands_from = clock_timestamp()")
    market.rows("ALTER TABLE analytics.forecasts ENABLE TRIGGER USER")
    market.trade("MSFT", last_bar, 130)
    assert build(DAYS[-1]) == 0
    with psycopg.connect(environment["MARKETPULSE_WAREHOUSE_DSN"], autocommit=True) as loader:
        for change in ("value = 0.5", "stands_from = '3000-01-01'", "made_at = '2000-01-01'", "model = 'better'"):
            with pytest.raises(
                psycopg.errors.RaiseException, match=r"What \w+ said of the .* stands: the session has opened"
            ):
                loader.execute(f"UPDATE analytics.forecasts SET {change}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            loader.execute("DELETE FROM analytics.forecasts")
        loader.execute("UPDATE analytics.forecasts SET outcome = 1")
    assert market.rows(made) == [(False, second)]


def test_a_market_that_never_closes_leaves_an_hour(market: Market, build: Build) -> None:
    day = DAYS[-1]
    closing = dt.datetime.combine(day, CLOSES, dt.UTC)
    market.rows(
        "INSERT INTO market.sessions VALUES ('XNYS', %s, tstzmultirange(tstzrange(%s, %s)))",
        *(day + dt.timedelta(days=1), closing, closing + dt.timedelta(days=1)),
    )
    build(day)
    assert market.rows("SELECT DISTINCT stands_from FROM analytics.forecasts") == [(closing + dt.timedelta(hours=1),)]


def test_scores_are_those_of_numpy(market: Market) -> None:
    """Of stored rows: models that are right, wrong, and chance; said before, said afterwards, and of few sessions."""
    store(market, "MSFT", "2999-06-01", 250)
    store(market, "MSFT", "2024-06-01", 60)
    store(market, "IBM", "2024-06-01", 29)
    rows = pd.DataFrame(
        market.rows(
            "SELECT symbol, quantity, model, made_afterwards, for_session, value, outcome FROM reports.forecasts"
        ),
        columns=["symbol", "quantity", "model", "made_afterwards", "for_session", "value", "outcome"],
    )
    scores = {
        tuple(row[name] for name in ("symbol", "made_afterwards", "quantity", "model")): row
        for (row,) in market.rows("SELECT to_jsonb(s) FROM reports.forecast_scores s")
    }
    assert len(scores) == 9
    for (symbol, afterwards, quantity, model), found in scores.items():
        kind = rows[
            (rows["symbol"] == symbol) & (rows["made_afterwards"] == afterwards) & (rows["quantity"] == quantity)
        ]
        wide = (
            kind.pivot(index="for_session", columns="model", values="value")
            .join(kind.groupby("for_session")["outcome"].first())
            .dropna()
        )
        assert found["sessions"] == len(wide)
        wanted = recomputed(quantity, wide[model], wide["random_walk"], wide["outcome"])
        for name, value in wanted.items():
            expected = None if value is None else pytest.approx(value, rel=1e-9)
            assert found[name] == expected, (symbol, model, name)
    assert {key: row["beats_baseline"] for key, row in scores.items() if key[0] == "MSFT"} == {
        ("MSFT", afterwards, *model): better
        for afterwards in (False, True)
        for model, better in {
            ("volatility", "har"): True,
            ("volatility", "ewma"): False,
            ("direction", "logistic"): False,
        }.items()
    }
    assert {row["beats_baseline"] for key, row in scores.items() if key[0] == "IBM"} == {None}
    diagram = market.rows(
        "SELECT sum(sessions), sum(sessions * (mean_probability - share_risen) ^ 2) / sum(sessions)"
        " FROM reports.forecast_reliability WHERE symbol = 'MSFT' AND model = 'logistic' AND NOT made_afterwards"
    )
    assert diagram == [(249, pytest.approx(scores["MSFT", False, "direction", "logistic"]["reliability"]))]


def store(market: Market, symbol: str, first: str, count: int) -> None:
    """Forecasts of so many sessions, of which the last has no outcome yet."""
    chance = np.random.default_rng(count)
    realised = np.exp(chance.normal(-4.5, 0.4, count))
    rises = (chance.random(count) < 0.5).astype(float)
    values: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {
        ("volatility", "random_walk"): (np.roll(realised, 1), realised),
        ("volatility", "har"): (realised * np.exp(chance.normal(0.0, 0.1, count)), realised),
        ("volatility", "ewma"): (realised * 5, realised),
        ("direction", "random_walk"): (np.full(count, 0.5), rises),
        ("direction", "logistic"): (chance.random(count), rises),
    }
    market.rows(
        "INSERT INTO ops.daily_builds (session, run_id, code_version, first_session) VALUES (%s, 'x', 'x', %s)",
        first,
        first,
    )
    for (quantity, model), (said_of_it, outcomes) in values.items():
        known = [*outcomes.tolist()[:-1], None]
        market.rows(
            "INSERT INTO analytics.forecasts (symbol, source, quantity, model, session, for_session, stands_from,"
            " value, outcome, training_sessions, coefficients, build_id)"
            " SELECT %s, 'a', %s, %s, day, day + 1, (day + 1)::timestamptz, value, outcome, 1, '{}',"
            " (SELECT max(build_id) FROM ops.daily_builds)"
            " FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY said (value, outcome, number),"
            " LATERAL (SELECT %s::date + number::integer AS day) days",
            *(symbol, quantity, model, said_of_it.tolist(), known, first),
        )


def recomputed(
    quantity: str, said_of_it: pd.Series, baseline: pd.Series, outcome: pd.Series
) -> dict[str, float | None]:
    """What the view should say, by numpy."""
    scores: dict[str, float | None] = {}
    losses = {}
    for prefix, values in (("", said_of_it), ("baseline_", baseline)):
        errors = values - outcome
        if quantity == "volatility":
            ratio = outcome**2 / values**2
            losses[prefix] = ratio - np.log(ratio) - 1
            scores |= {f"{prefix}qlike": losses[prefix].mean(), f"{prefix}rmse": float(np.sqrt((errors**2).mean()))}
            scores |= {f"{prefix}{name}": None for name in ("brier", "hit_rate", "reliability")}
        else:
            losses[prefix] = errors**2
            bins = np.digitize(values, np.arange(1, 10) / 10)
            parts = [(bins == number, errors[bins == number].mean()) for number in np.unique(bins)]
            scores |= {
                f"{prefix}brier": losses[prefix].mean(),
                f"{prefix}hit_rate": ((values > 0.5) == (outcome == 1)).mean(),
                f"{prefix}reliability": sum(inside.sum() * mean**2 for inside, mean in parts) / len(values),
                f"{prefix}qlike": None,
                f"{prefix}rmse": None,
            }
    gain = losses["baseline_"] - losses[""]
    return scores | {"dm_statistic": gain.mean() / (gain.std(ddof=1) / np.sqrt(len(gain)))}
