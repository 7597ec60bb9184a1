"""Splits and share bases: which bars count the same shares, and by how much others differ (docs/adr/0007)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from marketpulse_spark.action_contract import SPLIT

_NO_SPLIT = Decimal(1)
_TIME = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True)
class Split:
    """One border between share bases.

    Attributes:
        effective_at: Bars from here on count the new shares; aware, UTC.
        before: New shares for each old one, as far as the warehouse knows; 1 where it knows of no split.
        after: The same, once the actions of the batch are known, too.
    """

    effective_at: dt.datetime
    before: Decimal
    after: Decimal

    @property
    def is_changed(self) -> bool:
        """Whether the batch brings news of it."""
        return self.before != self.after


@dataclass(frozen=True, order=True)
class Observation:
    """What a source once said of a split; the greatest counts, as in the view market.corporate_actions."""

    fetched_at: dt.datetime
    effective_at: dt.datetime
    ratio: Decimal
    source: str


class ShareBases:
    """The splits of each symbol. The bars between two of them have a basis: its number, 0 before the first.

    Args:
        splits: By symbol, in the order of effective_at. Of a symbol without any there is nothing to say.
    """

    def __init__(self, splits: Mapping[str, Sequence[Split]]) -> None:
        self._splits = splits
        self._starts: dict[str, npt.NDArray[np.int64]] = {
            symbol: pa.array([each.effective_at for each in of_symbol], _TIME).cast(pa.int64()).to_numpy()
            for symbol, of_symbol in splits.items()
        }

    def of_symbol(self, symbol: str) -> Sequence[Split]:
        """The splits of a symbol, oldest first."""
        return self._splits.get(symbol, ())

    def starts(self, symbol: str) -> npt.NDArray[np.int64]:
        """Where each basis but the first begins, in microseconds since 1970."""
        return self._starts.get(symbol, np.empty(0, np.int64))

    def numbers(self, symbol: str, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """The basis of bars that start at these microseconds since 1970."""
        numbers: npt.NDArray[np.int32] = np.searchsorted(self.starts(symbol), times, side="right").astype(np.int32)
        return numbers

    def divisor(self, symbol: str, own: int, basis: int) -> float:
        """What a price of one basis is divided by to count the shares of a later one: the ratios between, multiplied.

        It follows from these splits alone: others, however they are learnt, change no bit of it.
        """
        return float(prod((each.after for each in self.of_symbol(symbol)[own:basis]), start=_NO_SPLIT))

    def is_changed(self, symbol: str, own: int, basis: int) -> bool:
        """Whether the batch changes that divisor."""
        between = self.of_symbol(symbol)[own:basis]
        return prod((each.before for each in between), start=_NO_SPLIT) != prod(
            (each.after for each in between), start=_NO_SPLIT
        )

    def changed(self) -> list[tuple[str, dt.datetime]]:
        """Symbol and effective_at of each split that the batch brings news of."""
        return [
            (symbol, each.effective_at)
            for symbol, of_symbol in self._splits.items()
            for each in of_symbol
            if each.is_changed
        ]


def share_bases(stored: Iterable[Mapping[str, Any]], actions: pa.Table) -> ShareBases:
    """Tells the splits before and after a batch.

    Args:
        stored: Rows of sql/market/corporate_actions/read_splits.sql.
        actions: Layout `schemas.ACTIONS`; dead letters and dividends are left out.
    """
    before = {(row["symbol"], row["ex_date"]): _observation(row, row["ratio"]) for row in stored}
    after = dict(before)
    for row in actions.to_pylist():
        if row["kind"] == SPLIT:
            key, said = (row["symbol"], row["ex_date"]), _observation(row, row["value"])
            after[key] = max(after.get(key, said), said)
    ratios_before, ratios_after = _ratios(before), _ratios(after)
    splits: defaultdict[str, list[Split]] = defaultdict(list)
    for symbol, effective_at in sorted(ratios_before.keys() | ratios_after.keys()):
        place = (symbol, effective_at)
        split = Split(effective_at, ratios_before.get(place, _NO_SPLIT), ratios_after.get(place, _NO_SPLIT))
        if (split.before, split.after) != (_NO_SPLIT, _NO_SPLIT):
            splits[symbol].append(split)
    return ShareBases(dict(splits))


def _observation(row: Mapping[str, Any], ratio: str) -> Observation:
    return Observation(row["fetched_at"], row["effective_at"], Decimal(ratio), row["source"])


def _ratios(observations: Mapping[tuple[str, dt.date], Observation]) -> dict[tuple[str, dt.datetime], Decimal]:
    """The ratio at each instant; ex_dates in different zones may fall on the same."""
    ratios: dict[tuple[str, dt.datetime], Decimal] = {}
    for (symbol, _), said in sorted(observations.items()):
        place = (symbol, said.effective_at)
        ratios[place] = ratios.get(place, _NO_SPLIT) * said.ratio
    return ratios
