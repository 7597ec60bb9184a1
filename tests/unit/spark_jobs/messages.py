"""Messages of the bar topics for tests: good ones, and poison of every kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pyarrow as pa
from hypothesis import strategies as st
from marketpulse_spark.schemas import MESSAGES

SYMBOLS = frozenset({"MSFT", "BTCUSD", "BRK.B"})
KAFKA_TS = dt.datetime(2024, 3, 1, 15, 0, 0, 250_000, tzinfo=dt.UTC)
START = dt.datetime(2024, 3, 1, 14, 30, tzinfo=dt.UTC)


def document(**changes: Any) -> dict[str, Any]:
    """A bar that keeps the contract, except for what `changes` says; `...` takes a field away."""
    bar = {
        "source": "alpha_vantage",
        "symbol": "MSFT",
        "interval": "1min",
        "ts": "2024-03-01T14:30:00Z",
        "open": "100.5",
        "high": "101",
        "low": "99.25",
        "close": "100.75000001",
        "volume": "1234.5",
        "fetched_at": "2024-03-01T14:31:02.000001Z",
        "run_id": "scheduled__2024-03-01T14:31:00+00:00",
    }
    return {field: value for field, value in (bar | changes).items() if value is not ...}


def value(**changes: Any) -> bytes:
    """The bytes of `document(**changes)`."""
    return orjson.dumps(document(**changes))


def instant(time: dt.datetime) -> str:
    """A time as `fetched_at` prints it."""
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"


def minute(number: int) -> str:
    """The start of a bar, `number` minutes after `START`, as `ts` prints it."""
    return f"{START + dt.timedelta(minutes=number):%Y-%m-%dT%H:%M:00Z}"


#: Name of the poison, reason of the rejection, key and value.
POISON: Sequence[tuple[str, str, bytes | None, bytes | None]] = (
    ("cut off", "bad_json", b"MSFT", value()[:-20]),
    ("not JSON", "bad_json", b"MSFT", b"<html>502 Bad Gateway</html>"),
    ("empty", "bad_json", b"MSFT", b""),
    ("blank", "bad_json", b"MSFT", b"  \n"),
    ("no value", "bad_json", b"MSFT", None),
    ("NUL bytes", "bad_json", b"MSFT", b"\x00\x00\x00\x00"),
    ("NUL byte in a string", "bad_json", b"MSFT", value().replace(b"scheduled", b"sched\x00uled")),
    ("NUL byte at the end", "bad_json", b"MSFT", value() + b"\x00"),
    ("NUL byte before the last brace", "bad_json", b"MSFT", value()[:-1] + b"\x00}"),
    ("invalid UTF-8", "bad_json", b"MSFT", value().replace(b"scheduled", b"sched\xffuled")),
    ("encoded surrogate", "bad_json", b"MSFT", value().replace(b"scheduled", b"sched\xed\xa0\x80uled")),
    ("half of a surrogate pair", "bad_json", b"MSFT", value().replace(b"scheduled", b"sched\\ud800uled")),
    ("byte order mark", "bad_json", b"MSFT", b"\xef\xbb\xbf" + value()),
    ("two objects", "bad_json", b"MSFT", value() + value(ts="2024-03-01T14:31:00Z")),
    ("two objects on two lines", "bad_json", b"MSFT", value() + b"\n" + value()),
    ("trailing comma", "bad_json", b"MSFT", value()[:-1] + b",}"),
    ("comment", "bad_json", b"MSFT", value()[:-1] + b"/* */}"),
    ("single quotes", "bad_json", b"MSFT", value().replace(b'"', b"'")),
    ("NaN token", "bad_json", b"MSFT", value().replace(b'"100.5"', b"NaN")),
    ("infinity token", "bad_json", b"MSFT", value().replace(b'"100.5"', b"Infinity")),
    ("half an object", "bad_json", b"MSFT", b'{"source":"alpha_vantage}'),
    ("other half of the object", "bad_json", b"MSFT", b'{","symbol":"MSFT"}'),
    ("only braces", "bad_field", b"MSFT", b"{}"),
    ("list", "bad_field", b"MSFT", b"[]"),
    ("JSON null", "bad_field", b"MSFT", b"null"),
    ("nested", "bad_field", b"MSFT", value(source={"name": "alpha_vantage"})),
    ("list of bars", "bad_field", b"MSFT", b"[" + value() + b"]"),
    ("field missing", "bad_field", b"MSFT", value(volume=...)),
    ("field null", "bad_field", b"MSFT", value(volume=None)),
    ("field unknown", "bad_field", b"MSFT", value(vwap="100.1")),
    ("number for a string", "bad_field", b"MSFT", value(open=100.5)),
    ("boolean for a string", "bad_field", b"MSFT", value(open=True)),
    ("exponent number", "bad_field", b"MSFT", value().replace(b'"100.5"', b"1.005e2")),
    ("exponent string", "bad_field", b"MSFT", value(open="1.005e2")),
    ("NaN string", "bad_field", b"MSFT", value(open="NaN")),
    ("infinity string", "bad_field", b"MSFT", value(high="Infinity")),
    ("negative price", "bad_field", b"MSFT", value(low="-99.25")),
    ("plus sign", "bad_field", b"MSFT", value(open="+100.5")),
    ("no digit before the point", "bad_field", b"MSFT", value(volume=".5")),
    ("no digit after the point", "bad_field", b"MSFT", value(volume="5.")),
    ("decimal comma", "bad_field", b"MSFT", value(open="100,5")),
    ("Arabic digits", "bad_field", b"MSFT", value(volume="\u0661\u0662")),
    ("nine decimals", "bad_field", b"MSFT", value(open="100.123456789")),
    ("price of thirteen digits", "bad_field", b"MSFT", value(high="1000000000000")),
    ("volume of 21 digits", "bad_field", b"MSFT", value(volume="1" * 21)),
    ("space around", "bad_field", b"MSFT", value(open=" 100.5")),
    ("newline after a number", "bad_field", b"MSFT", value(open="100.5\n")),
    ("newline after a symbol", "bad_field", b"MSFT\n", value(symbol="MSFT\n")),
    ("NUL escaped", "bad_field", b"MSFT", value(run_id="a\u0000b")),
    ("run_id empty", "bad_field", b"MSFT", value(run_id="")),
    ("run_id too long", "bad_field", b"MSFT", value(run_id="\u20ac" * 251)),
    ("lower-case symbol", "bad_field", b"msft", value(symbol="msft")),
    ("other interval", "bad_field", b"MSFT", value(interval="5min")),
    ("seconds in ts", "bad_field", b"MSFT", value(ts="2024-03-01T14:30:30Z")),
    ("offset in ts", "bad_field", b"MSFT", value(ts="2024-03-01T14:30:00+00:00")),
    ("30th of February", "bad_field", b"MSFT", value(ts="2024-02-30T14:30:00Z")),
    ("hour 24", "bad_field", b"MSFT", value(ts="2024-02-28T24:00:00Z")),
    ("year 0", "bad_field", b"MSFT", value(ts="0000-03-01T14:30:00Z")),
    ("fetched in year 0", "bad_field", b"MSFT", value(fetched_at="0000-03-01T14:30:00.000000Z")),
    ("leap second", "bad_field", b"MSFT", value(fetched_at="2016-12-31T23:59:60.000000Z")),
    ("milliseconds in fetched_at", "bad_field", b"MSFT", value(fetched_at="2024-03-01T14:31:02.001Z")),
    ("unknown symbol", "unknown_symbol", b"ENRN", value(symbol="ENRN")),
    ("key of another symbol", "wrong_key", b"BTCUSD", value()),
    ("no key", "wrong_key", None, value()),
    ("key that is not text", "wrong_key", b"\xff\x00", value()),
    ("zero price", "bad_price", b"MSFT", value(low="0.00000000")),
    ("high below low", "bad_price", b"MSFT", value(high="99")),
    ("open above high", "bad_price", b"MSFT", value(open="101.00000001")),
    ("close below low", "bad_price", b"MSFT", value(close="99.24999999")),
    ("future bar", "future_bar", b"MSFT", value(ts="2024-03-01T15:06:00Z")),
    ("year 9999", "future_bar", b"MSFT", value(ts="9999-12-31T23:59:00Z")),
)

#: Unusual, and right: whatever refuses one of these loses data.
UNUSUAL: Sequence[tuple[str, bytes]] = (
    ("pretty-printed", orjson.dumps(document(), option=orjson.OPT_INDENT_2)),
    ("space around", b" \r\n" + value() + b"\t\n"),
    ("fields in another order", orjson.dumps(dict(reversed(document().items())))),
    ("escaped letters", value().replace(b'"MSFT"', rb'"\u004dSFT"').replace(b'"volume"', rb'"v\u006flume"')),
    ("duplicated key: the last one counts", value()[:-1] + b',"open":"100.25"}'),
    ("duplicated key, first one wrong", b'{"open":17,' + value()[1:]),
    ("braces within a string", value(run_id="manual__{ds}}{")),
    ("quotes within a string", value(run_id='a"b\\c')),
    ("newlines within a string", value(run_id="a\nb\r\u2028c\x7f")),
    ("emoji", value(run_id="\U0001f4c8" * 250)),
    ("leading zeros", value(open="000100.5")),
    ("widest numbers", value(high="9" * 12 + "." + "9" * 8, volume="9" * 20 + "." + "9" * 8)),
    ("smallest price", value(low="0.00000001")),
    ("no trade", value(volume="0")),
    ("year 1", value(ts="0001-01-01T00:00:00Z")),
    ("future by exactly the tolerance", value(ts="2024-03-01T15:05:00Z")),
    ("fetched in 9999", value(fetched_at="9999-12-31T23:59:59.999999Z")),
)

digits: Callable[[int], st.SearchStrategy[str]] = lambda width: st.from_regex(  # noqa: E731 - a strategy by its width
    rf"[0-9]{{1,{width}}}(\.[0-9]{{1,8}})?", fullmatch=True
)
_odd_text = st.text(max_size=12) | st.from_regex(r"[0-9T:.Z+e-]{0,28}", fullmatch=True)
_odd_value: st.SearchStrategy[Any] = (
    _odd_text | st.none() | st.integers() | st.floats() | st.booleans() | st.just([]) | st.just({})
)

#: Values of each field that the schema takes, and some that only look so.
FIELD_VALUES: dict[str, st.SearchStrategy[str]] = {
    "source": st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
    "symbol": st.sampled_from([*sorted(SYMBOLS), "ENRN"]),
    "interval": st.just("1min"),
    "ts": st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2024, 3, 1, 15, 10)).map(  # noqa: DTZ001 - UTC by format
        lambda time: f"{time:%Y-%m-%dT%H:%M:00Z}"
    )
    | st.from_regex(r"[0-9]{4}-[0-3][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:00Z", fullmatch=True),
    "volume": digits(20),
    "fetched_at": st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)).map(instant),  # noqa: DTZ001
    "run_id": st.text(min_size=1, max_size=20),
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Bars, most of them right; some with a field wrong, missing or too much."""
    prices = sorted(draw(st.lists(digits(12), min_size=4, max_size=4)), key=float)
    made: dict[str, Any] = {name: draw(strategy) for name, strategy in FIELD_VALUES.items()}
    made |= {"low": prices[0], "open": prices[1], "close": prices[2], "high": prices[3]}
    for name in draw(st.lists(st.sampled_from([*made, "more"]), max_size=2)):
        if draw(st.booleans()):
            made.pop(name, None)
        else:
            made[name] = draw(_odd_value)
    return made


def records(keys_and_values: Sequence[tuple[bytes | None, bytes | None]], first_offset: int = 0) -> pa.RecordBatch:
    """Kafka records of one partition in the layout `schemas.MESSAGES`."""
    count = len(keys_and_values)
    return pa.RecordBatch.from_pydict(
        {
            "topic": ["market.bars.v1"] * count,
            "partition": [1] * count,
            "kafka_offset": [first_offset + number for number in range(count)],
            "kafka_ts": [KAFKA_TS] * count,
            "key": [key for key, _ in keys_and_values],
            "value": [value for _, value in keys_and_values],
        },
        schema=MESSAGES,
    )
