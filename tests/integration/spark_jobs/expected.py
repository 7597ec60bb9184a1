"""What the tables must hold for a set of messages, whatever their order: computed here, without Spark or SQL."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import orjson
from marketpulse_spark.transforms.bars import KEY
from marketpulse_spark.transforms.indicators import INDICATORS, REACH

from tests.integration.spark_jobs.feed import Record
from tests.integration.spark_jobs.warehouse import MARKET_TABLES, Rows, Warehouse
from tests.unit.spark_jobs.formulas import Bars, value

_ONE = Decimal(1)
_NUMBERS = ("open", "high", "low", "close", "volume")
#: Symbol, source, start.
Bar = tuple[str, str, dt.datetime]
#: fetched_at, then open, high, low, close, volume: in this order versions follow one another.
Observation = tuple[Any, ...]


def expected(records: Iterable[Record], actions: Iterable[Record] = ()) -> dict[str, Rows]:
    """The rows of MARKET_TABLES for messages that all keep the contract: bars, and splits and dividends."""
    observations: dict[Bar, set[Observation]] = defaultdict(set)
    for _, raw in records:
        message = orjson.loads(raw or b"")
        bar = (message["symbol"], message["source"], dt.datetime.fromisoformat(message["ts"]))
        values = tuple(Decimal(message[name]) for name in _NUMBERS)
        observations[bar].add((dt.datetime.fromisoformat(message["fetched_at"]), *values))
    tables: dict[str, Rows] = {table: [] for table in MARKET_TABLES}
    for bar, seen in observations.items():
        versions: list[Observation] = []
        for observation in sorted(seen):
            if versions and versions[-1][1:] == observation[1:]:
                tables["ops.bar_confirmations"].append((*bar, *observation[1:], observation[0]))
            else:
                versions.append(observation)
        rows = [(*bar, *values, fetched_at) for fetched_at, *values in versions]
        tables["market.bars_1m"].append(rows[-1])
        tables["market.bar_revisions"] += rows[:-1]
    said = {_said(orjson.loads(raw or b"")) for _, raw in actions}
    tables["ops.action_observations"] = list(said)
    tables["analytics.indicators_1m"] = list(_indicators(tables["market.bars_1m"], _splits(said)))
    return {table: sorted(map(normal, rows), key=repr) for table, rows in tables.items()}


def _said(message: dict[str, str]) -> tuple[Any, ...]:
    """The row of ops.action_observations."""
    times = {name: dt.datetime.fromisoformat(message[name]) for name in ("effective_at", "fetched_at")}
    return (
        *(message[name] for name in ("symbol", "source", "kind")),
        dt.date.fromisoformat(message["ex_date"]),
        times["effective_at"],
        Decimal(message["ratio"] if message["kind"] == "split" else message["amount"]).normalize(),
        message.get("currency", ""),
        times["fetched_at"],
    )


def _splits(said: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[dt.datetime, Decimal]]]:
    """Start and ratio of each split, by symbol, oldest first: what was said last counts, whoever said it."""
    newest: dict[tuple[str, dt.date], tuple[Any, ...]] = {}
    for symbol, source, kind, ex_date, effective_at, ratio, _, fetched_at in said:
        if kind == "split":
            words = (fetched_at, effective_at, ratio, source)
            newest[symbol, ex_date] = max(newest.get((symbol, ex_date), words), words)
    splits: dict[str, list[tuple[dt.datetime, Decimal]]] = defaultdict(list)
    for (symbol, _), (_, effective_at, ratio, _) in sorted(newest.items()):
        splits[symbol].append((effective_at, ratio))
    return {symbol: sorted(of_symbol) for symbol, of_symbol in splits.items()}


def _indicators(bars: Rows, splits: dict[str, list[tuple[dt.datetime, Decimal]]]) -> Iterator[tuple[Any, ...]]:
    """Recomputes all indicators from scratch, each in the shares of its bar: equal to the last bit."""
    series: dict[tuple[str, str], Rows] = defaultdict(list)
    for row in bars:
        series[row[:2]].append(row[2:])
    for (symbol, source), of_series in series.items():
        of_series.sort(reverse=True)
        for place, (ts, *_) in enumerate(of_series):
            reached = of_series[place : place + REACH + 1]
            ratios = [_ratio(splits.get(symbol, []), at, ts) for at, *_ in reached]
            prices = [[float(each) / ratio for each in row[2:5]] for row, ratio in zip(reached, ratios, strict=True)]
            window = Bars(*zip(*prices, strict=True))
            yield (symbol, source, ts, *(value(name, window) for name in INDICATORS))


def _ratio(splits: list[tuple[dt.datetime, Decimal]], after: dt.datetime, until: dt.datetime) -> float:
    """How many shares of one time a share of an earlier time is."""
    return float(math.prod((ratio for start, ratio in splits if after < start <= until), start=_ONE))


def found(warehouse: Warehouse) -> dict[str, Rows]:
    """The tables in the same layout and order."""
    columns = dict.fromkeys(MARKET_TABLES, "*") | {"analytics.indicators_1m": ", ".join([*KEY, *INDICATORS])}
    return {
        table: sorted((normal(row) for row in warehouse.rows(f"SELECT {columns[table]} FROM {table}")), key=repr)
        for table in MARKET_TABLES
    }


def normal(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row with decimals and times in one form, so that equal values print equally."""
    return tuple(
        value.normalize()
        if isinstance(value, Decimal)
        else value.astimezone(dt.UTC)
        if isinstance(value, dt.datetime)
        else value
        for value in row
    )
