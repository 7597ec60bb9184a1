"""The session that is decided on, and the sessions before it that say what is usual."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

from marketpulse_spark.anomalies.robust import Floats, around, before, median

#: So many sessions before say what is usual (sql/analytics/anomalies reads them); and so many of them must, before
#: anything is decided by them.
SESSIONS = 20
AT_LEAST = 10
#: Minutes on either side of the same time of day: few enough that the day's course is not blurred.
AROUND = 15
#: The newest bars say what is usual lately, from half as many on.
_LATELY = 60
#: Of a Brownian motion whose deviation at its end is 1. Source: Feller, The Asymptotic Distribution of the Range of
#: Sums of Independent Random Variables, The Annals of Mathematical Statistics 22 (1951).
_MEDIAN_RANGE = 1.52
MINUTE = np.timedelta64(1, "m")


@dataclass(frozen=True)
class Window:
    """The bars of up to 21 sessions of a series, in time, in the shares of the last one, which is decided on.

    Attributes:
        session: The last one.
        closes_at: When it ends.
        minutes: Of the longest of the sessions.
        tick: The price step of the instrument.
        rows: Which of the sessions each bar is of, counted from 0; bars.
        columns: Its minute, counted from the session's opening; bars.
        is_own: Whether it is of the last session; bars.
        ts: Its start, UTC; bars.
        open: First price of each bar, as the columns below; bars.
        high: Highest price; bars.
        low: Lowest price; bars.
        close: Last price; bars.
        volume: Units traded; bars.
    """

    session: dt.date
    closes_at: np.datetime64
    minutes: int
    tick: float
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    is_own: NDArray[np.bool_]
    ts: NDArray[np.datetime64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def by_minute(self, values: Floats) -> Floats:
        """Values of bars by session and minute, nan where no bar is; the last row is the session decided on."""
        grid = np.full((self.rows[-1] + 1, self.minutes), np.nan)
        grid[self.rows, self.columns] = values
        return grid

    @cached_property
    def is_first(self) -> NDArray[np.bool_]:
        """Whether a bar is the first of its session; bars."""
        return np.diff(self.rows, prepend=-1) > 0

    @cached_property
    def is_flat(self) -> NDArray[np.bool_]:
        """Whether a bar repeats the price that was last traded before it in its session; bars."""
        one_price = (self.open == self.close) & (self.high == self.close) & (self.low == self.close)
        repeats: NDArray[np.bool_] = one_price & (self.close == _value_before(self.close)) & ~self.is_first
        return repeats

    @cached_property
    def usual_move(self) -> Floats:
        """The standard deviation of a one-minute log return, as far as it is usual, by the true range; bars.

        The median true range ln(max(high, close before) / min(low, close before)) of 20 sessions around the same time
        of day, or that of the last 60 bars if it is larger: the former knows the opening, the latter a turbulent day;
        divided by 1.52, the median range of a Brownian motion of deviation 1. Bars that did not move by more than a
        price step do not count, and it is no less than one: where nobody trades for most minutes, the median would be
        nothing. Source: Parkinson, The Extreme Value Method for Estimating the Variance of the Rate of Return, The
        Journal of Business 53 (1980): closes alone hide what a bar went through.
        """
        known = _value_before(self.close)
        ranges = np.log(np.maximum(self.high, known) / np.minimum(self.low, known))
        step = self.tick / self.close
        ranges[(np.diff(self.ts, prepend=self.ts[:1]) != MINUTE) | (ranges <= step)] = np.nan
        by_minute = around(self.by_minute(ranges)[:-1], AROUND)
        at_this_time = median(by_minute, AT_LEAST)[self.columns]
        lately = median(before(ranges, _LATELY), _LATELY // 2)
        usual: Floats = np.maximum(np.fmax(at_this_time, lately) / _MEDIAN_RANGE, step)
        return usual

    @cached_property
    def minutes_since_move(self) -> Floats:
        """How long ago the price was last seen to move, in minutes: 1 is usual, and what a session opens with; bars."""
        fresh = np.where(self.is_flat, np.datetime64("NaT"), self.ts)
        newest = pd.Series(fresh).ffill().to_numpy()
        since: Floats = (self.ts - _value_before(newest)) / MINUTE
        return np.where(self.is_first, 1.0, since)


def windows(rows: pd.DataFrame) -> Iterator[Window]:
    """Yields a window for each wanted session that has bars, oldest first.

    Args:
        rows: Layout `anomaly_schemas.BARS`, of one series; a session without bars is a row without a time.
    """
    sessions = rows.drop_duplicates("number").set_index("number").sort_index()
    bars = rows.dropna(subset="ts").sort_values("ts", ignore_index=True)
    for number in np.intersect1d(sessions.index[sessions["is_wanted"]], bars["number"]):
        part = bars[bars["number"].between(number - SESSIONS, number)]
        yield _window(part, sessions.loc[number - SESSIONS : number])


def _window(bars: pd.DataFrame, sessions: pd.DataFrame) -> Window:
    own = sessions.iloc[-1]
    places = sessions.index.get_indexer(bars["number"])
    # Shares of the last session for each of an earlier one: the splits of all sessions after that one, multiplied.
    splits = sessions["split"].to_numpy()
    shares = np.append(np.cumprod(splits[:0:-1])[::-1], 1.0)[places]
    ts = bars["ts"].to_numpy()
    return Window(
        session=own["session"],
        closes_at=own["closes_at"].to_datetime64(),
        minutes=int((sessions["closes_at"] - sessions["opens_at"]).max() / MINUTE),
        tick=own["tick"],
        rows=places,
        columns=((ts - bars["opens_at"].to_numpy()) / MINUTE).astype(np.int64),
        is_own=places == len(sessions) - 1,
        ts=ts,
        **{name: bars[name].to_numpy() / shares for name in ("open", "high", "low", "close")},
        volume=bars["volume"].to_numpy() * shares,
    )


def _value_before(values: NDArray[Any]) -> NDArray[Any]:
    """The value of the bar before; of the first one its own."""
    return np.concatenate([values[:1], values[:-1]])
