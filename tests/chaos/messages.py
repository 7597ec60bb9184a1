"""The messages of a chaos run: bars with all that happens to them, and poison, each with its known outcome.

Everything is a pure function of the seed, and is written to a file before the first message is produced.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.chaos import poison

LIVE, BACKFILL = TOPICS = ("market.bars.v1", "market.bars.backfill.v1")
#: Eight symbols: enough for both partitions of a topic to have several.
SYMBOLS = tuple(f"CHAOS{letter}" for letter in "ABCDEFGH")
SOURCES = ("chaos", "chaos_two")

_KINDS = {
    "new": 50,
    "late": 6,
    "same_bytes": 12,
    "same_values_later": 10,
    "same_values_earlier": 3,
    "revision": 11,
    "older_version": 6,
    "same_fetched_at": 2,
}
_FIRST_BAR = dt.datetime(2024, 3, 4, 14, 30, tzinfo=dt.UTC)
_FIRST_FETCH = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
_MINUTE = dt.timedelta(minutes=1)
_RECENT = 300


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: What it is to the bars before it, or the kind of poison.
        bar: The fields of the contract; nothing for poison.
        reason: `reason` of its dead letter; nothing for bars.
    """

    kind: str
    topic: str
    key: bytes | None
    value: bytes | None
    bar: dict[str, str] | None = None
    reason: str | None = None


@dataclass
class _Series:
    """One symbol of one source: its price, its clock and the minutes that it skipped."""

    price: Decimal
    next_minute: dt.datetime = _FIRST_BAR
    skipped: list[dt.datetime] = field(default_factory=list)


class _Market:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._series = {
            (source, symbol): _Series(Decimal(chance.randrange(2_000, 90_000)) / 100)
            for source in SOURCES
            for symbol in SYMBOLS
        }
        self._sent: list[dict[str, str]] = []
        self._fetches = 0

    def message(self) -> Message:
        """The next good message."""
        kind = self._chance.choices(list(_KINDS), list(_KINDS.values()))[0] if self._sent else "new"
        bar = self._bar(kind)
        self._sent.append(bar)
        topic = self._chance.choices(TOPICS, (6, 4))[0]
        return Message(kind, topic, bar["symbol"].encode(), json.dumps(bar, separators=(",", ":")).encode(), bar)

    def poison(self, kind: str) -> Message:
        """A message that cannot be loaded: a good bar of a new minute, spoilt."""
        bad = poison.KINDS[kind](self._new_bar(is_late=False))
        return Message(kind, self._chance.choice(TOPICS), bad.key, bad.value, reason=bad.reason)

    def _bar(self, kind: str) -> dict[str, str]:
        if kind in ("new", "late"):
            return self._new_bar(is_late=kind == "late")
        newest = self._sent[-_RECENT:] if self._chance.random() < 0.7 else self._sent
        known = self._chance.choice(newest)
        match kind:
            case "same_bytes":
                return known
            case "same_values_later":
                return known | self._reprinted(known) | {"fetched_at": self._fetch()}
            case "same_values_earlier":
                return known | self._reprinted(known) | {"fetched_at": self._before(known["fetched_at"])}
            case "revision":
                return known | self._values(known) | {"fetched_at": self._fetch()}
            case "older_version":
                return known | self._values(known) | {"fetched_at": self._before(known["fetched_at"])}
            case "same_fetched_at":
                return known | self._values(known)
        raise ValueError(kind)

    def _new_bar(self, *, is_late: bool) -> dict[str, str]:
        source, symbol = self._chance.choice(list(self._series))
        series = self._series[source, symbol]
        if is_late and series.skipped:
            minute = series.skipped.pop(self._chance.randrange(len(series.skipped)))
        else:
            minute = self._next_minute(series)
        identity = {"source": source, "symbol": symbol, "interval": "1min", "ts": f"{minute:%Y-%m-%dT%H:%M:00Z}"}
        return identity | self._values(identity) | {"fetched_at": self._fetch(), "run_id": "chaos"}

    def _next_minute(self, series: _Series) -> dt.datetime:
        minute = series.next_minute
        jump = self._chance.choices((1, self._chance.randint(2, 4), 3_000), (90, 9, 1))[0]
        series.next_minute = minute + jump * _MINUTE
        # A jump over days makes a look-up around the bars start anew; only short gaps are filled later.
        series.skipped += [minute + skipped * _MINUTE for skipped in range(1, jump) if jump < 10]
        return minute

    def _values(self, bar: dict[str, str]) -> dict[str, str]:
        series = self._series[bar["source"], bar["symbol"]]
        digits = self._chance.choice((2, 2, 4, 8))
        step = Decimal(10) ** -digits
        opened, close = (
            (series.price * (1 + Decimal(self._chance.randrange(-900, 901)) / 100_000)).quantize(step) for _ in range(2)
        )
        low = min(opened, close) - step * self._chance.randrange(0, 50)
        high = max(opened, close) + step * self._chance.randrange(0, 50)
        volume = Decimal(self._chance.randrange(0, 10**10)).scaleb(-self._chance.choice((0, 8)))
        series.price = max(close, Decimal(5))
        values = {"open": opened, "high": high, "low": low, "close": close, "volume": volume}
        return {name: f"{value:f}" for name, value in values.items()}

    def _reprinted(self, bar: dict[str, str]) -> dict[str, str]:
        """The same numbers, printed with eight decimals: equal as values, not as bytes."""
        names = ("open", "high", "low", "close", "volume")
        return {name: f"{Decimal(bar[name]):.8f}" for name in names} if self._chance.random() < 0.5 else {}

    def _fetch(self) -> str:
        self._fetches += 1
        return _fetched_at(_FIRST_FETCH + self._fetches * dt.timedelta(milliseconds=371, microseconds=7))

    def _before(self, fetched_at: str) -> str:
        earlier = dt.timedelta(microseconds=self._chance.randrange(1, 3_600_000_000))
        return _fetched_at(dt.datetime.fromisoformat(fetched_at) - earlier)


def _fetched_at(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def make_portions(count: int, messages: int, poison_messages: int, seed: int) -> list[list[Message]]:
    """Makes at least `messages` messages in `count` portions; each has poison, `poison_messages` in all or more."""
    market = _Market(random.Random(seed))  # noqa: S311 - reproducible, not secret
    kinds = list(poison.KINDS)
    size, bad = (-(-total // count) for total in (messages, poison_messages))
    portions = []
    for number in range(count):
        portion = [market.message() for _ in range(size - bad)]
        # Poison lies among the good messages, not behind them.
        for place in range(bad):
            position = (place + 1) * len(portion) // (bad + 1)
            portion.insert(position, market.poison(kinds[(number * bad + place) % len(kinds)]))
        portions.append(portion)
    return portions


def write_down(portions: Sequence[Sequence[Message]], path: Path) -> None:
    """Writes what will be produced and what shall come of it, one JSON object a line; long values by their length."""
    with path.open("w") as file:
        for number, portion in enumerate(portions):
            for message in portion:
                value = message.value
                line = {
                    "portion": number,
                    "kind": message.kind,
                    "topic": message.topic,
                    "outcome": message.reason or "bar",
                    "value": message.bar or (base64.b64encode(value[:1000]).decode() if value is not None else None),
                    "bytes": None if value is None else len(value),
                }
                file.write(json.dumps(line) + "\n")
