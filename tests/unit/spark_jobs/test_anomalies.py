"""The detectors of anomalies: what each finds, when it can be known, and what none of them may find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
from marketpulse_spark.anomalies.detectors import found_rows
from marketpulse_spark.anomalies.robust import median
from marketpulse_spark.anomalies.window import windows
from marketpulse_spark.anomaly_schemas import BARS, FOUND
from marketpulse_spark.transforms.anomalies import anomalies
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.anomaly_rows import MINUTES, PRICES, at, market, place, scale, stick

LAST = 20
MINUTE = pd.Timedelta(minutes=1)
QUIET = market()
REAL = Path(__file__).resolve().parents[4] / "shared/data/bars/msft_1min_2020.csv"


def found(rows: pd.DataFrame) -> list[tuple[str, pd.Timestamp, pd.Timestamp, Any]]:
    """Kind, start, when it was known and when it ended."""
    result = found_rows(rows)
    result["ended_ts"] = result["ended_ts"].astype(object).where(result["ended_ts"].notna(), None)
    return [tuple(row) for row in result[["kind", "ts", "detected_ts", "ended_ts"]].to_numpy(dtype=object)]


def until(rows: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
    """The bars that were over by then."""
    return rows[rows["ts"] < moment]


def with_bad_tick(rows: pd.DataFrame, minute: int, factor: float) -> pd.DataFrame:
    """The last trade of a bar of the last session is off."""
    spoilt = rows.copy()
    bar = place(rows, LAST, minute)
    close = spoilt["close"][bar] * factor
    spoilt.loc[bar, ["close", "high", "low"]] = [close, max(close, rows["high"][bar]), min(close, rows["low"][bar])]
    return spoilt


@pytest.mark.parametrize("seed", range(5))
def test_an_ordinary_market_has_none(seed: int) -> None:
    assert found(market(40, seed, wanted=30)) == []


@pytest.mark.parametrize("factor", [1.02, 0.98, 10])
def test_a_bad_tick_is_known_once_the_price_is_back(factor: float) -> None:
    rows = with_bad_tick(QUIET, 30, factor)
    known = at(LAST, 32)
    assert found(rows) == [("bad_tick", at(LAST, 30), known, known)]
    assert found(until(rows, at(LAST, 31))) == []
    assert found(until(rows, at(LAST, 32))) == found(rows)
    evidence = json.loads(found_rows(rows)["evidence"][0])
    bar = place(rows, LAST, 30)
    assert evidence["close"] == rows["close"][bar]
    assert (evidence["close_before"], evidence["close_after"]) == (rows["close"][bar - 1], rows["close"][bar + 1])
    assert evidence["usual_move"] == pytest.approx(0.0008, rel=0.3)


@pytest.mark.parametrize("factor", [1.03, 0.97])
def test_a_jump_that_stands_is_a_gap_and_no_bad_tick(factor: float) -> None:
    rows = scale(QUIET, at(LAST, 30), at(LAST, MINUTES), factor)
    known = at(LAST, 32)
    assert found(rows) == [("gap", at(LAST, 30), known, known)]
    assert found(until(rows, at(LAST, 31))) == []
    score = found_rows(rows)["score"][0]
    assert score == pytest.approx(0.03 / 0.0008, rel=0.35)


def test_the_opening_is_held_against_earlier_openings() -> None:
    """Nights that usually bring two percent make two percent no gap, and thirty one."""
    rows = market(22)
    for session in range(22):
        rows = scale(rows, at(session, 0), at(session, MINUTES), 1.01 if session % 2 else 0.99)
    assert found(rows) == []
    jumped = scale(rows, at(21, 0), at(21, MINUTES), 1.3)
    assert found(jumped) == [("gap", at(21, 0), at(21, 2), at(21, 2))]


def test_a_jump_after_a_hole_is_held_against_its_minutes() -> None:
    """Over 25 minutes a price moves five times as far as over one."""
    factor = 1 + 16 * 0.0008
    whole = scale(QUIET, at(LAST, 40), at(LAST, MINUTES), factor)
    assert [kind for kind, *_ in found(whole)] == ["gap"]
    assert found(whole[~whole["ts"].between(at(LAST, 15), at(LAST, 39))]) == []
    # The same where the bars are there, and did not move.
    assert [kind for kind, *_ in found(stick(whole, LAST, 15, 25))] == ["stale_price"]


def test_a_stale_price_is_open_until_it_moves() -> None:
    rows = stick(QUIET, LAST, 20, 12)
    start, known = at(LAST, 20), at(LAST, 25)
    assert found(until(rows, at(LAST, 24))) == []
    assert found(until(rows, known)) == [("stale_price", start, known, None)]
    assert found(until(rows, at(LAST, 32))) == [("stale_price", start, known, None)]
    assert found(rows) == [("stale_price", start, known, at(LAST, 33))]


def test_a_stale_price_ends_with_its_session() -> None:
    rows = stick(QUIET, LAST, 50, 10)
    assert found(rows) == [("stale_price", at(LAST, 50), at(LAST, 55), at(LAST, MINUTES))]


def test_where_the_price_often_stays_it_takes_more_to_be_stale() -> None:
    rows = market(21)
    for session in range(21):
        for minute in range(2, MINUTES - 2, 2):
            rows = stick(rows, session, minute, 1)
    assert found(stick(rows, LAST, 20, 12)) == []
    (stale,) = found_rows(stick(rows, LAST, 20, 30)).to_dict("records")
    evidence = json.loads(stale["evidence"])
    assert evidence["usual_share"] == pytest.approx(29 / 62)
    # The least n with 60 · pⁿ < 0.001.
    assert evidence["bars"] == 15
    assert 60 * evidence["usual_share"] ** 15 < 0.001 < 60 * evidence["usual_share"] ** 14


def test_a_stale_session_is_no_excuse_for_the_next() -> None:
    rows = stick(QUIET, LAST - 1, 1, MINUTES - 1)
    assert found(stick(rows, LAST, 20, 6)) == found(stick(QUIET, LAST, 20, 6)) != []


def test_bars_of_great_volume_in_a_row_are_one_burst() -> None:
    rows = QUIET.copy()
    first = place(rows, LAST, 10)
    rows.loc[first : first + 2, "volume"] = 100_000
    start, known = at(LAST, 10), at(LAST, 11)
    assert found(until(rows, known)) == [("volume_burst", start, known, None)]
    assert found(rows) == [("volume_burst", start, known, at(LAST, 14))]
    evidence = json.loads(found_rows(rows)["evidence"][0])
    assert evidence["volume"] == 100_000
    assert evidence["usual_volume"] == pytest.approx(1000, rel=0.5)
    assert evidence["deviation"] == pytest.approx(0.5, rel=0.2)


def test_volume_is_held_against_the_same_minute() -> None:
    """What opens every session is no burst at the opening, and one at noon."""
    rows = QUIET.copy()
    rows.loc[rows["ts"] == rows["opens_at"], "volume"] *= 100
    assert found(rows) == []
    rows.loc[place(rows, LAST, 30), "volume"] = 100_000
    assert [kind for kind, *_ in found(rows)] == ["volume_burst"]


def test_minutes_without_volume_and_sessions_that_are_all_alike() -> None:
    rows = QUIET.assign(volume=10.0)
    rows.loc[rows["ts"] == at(LAST, 5), "volume"] = 0
    rows.loc[rows["ts"] == at(LAST, 6), "volume"] = 19
    assert found(rows) == []
    rows.loc[rows["ts"] == at(LAST, 7), "volume"] = 21
    assert [kind for kind, *_ in found(rows)] == ["volume_burst"]


def test_a_split_changes_not_a_bit() -> None:
    spoilt = with_bad_tick(stick(QUIET, LAST, 20, 12), 40, 1.02)
    spoilt.loc[place(spoilt, LAST, 50), "volume"] = 100_000
    before = spoilt["number"] < LAST
    split = spoilt.copy()
    # Two for one at the last opening: earlier prices were twice as high, volumes half as many.
    split.loc[before, PRICES] *= 2
    split.loc[before, "volume"] /= 2
    split.loc[~before, "split"] = 2.0
    expected = found_rows(spoilt)
    assert set(expected["kind"]) == {"bad_tick", "stale_price", "volume_burst"}
    pd.testing.assert_frame_equal(found_rows(split), expected, check_exact=True)
    assert "gap" in set(found_rows(split.assign(split=1.0))["kind"])


def test_without_enough_sessions_before_only_the_last_hour_counts() -> None:
    rows = with_bad_tick(stick(QUIET, LAST, 20, 12), 40, 1.02)
    rows.loc[place(rows, LAST, 50), "volume"] = 100_000
    nine, ten = (rows[rows["number"] >= LAST - count] for count in (9, 10))
    assert [kind for kind, *_ in found(nine)] == ["bad_tick"]
    assert {kind for kind, *_ in found(ten)} == {"bad_tick", "stale_price", "volume_burst"}
    assert found(rows[rows["ts"] == at(LAST, 0)]) == []


def spoilt_market() -> pd.DataFrame:
    """25 sessions with all kinds of anomalies in the last five."""
    rows = market(25, wanted=25)
    for session in range(20, 25):
        rows = stick(rows, session, 5, 8)
        rows = scale(rows, at(session, 20), at(session, 20), 1.03)
        rows = scale(rows, at(session, 40), at(session, MINUTES), 0.96)
        rows.loc[rows["ts"].between(at(session, 50), at(session, 51)), "volume"] *= 300
    return rows


def test_nothing_that_could_be_known_changes_with_what_comes_after() -> None:
    rows = spoilt_market()
    rows["is_wanted"] = rows["number"] >= 20
    whole = found_rows(rows)
    # The next opening is back where the price was; the last session has none.
    assert whole["kind"].value_counts().to_dict() == {"gap": 9, "bad_tick": 5, "stale_price": 5, "volume_burst": 5}
    for session in (20, 24):
        for minute in (1, 10, 11, 21, 22, 41, 42, 51, MINUTES):
            now = at(session, minute)
            changed = rows.copy()
            after = changed["ts"] >= now
            changed.loc[after, PRICES] *= [7, 8, 6, 7]
            changed.loc[after, "volume"] *= 1000
            for future in (rows[~after], changed):
                known = found_rows(future)
                for one, other in zip(*(_known_by(each, now) for each in (known, whole)), strict=True):
                    assert one == other


def test_what_is_usual_at_a_bar_does_not_change_with_what_comes_after() -> None:
    now = at(LAST, 30)
    changed = QUIET.copy()
    changed.loc[changed["ts"] >= now, PRICES] *= [7, 8, 6, 7]
    (one,), (other,) = windows(QUIET), windows(changed)
    so_far = one.ts < now
    for usual in ("usual_move", "minutes_since_move"):
        np.testing.assert_array_equal(getattr(one, usual)[so_far], getattr(other, usual)[so_far])


def _known_by(found: pd.DataFrame, now: pd.Timestamp) -> list[tuple[Any, ...]]:
    """What was known of them; that it is over is known when it is."""
    known = found[found["detected_ts"] <= now].copy()
    known["ended_ts"] = known["ended_ts"].where(known["ended_ts"] <= now).astype(str)
    return [tuple(row) for row in known.sort_values(["kind", "ts"]).to_numpy(dtype=object)]


def test_what_is_found_in_a_session_does_not_depend_on_which_others_are_looked_at() -> None:
    rows = spoilt_market()
    whole = found_rows(rows)
    for number, session in enumerate(rows["session"].unique()):
        window = rows[rows["number"].between(number - 20, number)]
        alone = found_rows(window.assign(is_wanted=window["number"] == number).sample(frac=1, random_state=1))
        expected = whole[whole["session"] == session].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, expected, check_exact=True, check_dtype=False)


def test_spark_computes_each_series_by_itself(spark: SparkSession) -> None:
    ibm, quiet = spoilt_market(), market(25, seed=2, symbol="KO", wanted=25)
    # A session without bars is a row without a time.
    quiet = quiet[(quiet["number"] != 7) | (quiet["ts"] == at(7, 0))]
    quiet.loc[quiet["number"] == 7, ["ts", *PRICES, "volume"]] = np.nan
    both = pa.Table.from_pandas(pd.concat([ibm, quiet]).sample(frac=1, random_state=1), preserve_index=False)
    result = anomalies(spark.createDataFrame(both, BARS))
    assert result.schema.simpleString() == f"struct<{FOUND.replace(' ', ':').replace(',:', ',')}>"
    computed = pd.DataFrame([row.asDict() for row in result.collect()])
    expected = found_rows(ibm)
    assert set(computed["symbol"]) == {"IBM"}
    key = ["kind", "ts"]
    pd.testing.assert_frame_equal(
        computed.sort_values(key, ignore_index=True),
        expected.sort_values(key, ignore_index=True),
        check_exact=True,
        check_dtype=False,
    )


def test_no_bars_no_anomalies(spark: SparkSession) -> None:
    assert anomalies(spark.createDataFrame([], BARS)).collect() == []


def test_the_median_of_what_is_known() -> None:
    values = np.array([[3, np.nan, 1, 2], [np.nan, np.nan, 5, np.nan], [4, 1, np.nan, np.nan]])
    np.testing.assert_array_equal(median(values, 1), [2, 5, 2.5])
    np.testing.assert_array_equal(median(values, 2), [2, np.nan, 2.5])
    assert np.isnan(median(np.empty((2, 0)), 1)).all()


@pytest.mark.skipif(not REAL.exists(), reason=f"real bars are not there: {REAL}")
def test_real_bars_have_few() -> None:
    """Two weeks of a share after two weeks of history: some blocks of a great many shares, hardly anything else."""
    real = pd.read_csv(REAL)
    ts = pd.to_datetime(real["time"]).dt.tz_localize("America/New_York")
    day = ts.dt.normalize()
    real = real.assign(ts=ts.dt.tz_convert("UTC").dt.tz_localize(None), session=ts.dt.date)
    for name, hours in (("opens_at", 9.5), ("closes_at", 16)):
        real[name] = (day + pd.Timedelta(hours=hours)).dt.tz_convert("UTC").dt.tz_localize(None)
    real = real[real["ts"].between(real["opens_at"], real["closes_at"] - MINUTE)]
    real = real.assign(number=real["session"].rank(method="dense").astype(int), is_wanted=True)
    counts = found_rows(real.assign(symbol="MSFT", source="a", split=1.0, tick=0.01))["kind"].value_counts()
    assert len(real) > 7000
    assert counts.to_dict().keys() <= {"volume_burst", "bad_tick"}
    assert 0 < counts.sum() / len(real) < 0.003
