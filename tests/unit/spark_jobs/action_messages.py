"""Messages of the actions topic for tests: good ones, and poison of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson


def split(**changes: Any) -> bytes:
    """A split that keeps the contract, except for what `changes` says; `...` takes a field away."""
    action = {
        "source": "alpha_vantage",
        "symbol": "MSFT",
        "kind": "split",
        "ex_date": "2024-03-01",
        "effective_at": "2024-03-01T05:00:00Z",
        "ratio": "2.0000",
        "fetched_at": "2024-03-01T06:00:00.000001Z",
        "run_id": "scheduled__2024-03-01T06:00:00+00:00",
    } | changes
    return orjson.dumps({field: value for field, value in action.items() if value is not ...})


def dividend(**changes: Any) -> bytes:
    """A dividend that keeps the contract, except for what `changes` says."""
    return split(**({"kind": "dividend", "ratio": ..., "amount": "0.75", "currency": "USD"} | changes))


#: Name of the poison, reason of the rejection, key and value.
POISON: Sequence[tuple[str, str, bytes | None, bytes | None]] = (
    ("cut off", "bad_json", b"MSFT", split()[:-20]),
    ("no value", "bad_json", b"MSFT", None),
    ("list", "bad_field", b"MSFT", b"[" + split() + b"]"),
    ("kind missing", "bad_field", b"MSFT", split(kind=...)),
    ("kind unknown", "bad_field", b"MSFT", split(kind="merger")),
    ("kind no text", "bad_field", b"MSFT", split(kind=["split"])),
    ("split without a ratio", "bad_field", b"MSFT", split(ratio=...)),
    ("split with an amount", "bad_field", b"MSFT", split(amount="1", currency="USD")),
    ("dividend without a currency", "bad_field", b"MSFT", dividend(currency=...)),
    ("dividend with a ratio", "bad_field", b"MSFT", dividend(ratio="1")),
    ("ratio a number", "bad_field", b"MSFT", split(ratio=2)),
    ("ratio negative", "bad_field", b"MSFT", split(ratio="-2")),
    ("ratio as a fraction", "bad_field", b"MSFT", split(ratio="2:1")),
    ("ratio of nine decimals", "bad_field", b"MSFT", split(ratio="0.333333333")),
    ("30th of February", "bad_field", b"MSFT", split(ex_date="2024-02-30")),
    ("ex_date with a time", "bad_field", b"MSFT", split(ex_date="2024-03-01T05:00:00Z")),
    ("effective_at a date", "bad_field", b"MSFT", split(effective_at="2024-03-01")),
    ("hour 24", "bad_field", b"MSFT", split(effective_at="2024-02-29T24:00:00Z")),
    ("field unknown", "bad_field", b"MSFT", split(note="!")),
    ("unknown symbol", "unknown_symbol", b"ENRN", split(symbol="ENRN")),
    ("key of another symbol", "wrong_key", b"BTCUSD", split()),
    ("no key", "wrong_key", None, dividend()),
    ("ratio zero", "bad_ratio", b"MSFT", split(ratio="0.0000")),
    ("effective on another day", "bad_date", b"MSFT", split(effective_at="2024-03-02T05:00:00Z")),
    ("effective in another year", "bad_date", b"MSFT", dividend(ex_date="2023-03-01")),
)
