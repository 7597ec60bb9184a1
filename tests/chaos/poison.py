"""Messages that break the contract, and the reason that their dead letter must name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_TWO_MEGABYTES = 2 * 1024 * 1024


class Poison(NamedTuple):
    """A message and the `reason` of its dead letter."""

    key: bytes | None
    value: bytes | None
    reason: str


def _json(bar: dict[str, str], reason: str, **changes: Any) -> Poison:
    return Poison(bar["symbol"].encode(), json.dumps(bar | changes).encode(), reason)


def _bytes(bar: dict[str, str], value: bytes | None, reason: str = "bad_json") -> Poison:
    return Poison(bar["symbol"].encode(), value, reason)


def _replaced(bar: dict[str, str], old: bytes, new: bytes, reason: str = "bad_json") -> Poison:
    return _bytes(bar, json.dumps(bar).encode().replace(old, new), reason)


def _unknown_symbol(bar: dict[str, str]) -> Poison:
    return _json(bar | {"symbol": "NOBODY"}, "unknown_symbol")


def _missing_field(bar: dict[str, str]) -> Poison:
    return _bytes(bar, json.dumps({name: bar[name] for name in bar if name != "close"}).encode(), "bad_field")


KINDS: Mapping[str, Callable[[dict[str, str]], Poison]] = {
    "cut_off": lambda bar: _bytes(bar, json.dumps(bar).encode()[:-9]),
    "no_json": lambda bar: _bytes(bar, b"<html>503 Service Unavailable</html>"),
    "nul_bytes": lambda bar: _replaced(bar, b"chaos", b"cha\x00os"),
    "nul_escaped": lambda bar: _json(bar, "bad_field", run_id="cha\x00os"),
    "nan": lambda bar: _json(bar, "bad_json", open=float("nan")),
    "nan_text": lambda bar: _json(bar, "bad_field", open="NaN"),
    "negative_price": lambda bar: _json(bar, "bad_field", low="-1.00"),
    "zero_price": lambda bar: _json(bar, "bad_price", low="0.00"),
    "high_below_low": lambda bar: _json(bar, "bad_price", high="1.00", low="2.00", open="1.50", close="1.50"),
    "future": lambda bar: _json(bar, "future_bar", ts="2099-01-01T00:00:00Z"),
    "unknown_symbol": _unknown_symbol,
    "two_megabytes": lambda bar: _json(bar, "bad_field", run_id="x" * _TWO_MEGABYTES),
    "two_megabytes_of_noise": lambda bar: _bytes(bar, b"\xfe\x00{\n" * (_TWO_MEGABYTES // 4)),
    "number_for_text": lambda bar: _json(bar, "bad_field", volume=1000),
    "null_for_text": lambda bar: _json(bar, "bad_field", volume=None),
    "list": lambda bar: _bytes(bar, json.dumps([bar]).encode(), "bad_field"),
    "two_objects": lambda bar: _bytes(bar, json.dumps(bar).encode() * 2),
    "no_value": lambda bar: _bytes(bar, None),
    "empty_value": lambda bar: _bytes(bar, b""),
    "wrong_key": lambda bar: _json(bar, "wrong_key")._replace(key=b"CHAOS"),
    "no_key": lambda bar: _json(bar, "wrong_key")._replace(key=None),
    "nine_decimals": lambda bar: _json(bar, "bad_field", close="1.000000001"),
    "exponent": lambda bar: _json(bar, "bad_field", volume="1e5"),
    "infinite_volume": lambda bar: _json(bar, "bad_field", volume="Infinity"),
    "other_digits": lambda bar: _json(bar, "bad_field", volume="١٢"),
    "seconds": lambda bar: _json(bar, "bad_field", ts=bar["ts"].replace(":00Z", ":30Z")),
    "no_such_day": lambda bar: _json(bar, "bad_field", ts="2024-02-30T14:30:00Z"),
    "unknown_field": lambda bar: _json(bar, "bad_field", vwap="1.00"),
    "missing_field": _missing_field,
    "not_utf8": lambda bar: _replaced(bar, b"chaos", b"ch\xe4os"),
    "lone_surrogate": lambda bar: _replaced(bar, b'"chaos"', b'"\\ud800"'),
    "nested": lambda bar: _bytes(bar, b"[" * 5_000 + b"]" * 5_000),
}
