"""Anomalies on the real PostgreSQL and Spark: what is looked at, what is written, and what never changes."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import psycopg
import pytest
from marketpulse_spark.detect_anomalies import detect
from marketpulse_spark.errors import DatasetLocked, DetectionOvertaken, SessionsUnknown
from marketpulse_spark.settings import DetectSettings
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.portfolios import OPENS, Market, empty, weekdays
from tests.integration.spark_jobs.processes import submit
from tests.integration.spark_jobs.warehouse import Rows, Warehouse
from tests.local_stack import REPOSITORY

DETECT_ANOMALIES = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/detect_anomalies.py"
MINUTE = dt.timedelta(minutes=1)
MINUTES = 60
DAYS = weekdays(dt.date(2024, 6, 28), 14)
TOPIC = "market.bars.v1"
#: What follows from the bars alone.
COLUMNS = "symbol, source, other_source, kind, ts, session, detected_ts, ended_ts, score, evidence, state"
#: Minute of a session, and what its prices are multiplied by.
BAD_TICK, GAP = (20, 1.03), (40, 0.95)

#: Start, then open, high, low, close and volume.
Bar = tuple[dt.datetime, list[float]]
Detect = Callable[..., Counter[str]]


def at(session: int, minute: int = 0) -> dt.datetime:
    """The start of a bar."""
    return dt.datetime.combine(DAYS[session], OPENS, dt.UTC) + minute * MINUTE


def bars_of(sessions: range, seed: int = 1) -> list[Bar]:
    """A random walk in cents; the last two sessions have a bad tick, a stale price, a gap and a volume burst each."""
    generator = np.random.default_rng(seed)
    bars = []
    price = 100.0
    for session in sessions:
        for minute in range(MINUTES):
            spoilt = session >= 12
            opening, price = price, price * np.exp(generator.normal(0, 0.0008))
            if spoilt and 5 <= minute < 15:
                price = opening
            if spoilt and minute == GAP[0]:
                opening, price = opening * GAP[1], price * GAP[1]
            shown = price * (BAD_TICK[1] if spoilt and minute == BAD_TICK[0] else 1)
            prices = [opening, max(opening, shown), min(opening, shown), shown]
            volume = np.round(1000 * np.exp(generator.normal(0, 0.5))) * (1000 if spoilt and minute == 50 else 1)
            bars.append((at(session, minute), [*np.round(prices, 2).tolist(), float(volume)]))
    return bars


BARS = bars_of(range(14))


class Loader:
    """Puts bars and splits where the loader does, with its ledger, in one transaction each."""

    def __init__(self, warehouse: Warehouse, owner: psycopg.Connection) -> None:
        self.rows = warehouse.rows
        self._owner = owner
        self.rows("SELECT raw.ensure_day('bars', current_date)")
        self.rows("INSERT INTO ops.kafka_offsets VALUES (%s, 0, 'cluster', 'topic', 0)", TOPIC)

    def load(self, *bars: Bar) -> None:
        with self._owner.transaction():
            for ts, values in bars:
                self.rows(
                    "INSERT INTO market.bars_1m VALUES ('IBM', 'a', %s, %s, %s, %s, %s, %s, now())"
                    " ON CONFLICT (symbol, source, ts) DO UPDATE SET open = excluded.open, high = excluded.high,"
                    " low = excluded.low, close = excluded.close, volume = excluded.volume",
                    *(ts, *values),
                )
                self.rows(
                    "INSERT INTO raw.bars SELECT topic, partition, next_offset, now(), 1, 'a', 'IBM', '1min', %s,"
                    " '1', '1', '1', '1', '1', now(), 'run' FROM ops.kafka_offsets WHERE topic = %s",
                    *(ts, TOPIC),
                )
                self.rows("UPDATE ops.kafka_offsets SET next_offset = next_offset + 1 WHERE topic = %s", TOPIC)

    def split(self, day: dt.date, ratio: str) -> None:
        with self._owner.transaction():
            Market(Warehouse(self._owner)).act("IBM", "split", day, ratio)
            self.rows(
                "INSERT INTO raw.actions SELECT topic, partition, next_offset, now(), 1, 'b', 'IBM', 'split', %s,"
                " now(), '3', '', now(), 'run' FROM ops.kafka_offsets WHERE topic = %s",
                *(day, TOPIC),
            )
            self.rows("UPDATE ops.kafka_offsets SET next_offset = next_offset + 1 WHERE topic = %s", TOPIC)

    def found(self) -> Rows:
        return self.rows(f"SELECT {COLUMNS} FROM analytics.anomalies ORDER BY kind, ts")


@pytest.fixture
def loader(warehouse: Warehouse, owner: psycopg.Connection) -> Iterator[Loader]:
    """Sessions of one hour, and tables without anomalies."""

    def clean() -> None:
        empty(warehouse)
        warehouse.rows("TRUNCATE analytics.anomalies, ops.detections, ops.detected_offsets, ops.action_observations")

    clean()
    Market(warehouse).open_on(DAYS, closes=(at(0, MINUTES)).time())
    yield Loader(warehouse, owner)
    clean()


@pytest.fixture
def run(environment: dict[str, str], spark: SparkSession) -> Detect:
    """Looks for anomalies in this process; returns how many are new, by kind."""

    def detect_now(
        session: dt.date | None = None, given: Callable[[], SparkSession] | None = None, at_once: int = 250
    ) -> Counter[str]:
        dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
        settings = DetectSettings("test", session, dsn, sessions_at_once=at_once, lock_seconds=2)
        return detect(settings, given or (lambda: spark))

    return detect_now


def no_spark() -> SparkSession:
    raise AssertionError("Spark was started")


def known_by(rows: Rows, now: dt.datetime) -> Rows:
    """What was known then; that it is over is known when it is."""
    return [(*row[:7], row[7] if row[7] and row[7] <= now else None, *row[8:10]) for row in rows if row[6] <= now]


def test_live_and_backfilled_are_equal_to_the_last_bit_and_nothing_looks_ahead(loader: Loader, run: Detect) -> None:
    snapshots = []
    loaded = 0
    # All quiet; then ten minutes into the last session, whose price has stood still for five; then to its end.
    for session, minute in ((12, 0), (13, 10), (14, 0)):
        until = session * MINUTES + minute
        loader.load(*BARS[loaded:until])
        loaded = until
        run()
        snapshots.append((BARS[until - 1][0] + MINUTE, loader.found()))
    assert [len(rows) for _, rows in snapshots] == [0, 5, 8]
    live = loader.found()
    assert Counter(row[3] for row in live) == {"bad_tick": 2, "gap": 2, "stale_price": 2, "volume_burst": 2}
    assert {row[-1] for row in live} == {"ended"}
    assert {state for _, rows in snapshots for *_, state in rows} == {"open", "ended"}
    for now, rows in snapshots:
        assert known_by(rows, now) == known_by(live, now)
    loader.rows("TRUNCATE analytics.anomalies, ops.detected_offsets")
    assert run(at_once=5).total() == 8
    assert loader.found() == live
    # Every bar after a moment is another one.
    now = at(13, 21)
    others = ((ts, np.multiply([3, 4, 2, 3, 5], values).tolist()) for ts, values in BARS if ts >= now)
    loader.load(*others)
    run()
    after = loader.found()
    assert after != live
    assert known_by(after, now) == known_by(live, now) != []


def test_nothing_new_starts_no_spark_and_leaves_no_trace(loader: Loader, run: Detect) -> None:
    assert run(given=no_spark) == Counter()
    loader.load(*BARS)
    assert run().total() == 8
    before = loader.rows("SELECT xmin, t.* FROM analytics.anomalies t ORDER BY kind, ts")
    assert run(given=no_spark) == Counter()
    # A bar outside of the session's hours is none to look at.
    loader.load((at(13, MINUTES + 5), [1.0, 1.0, 1.0, 1.0, 1.0]))
    assert run(given=no_spark) == Counter()
    assert run(DAYS[13]) == Counter()
    assert loader.rows("SELECT xmin, t.* FROM analytics.anomalies t ORDER BY kind, ts") == before
    assert loader.rows("SELECT sessions FROM ops.detections ORDER BY 1") == [(1,), (14,)]


def test_a_correction_withdraws_and_brings_back_and_the_row_stays(loader: Loader, run: Detect) -> None:
    loader.load(*BARS)
    run()
    spoilt = BARS[12 * MINUTES + BAD_TICK[0]]
    right = (spoilt[0], [spoilt[1][0]] * 4 + [spoilt[1][4]])
    row = "kind = 'bad_tick' AND session = %s"
    loader.rows(
        f"UPDATE analytics.anomalies SET acknowledged_at = now(), acknowledged_by = 'ann' WHERE {row}", DAYS[12]
    )
    loader.load(right)
    assert run() == Counter()
    asked = f"SELECT state, withdrawn_at IS NOT NULL, acknowledged_by FROM analytics.anomalies WHERE {row}"
    assert loader.rows(asked, DAYS[12]) == [("withdrawn", True, "ann")]
    assert len(loader.found()) == 8
    loader.load(spoilt)
    assert run() == Counter()
    assert loader.rows(asked, DAYS[12]) == [("ended", False, "ann")]
    seen = loader.rows("SELECT kind, name, state, acknowledged_by FROM reports.anomalies WHERE acknowledged_by <> ''")
    assert seen == [("bad_tick", "IBM", "ended", "ann")]


def test_a_split_learnt_late_withdraws_what_it_explains(loader: Loader, run: Detect) -> None:
    plain = bars_of(range(12))
    split = [(ts, [*(value / 3 for value in values[:4]), values[4] * 3]) for ts, values in plain]
    loader.load(*plain[: 11 * MINUTES], *split[11 * MINUTES :])
    assert run() == {"gap": 1}
    loader.split(DAYS[11], "3")
    assert run() == Counter()
    assert [(row[4], row[-1]) for row in loader.found()] == [(at(11), "withdrawn")]
    loader.rows("TRUNCATE analytics.anomalies, ops.detected_offsets")
    assert run() == Counter()


def test_a_run_that_ended_early_is_done_again(loader: Loader, run: Detect) -> None:
    loader.load(*BARS)
    with pytest.raises(AssertionError, match="Spark was started"):
        run(given=no_spark)
    assert loader.found() == []
    assert run().total() == 8


def test_a_bar_whose_session_nobody_knows_is_not_passed_over(loader: Loader, run: Detect) -> None:
    loader.load((at(0) - dt.timedelta(days=30), [1.0] * 5))
    with pytest.raises(SessionsUnknown, match="does not reach 1 of the loaded bars"):
        run(given=no_spark)
    assert loader.rows("SELECT count(*) FROM ops.detected_offsets") == [(0,)]


def test_two_at_once_wait_for_one_another(loader: Loader, run: Detect, owner: psycopg.Connection) -> None:
    loader.load(*BARS)
    owner.execute("SELECT pg_advisory_lock(hashtext('load:anomalies'))")
    try:
        with pytest.raises(DatasetLocked, match="The dataset anomalies"):
            run(given=no_spark)
    finally:
        owner.execute("SELECT pg_advisory_unlock_all()")
    assert run().total() == 8


def test_one_that_was_overtaken_writes_nothing(loader: Loader, run: Detect, spark: SparkSession) -> None:
    def overtaken() -> SparkSession:
        loader.rows("INSERT INTO ops.detections (run_id, code_version, sessions) VALUES ('another', '', 1)")
        return spark

    loader.load(*BARS)
    with pytest.raises(DetectionOvertaken, match="Another detection"):
        run(given=overtaken)
    assert loader.found() == []
    assert loader.rows("SELECT count(*) FROM ops.detected_offsets") == [(0,)]


def test_the_job_as_airflow_starts_it(loader: Loader, environment: dict[str, str], archive: None) -> None:
    loader.load(*BARS)
    task = environment | {"AIRFLOW_CTX_DAG_ID": "detect_anomalies"}
    done = submit(task, DETECT_ANOMALIES, "--run-id", "scheduled__1", "--session=")
    assert done.returncode == 0, done.stderr
    assert "new: {'bad_tick': 2, 'gap': 2, 'stale_price': 2, 'volume_burst': 2}" in done.stdout
    assert len(loader.found()) == 8
    assert loader.rows("SELECT dag_id, run_id, sessions FROM ops.detections") == [
        ("detect_anomalies", "scheduled__1", 14)
    ]
