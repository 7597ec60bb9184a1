"""The contract of a bar message, row by row: the reference that the block parser must agree with.

The rules are those of contracts/market.bars.v1.json, and those that a JSON Schema cannot say.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

FIELDS = ("source", "symbol", "interval", "ts", "open", "high", "low", "close", "volume", "fetched_at", "run_id")
PRICES = ("open", "high", "low", "close")

PATTERNS = {
    "source": r"^[a-z][a-z0-9_]{0,31}$",
    "symbol": r"^[A-Z0-9][A-Z0-9.-]{0,23}$",
    "interval": r"^1min$",
    "ts": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:00Z$",
    "open": r"^[0-9]{1,12}(\.[0-9]{1,8})?$",
    "high": r"^[0-9]{1,12}(\.[0-9]{1,8})?$",
    "low": r"^[0-9]{1,12}(\.[0-9]{1,8})?$",
    "close": r"^[0-9]{1,12}(\.[0-9]{1,8})?$",
    "volume": r"^[0-9]{1,20}(\.[0-9]{1,8})?$",
    "fetched_at": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
    "run_id": r"^[^\x00]{1,250}$",
}
FUTURE_TOLERANCE = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Rejection:
    """Why a message cannot be loaded: `reason` is one of a few names, `detail` is for people."""

    reason: str
    detail: str


@dataclass(frozen=True)
class ParsedBar:
    """A message that keeps the contract. Numbers stay text, as printed by the vendor; times are aware UTC."""

    source: str
    symbol: str
    interval: str
    ts: dt.datetime
    open: str
    high: str
    low: str
    close: str
    volume: str
    fetched_at: dt.datetime
    run_id: str


def parse_bar(
    key: bytes | None, value: bytes | None, kafka_ts: dt.datetime, symbols: frozenset[str]
) -> ParsedBar | Rejection:
    """Parses one message of a bar topic.

    Args:
        key: The record's key; must be the symbol, or the bar could sit in a partition that is not its own.
        value: The record's value.
        kafka_ts: The record's timestamp, aware: what "future" is measured against.
        symbols: Known instruments.
    """
    document = read_object(value)
    if isinstance(document, Rejection):
        return document
    return (
        check_fields(document, PATTERNS, times=("ts", "fetched_at"))
        or check_symbol(document, key, symbols)
        or _check_meaning(document, kafka_ts)
        or _bar(document)
    )


def read_object(value: bytes | None) -> dict[str, Any] | Rejection:
    """Reads a message's value, which must be a JSON object."""
    if value is None:
        return Rejection("bad_json", "the message has no value")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return Rejection("bad_json", str(error))
    if not isinstance(document, dict):
        return Rejection("bad_field", f"the message is a JSON {type(document).__name__}, not an object")
    return document


def check_fields(document: dict[str, Any], patterns: Mapping[str, str], times: Sequence[str]) -> Rejection | None:
    """Tells what is wrong with a message's fields by themselves.

    Args:
        document: The message.
        patterns: Each field of the contract and the pattern of its text.
        times: Those fields that must be dates or times that exist.
    """
    for field, pattern in patterns.items():
        if field not in document:
            return Rejection("bad_field", f"{field} is missing")
        value = document[field]
        if not isinstance(value, str):
            return Rejection("bad_field", f"{field} is a JSON {type(value).__name__}, not a string")
        if not _compiled(pattern).match(value):
            return Rejection("bad_field", f"{field} is {value[:80]!r}, which does not match {pattern}")
    unknown = sorted(document.keys() - patterns.keys())
    if unknown:
        return Rejection("bad_field", f"fields {', '.join(unknown)[:200]!r} are not in the contract")
    for field in times:
        try:
            dt.datetime.fromisoformat(document[field])
        except ValueError as error:
            return Rejection("bad_field", f"{field} is {document[field]!r}: {error}")
    return None


def check_symbol(document: Mapping[str, str], key: bytes | None, symbols: frozenset[str]) -> Rejection | None:
    """Tells whether a message's symbol is unknown, or not its key."""
    symbol = document["symbol"]
    wrong = check_known(symbol, symbols)
    if wrong:
        return wrong
    if key != symbol.encode():
        return Rejection("wrong_key", f"the key is {key!r:.80}, but must be the symbol {symbol}")
    return None


def check_known(symbol: str, symbols: frozenset[str]) -> Rejection | None:
    """Tells whether a symbol is no known instrument."""
    if symbol in symbols:
        return None
    return Rejection("unknown_symbol", f"{symbol} is not in market.instruments: add it to config/instruments.yml")


def as_row(message: Mapping[str, Any], parsed: object) -> dict[str, Any]:
    """A message of the layout `schemas.MESSAGES` with what was parsed of it: its fields, or why there are none."""
    row = {name: message[name] for name in ("topic", "partition", "kafka_offset", "kafka_ts")}
    if isinstance(parsed, Rejection):
        return row | {"reason": parsed.reason, "detail": parsed.detail, "payload": message["value"]}
    return row | vars(parsed)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern[:-1] + r"\Z", re.ASCII)


def _check_meaning(document: Mapping[str, str], kafka_ts: dt.datetime) -> Rejection | None:
    opened, high, low, close = (Decimal(document[field]) for field in PRICES)
    if low <= 0:
        return Rejection("bad_price", f"low is {low}: prices are above zero")
    if not (low <= opened <= high and low <= close <= high):
        return Rejection("bad_price", f"open {opened}, high {high}, low {low}, close {close} contradict each other")
    if dt.datetime.fromisoformat(document["ts"]) > kafka_ts + FUTURE_TOLERANCE:
        return Rejection("future_bar", f"ts is {document['ts']}, but Kafka received it at {kafka_ts.isoformat()}")
    return None


def _bar(document: dict[str, str]) -> ParsedBar:
    return ParsedBar(
        **{field: document[field] for field in FIELDS if field not in ("ts", "fetched_at")},
        ts=dt.datetime.fromisoformat(document["ts"]),
        fetched_at=dt.datetime.fromisoformat(document["fetched_at"]),
    )
