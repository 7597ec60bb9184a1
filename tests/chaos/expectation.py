"""What the tables must hold, computed from the delivered messages in plain Python: nothing of the loader's code."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from tests.chaos.messages import LIVE, Message

_SMA_BARS = (5, 20, 60)
_CHANGE_BARS = (1, 5, 15, 60)


class Place(NamedTuple):
    """Where Kafka put a message."""

    topic: str
    partition: int
    offset: int


class Key(NamedTuple):
    """Identity of a one-minute bar."""

    symbol: str
    source: str
    ts: dt.datetime


class Observation(NamedTuple):
    """A bar as a vendor told it at one time; the order of the fields is the order of versions."""

    fetched_at: dt.datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @property
    def values(self) -> tuple[Decimal, ...]:
        """All but the time of fetching."""
        return self[1:]


class Range(NamedTuple):
    """Offsets of one partition that were committed together with their messages."""

    topic: str
    partition: int
    start: int
    end: int


_moment = functools.cache(dt.datetime.fromisoformat)


def observation(bar: Mapping[str, str]) -> tuple[Key, Observation]:
    """Reads the fields of a good message."""
    numbers = (Decimal(bar[name]) for name in ("open", "high", "low", "close", "volume"))
    key = Key(bar["symbol"], bar["source"], _moment(bar["ts"]))
    return key, Observation(_moment(bar["fetched_at"]), *numbers)


def versions(observations: Iterable[Observation]) -> list[Observation]:
    """The history of one bar: of observations in a row with equal values, only the first is a version."""
    history: list[Observation] = []
    for each in sorted(set(observations)):
        if not history or history[-1].values != each.values:
            history.append(each)
    return history


def histories(messages: Iterable[Message]) -> dict[Key, list[Observation]]:
    """The versions of every bar, oldest first: the last is current, the others are revisions."""
    seen: defaultdict[Key, list[Observation]] = defaultdict(list)
    for message in messages:
        if message.bar is not None:
            key, observed = observation(message.bar)
            seen[key].append(observed)
    return {key: versions(observations) for key, observations in seen.items()}


def indicators(current: Mapping[Key, Observation]) -> dict[Key, tuple[float | None, ...]]:
    """Moving averages and price changes of every bar, over bars and not over minutes, from scratch.

    Returns:
        sma 5, 20, 60; change 1, 5, 15, 60; change in percent 1, 5, 15, 60; nothing where history is too short.
    """
    series: defaultdict[tuple[str, str], list[Key]] = defaultdict(list)
    for key in sorted(current):
        series[key.symbol, key.source].append(key)
    computed: dict[Key, tuple[float | None, ...]] = {}
    for keys in series.values():
        closes = [float(current[key].close) for key in keys]
        for place, key in enumerate(keys):
            earlier = [closes[place - bars] if place >= bars else None for bars in _CHANGE_BARS]
            computed[key] = (
                *(_sum(closes, place, bars) / bars if place + 1 >= bars else None for bars in _SMA_BARS),
                *(None if then is None else closes[place] - then for then in earlier),
                *(None if then is None else (closes[place] / then - 1.0) * 100.0 for then in earlier),
            )
    return computed


def _sum(closes: Sequence[float], last: int, bars: int) -> float:
    """The sum of so many closes, in the loader's order: newest first, 20 as 4 times 5 and 60 as 3 times 20."""
    if bars == 1:
        return closes[last]
    part = {5: 1, 20: 5, 60: 20}[bars]
    total = _sum(closes, last, part)
    for start in range(part, bars, part):
        total += _sum(closes, last - start, part)
    return total


def applied(
    transactions: Iterable[Sequence[Range]], delivered: Mapping[Place, Message]
) -> dict[Range, tuple[int, int, int]]:
    """How many messages of each range are dead letters, duplicates and versions.

    A message is applied when its bar, as known after the transaction, has it as a version that was not known
    before. Of equal messages in one transaction one counts, in the live topic before the other.

    Args:
        transactions: The ranges of each transaction, in the order of their commits.
        delivered: Every message and its place.
    """
    known: defaultdict[Key, set[Observation]] = defaultdict(set)
    counts: dict[Range, tuple[int, int, int]] = {}
    for ranges in transactions:
        ordered = sorted(ranges, key=lambda each: each.topic != LIVE)
        new: dict[tuple[Key, Observation], Range] = {}
        dead: dict[Range, int] = dict.fromkeys(ordered, 0)
        for place in ordered:
            for offset in range(place.start, place.end):
                message = delivered[Place(place.topic, place.partition, offset)]
                if message.bar is None:
                    dead[place] += 1
                    continue
                key, observed = observation(message.bar)
                if observed not in known[key]:
                    new.setdefault((key, observed), place)
        for key, observed in new:
            known[key].add(observed)
        won = dict.fromkeys(ordered, 0)
        after = {key: set(versions(known[key])) for key, _ in new}
        for (key, observed), place in new.items():
            won[place] += observed in after[key]
        for place in ordered:
            bad, good = dead[place], won[place]
            counts[place] = (bad, place.end - place.start - bad - good, good)
    return counts
