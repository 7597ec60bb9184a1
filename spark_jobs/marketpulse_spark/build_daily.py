"""Builds the tables of one session day: what portfolios were worth, and what they may lose next."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import SparkSession

from marketpulse_spark.code_version import code_version
from marketpulse_spark.errors import SessionsUnknown
from marketpulse_spark.portfolio_schemas import OUTCOMES, VALUATIONS
from marketpulse_spark.portfolios.backtests import OBSERVATIONS
from marketpulse_spark.portfolios.history import CARRIED_SESSIONS
from marketpulse_spark.portfolios.risk import DECAY_SESSIONS, SCENARIOS
from marketpulse_spark.settings import BuildSettings
from marketpulse_spark.transforms import portfolios
from marketpulse_spark.warehouse import Control, fetch, sql_text, transaction

_LOG = logging.getLogger("marketpulse.build_daily")
#: As many closes as the longest window has returns, the one before them, and those that may be carried into it.
SESSIONS = SCENARIOS + DECAY_SESSIONS + 1 + CARRIED_SESSIONS


def build(settings: BuildSettings, session: Callable[[], SparkSession]) -> int:
    """Builds the session of every portfolio that has it, once it is over; anything built before is replaced.

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
        valuations = read_valuations(settings)
        if not valuations.num_rows:
            _LOG.info("no portfolio has a session on %s that is over", settings.session)
            return 0
        _check_next_sessions(valuations, settings.session)
        tables = _compute(session(), valuations, read_outcomes(settings))
        return _write(tables, valuations, settings)


def read_valuations(settings: BuildSettings) -> pa.Table:
    """What each portfolio held and what it was worth: layout `portfolio_schemas.VALUATIONS`, in no order.

    Nothing of portfolios for which the session is none, or is not over.
    """
    return _read(settings, "analytics/portfolio_daily/read_valuations.sql", SESSIONS)


def read_outcomes(settings: BuildSettings) -> pa.Table:
    """The newest stored forecasts for sessions up to this one, and what came of them: `portfolio_schemas.OUTCOMES`."""
    # One more than a test takes: the outcome of this session may turn out not to be known.
    return _read(settings, "analytics/portfolio_risk/read_outcomes.sql", OBSERVATIONS + 1)


def _read(settings: BuildSettings, file: str, limit: int) -> pa.Table:
    with transaction(settings) as connection, connection.cursor() as cursor:
        cursor.execute(sql_text(file), [settings.session, limit])
        return cursor.fetch_arrow_table()


def _check_next_sessions(valuations: pa.Table, session: dt.date) -> None:
    ahead = valuations.filter(pc.field("session") > session)
    without = set(valuations["portfolio"].to_pylist()) - set(ahead["portfolio"].to_pylist())
    if without:
        raise SessionsUnknown(
            f"market.sessions has no session after {session} of the calendar of {', '.join(sorted(without))}. "
            "Next: run build_daily_analytics, whose task sync_portfolios brings it up to date."
        )


def _compute(spark: SparkSession, valuations: pa.Table, outcomes: pa.Table) -> Mapping[str, pa.Table]:
    """The rows of each table of `analytics`."""
    valued = spark.createDataFrame(valuations, VALUATIONS)
    known = spark.createDataFrame(outcomes, OUTCOMES)
    tables = {
        "portfolio_daily": portfolios.portfolio_daily(valued),
        "portfolio_positions": portfolios.portfolio_positions(valued),
        "portfolio_correlations": portfolios.portfolio_correlations(valued),
        "portfolio_risk": portfolios.portfolio_risk(valued),
        "var_backtests": portfolios.var_backtests(valued, known),
    }
    return {name: table.toArrow() for name, table in tables.items()}


def _write(tables: Mapping[str, pa.Table], valuations: pa.Table, settings: BuildSettings) -> int:
    """Replaces the session's rows in one transaction; returns how many changed."""
    changes = 0
    with transaction(settings) as connection, connection.cursor() as cursor:
        read = [pc.min(valuations["session"]).as_py(), pc.max(valuations["priced_at"]).as_py()]
        record = [settings.session, settings.run_id, code_version(), *read]
        ((build_id,),) = fetch(cursor, sql_text("ops/daily_builds/insert.sql"), record)
        for name, rows in tables.items():
            cursor.adbc_ingest("computed", rows, mode="create", temporary=True)
            ((gone, written),) = fetch(cursor, sql_text(f"analytics/{name}/merge.sql"), [settings.session, build_id])
            cursor.execute("DROP TABLE computed")
            _LOG.info("analytics.%s: %d rows, %d changed, %d gone", name, rows.num_rows, written, gone)
            changes += gone + written
        connection.commit()
    return changes
