"""The one row layout that travels from Kafka to the writer, as Arrow and as Spark types."""

from __future__ import annotations

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")

#: A Kafka record as Spark's connector returns it, reduced to what the job uses.
MESSAGES = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("kafka_offset", pa.int64()),
        ("kafka_ts", _TIME),
        ("key", pa.binary()),
        ("value", pa.binary()),
    ]
)

#: A message after parsing. `reason` is null for a bar; then all of source … run_id are set and `payload` is null.
#: Rows with `kafka_offset` null are stored bars, read back as context: never written again as messages.
ROWS = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("kafka_offset", pa.int64()),
        ("kafka_ts", _TIME),
        ("source", pa.string()),
        ("symbol", pa.string()),
        ("interval", pa.string()),
        ("ts", _TIME),
        ("open", pa.string()),
        ("high", pa.string()),
        ("low", pa.string()),
        ("close", pa.string()),
        ("volume", pa.string()),
        ("fetched_at", _TIME),
        ("run_id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("payload", pa.binary()),
    ]
)

_DDL = {pa.string(): "string", pa.int32(): "int", pa.int64(): "bigint", _TIME: "timestamp", pa.binary(): "binary"}

ROWS_DDL = ", ".join(f"`{field.name}` {_DDL[field.type]}" for field in ROWS)

PRICE = pa.decimal128(20, 8)
VOLUME = pa.decimal128(28, 8)
NUMBERS = {"open": PRICE, "high": PRICE, "low": PRICE, "close": PRICE, "volume": VOLUME}
