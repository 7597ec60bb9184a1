"""Builds the tables of one session day: what portfolios were worth and may lose next, and what prices may do next."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from marketpulse_spark.code_version import code_version, dag_id
from marketpulse_spark.errors import SessionsUnknown
from marketpulse_spark.forecast_schemas import SESSION_PRICES
from marketpulse_spark.forecasts.model import MONTH, TRAINING_SESSIONS
from marketpulse_spark.portfolio_schemas import OUTCOMES, VALUATIONS
from marketpulse_spark.portfolios.backtests import OBSERVATIONS
from marketpulse_spark.portfolios.history import CARRIED_SESSIONS
from marketpulse_spark.portfolios.risk import DECAY_SESSIONS, SCENARIOS
from marketpulse_spark.settings import BuildSettings
from marketpulse_spark.transforms import forecasts, portfolios
from marketpulse_spark.warehouse import Control, fetch, sql_text, transaction

_LOG = logging.getLogger("marketpulse.build_daily")
#: As many closes as the longest window has returns, the one before them, and those that may be carried into it.
SESSIONS = SCENARIOS + DECAY_SESSIONS + 1 + CARRIED_SESSIONS
#: As many sessions as the longest training has, the month before it and a close before that; and 27 that may lack bars.
FORECAST_SESSIONS = TRAINING_SESSIONS + MONTH + 1 + 27


def build(settings: BuildSettings, session: Callable[[], SparkSession]) -> int:
    """Builds the session of every portfolio and series that has it, once it is over; what was built before is replaced.

    Forecasts are not, once the session that they are for has opened.

    Args:
        settings: See there.
        session: Gives the Spark session; called when there is something to build.

    Returns:
        How many rows changed: none when the same input was built before.

    Raises:
        DatasetLocked: Another build is at work; see `errors`.
        SessionsUnknown: See `errors`.
    """
    with Control(settings):
        valuations, sessions = read_valuations(settings), read_sessions(settings)
        if not valuations.num_rows and not sessions.num_rows:
            _LOG.info("no portfolio and no bar has a session on %s that is over", settings.session)
            return 0
        _check_next_sessions(valuations, sessions, settings.session)
        tables = _compute(session(), valuations, read_outcomes(settings), sessions)
        return _write(tables, valuations, sessions, settings)


def read_valuations(settings: BuildSettings) -> pa.Table:
    """What each portfolio held and what it was worth: layout `portfolio_schemas.VALUATIONS`, in no order.

    Nothing of portfolios for which the session is none, or is not over.
    """
    return _read(settings, "analytics/portfolio_daily/read_valuations.sql", SESSIONS)


def read_outcomes(settings: BuildSettings) -> pa.Table:
    """The newest stored forecasts for sessions up to this one, and what came of them: `portfolio_schemas.OUTCOMES`."""
    # One more than a test takes: the outcome of this session may turn out not to be known.
    return _read(settings, "analytics/portfolio_risk/read_outcomes.sql", OBSERVATIONS + 1)


def read_sessions(settings: BuildSettings) -> pa.Table:
    """The prices of each symbol and source that has bars in the session: layout `forecast_schemas.SESSION_PRICES`."""
    return _read(settings, "analytics/forecasts/read_sessions.sql", FORECAST_SESSIONS)


def _read(settings: BuildSettings, file: str, limit: int) -> pa.Table:
    with transaction(settings) as connection, connection.cursor() as cursor:
        cursor.execute(sql_text(file), [settings.session, limit])
        table = cursor.fetch_arrow_table()
    # Without rows there is no chunk either, and Spark cannot tell the type of a column of arrays.
    return table if table.num_rows else table.schema.empty_table()


def _check_next_sessions(valuations: pa.Table, sessions: pa.Table, session: dt.date) -> None:
    ahead = valuations.filter(pc.field("session") > session)
    without = set(valuations["portfolio"].to_pylist()) - set(ahead["portfolio"].to_pylist())
    without |= set(sessions.filter(pc.field("next_session").is_null())["symbol"].to_pylist())
    if without:
        raise SessionsUnknown(
            f"market.sessions has no session after {session} of the calendar of {', '.join(sorted(without))}. "
            "Next: run build_daily_analytics, whose task sync_portfolios brings it up to date."
        )


def _compute(
    spark: SparkSession, valuations: pa.Table, outcomes: pa.Table, sessions: pa.Table
) -> Mapping[str, pa.Table]:
    """The rows of each statement of `analytics` that takes them."""
    valued = spark.createDataFrame(valuations, VALUATIONS)
    known = spark.createDataFrame(outcomes, OUTCOMES)
    traded = spark.createDataFrame(sessions, SESSION_PRICES)
    tables = {
        "portfolio_daily/merge": portfolios.portfolio_daily(valued),
        "portfolio_positions/merge": portfolios.portfolio_positions(valued),
        "portfolio_correlations/merge": portfolios.portfolio_correlations(valued),
        "portfolio_risk/merge": portfolios.portfolio_risk(valued),
        "var_backtests/merge": portfolios.var_backtests(valued, known),
        "forecasts/merge": forecasts.forecasts(traded),
        "forecasts/fill_outcomes": forecasts.outcomes(traded),
    }
    return {name: table.toArrow() for name, table in tables.items()}


def _write(tables: Mapping[str, pa.Table], valuations: pa.Table, sessions: pa.Table, settings: BuildSettings) -> int:
    """Replaces the session's rows in one transaction; returns how many changed."""
    changes = 0
    with transaction(settings) as connection, connection.cursor() as cursor:
        record = [settings.session, dag_id(), settings.run_id, code_version(), *_span(valuations, sessions)]
        ((build_id,),) = fetch(cursor, sql_text("ops/daily_builds/insert.sql"), record)
        for name, rows in tables.items():
            cursor.adbc_ingest("computed", rows, mode="create", temporary=True)
            ((gone, written),) = fetch(cursor, sql_text(f"analytics/{name}.sql"), [settings.session, build_id])
            cursor.execute("DROP TABLE computed")
            _LOG.info("analytics/%s: %d rows, %d changed, %d gone", name, rows.num_rows, written, gone)
            changes += gone + written
        connection.commit()
    return changes


def _span(valuations: pa.Table, sessions: pa.Table) -> tuple[dt.date, dt.datetime | None]:
    """The oldest session and the newest bar of what was read."""
    first = min(day for table in (valuations, sessions) if (day := pc.min(table["session"]).as_py()))
    newest = [bar for table in (valuations, sessions) if (bar := pc.max(table["priced_at"]).as_py())]
    return first, max(newest, default=None)
