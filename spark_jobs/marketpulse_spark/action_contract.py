"""The contract of a split or dividend: contracts/market.actions.v1.json, and what a JSON Schema cannot say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from marketpulse_spark.contract import PATTERNS as BAR_PATTERNS
from marketpulse_spark.contract import Rejection, as_row, check_fields, check_symbol, read_object
from marketpulse_spark.schemas import ACTIONS

SPLIT, DIVIDEND = "split", "dividend"
_COMMON = {
    "source": BAR_PATTERNS["source"],
    "symbol": BAR_PATTERNS["symbol"],
    "kind": r"^(split|dividend)$",
    "ex_date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "effective_at": BAR_PATTERNS["ts"],
    "fetched_at": BAR_PATTERNS["fetched_at"],
    "run_id": BAR_PATTERNS["run_id"],
}
_NUMBER = BAR_PATTERNS["open"]
#: The fields of each kind, each with the pattern of its text.
FIELDS = {
    SPLIT: _COMMON | {"ratio": _NUMBER},
    DIVIDEND: _COMMON | {"amount": _NUMBER, "currency": r"^[A-Z]{3,5}$"},
}
#: No clock is further from UTC.
_LARGEST_OFFSET = dt.timedelta(hours=14)


@dataclass(frozen=True)
class ParsedAction:
    """A message that keeps the contract.

    Attributes:
        value: Ratio of a split, amount of a dividend, as printed by the vendor.
        currency: Of a dividend; empty for a split.
    """

    source: str
    symbol: str
    kind: str
    ex_date: dt.date
    effective_at: dt.datetime
    value: str
    currency: str
    fetched_at: dt.datetime
    run_id: str


def parse_action(key: bytes | None, value: bytes | None, symbols: frozenset[str]) -> ParsedAction | Rejection:
    """Parses one message of the actions topic.

    Args:
        key: The record's key; must be the symbol, so that an action and the bars it touches share a partition.
        value: The record's value.
        symbols: Known instruments.
    """
    document = read_object(value)
    if isinstance(document, Rejection):
        return document
    kind = document.get("kind")
    # A message of no known kind is told so by the rules of either.
    patterns = FIELDS[kind] if isinstance(kind, str) and kind in FIELDS else FIELDS[SPLIT]
    wrong = check_fields(document, patterns, times=("ex_date", "effective_at", "fetched_at"))
    wrong = wrong or check_symbol(document, key, symbols)
    if wrong:
        return wrong
    action = ParsedAction(
        source=document["source"],
        symbol=document["symbol"],
        kind=document["kind"],
        ex_date=dt.date.fromisoformat(document["ex_date"]),
        effective_at=dt.datetime.fromisoformat(document["effective_at"]),
        value=document["ratio"] if kind == SPLIT else document["amount"],
        currency=document.get("currency", ""),
        fetched_at=dt.datetime.fromisoformat(document["fetched_at"]),
        run_id=document["run_id"],
    )
    return _check_meaning(action) or action


def _check_meaning(action: ParsedAction) -> Rejection | None:
    if action.kind == SPLIT and not Decimal(action.value):
        return Rejection("bad_ratio", "ratio is 0: so many new shares are none; a withdrawn split has ratio 1")
    # As plain times: that of the first or the last day of the calendar has no neighbour.
    midnight = dt.datetime.combine(action.ex_date, dt.time())
    if abs(action.effective_at.replace(tzinfo=None) - midnight) > _LARGEST_OFFSET:
        return Rejection(
            "bad_date",
            f"effective_at is {action.effective_at.isoformat()}: in no time zone midnight of {action.ex_date}",
        )
    return None


def parse_actions(batches: Iterable[pa.RecordBatch], symbols: frozenset[str]) -> pa.Table:
    """Parses messages of the actions topic, of which there are few.

    Args:
        batches: Records in the layout `schemas.MESSAGES`.
        symbols: Known instruments.

    Returns:
        The same records in the same order, in the layout `schemas.ACTIONS`.
    """
    rows = [
        as_row(message, parse_action(message["key"], message["value"], symbols))
        for batch in batches
        for message in batch.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=ACTIONS)
