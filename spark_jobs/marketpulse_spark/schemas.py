"""Row layouts: of messages on their way to the writer, and of what the transforms see of them."""

from __future__ import annotations

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")

#: A Kafka record, reduced to what the job uses.
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

#: A message of the actions topic after parsing; null are `reason` … `payload` of an action, all before them of others.
ACTIONS = pa.schema(
    [
        *(MESSAGES.field(name) for name in ("topic", "partition", "kafka_offset", "kafka_ts")),
        ("source", pa.string()),
        ("symbol", pa.string()),
        ("kind", pa.string()),
        ("ex_date", pa.date32()),
        ("effective_at", _TIME),
        ("value", pa.string()),
        ("currency", pa.string()),
        ("fetched_at", _TIME),
        ("run_id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("payload", pa.binary()),
    ]
)

#: A message of the news topic after parsing (`news_contract.ParsedArticle`); null as for actions.
ARTICLES = pa.schema(
    [
        *(MESSAGES.field(name) for name in ("topic", "partition", "kafka_offset", "kafka_ts")),
        ("article_id", pa.string()),
        ("source", pa.string()),
        ("url", pa.string()),
        ("publisher", pa.string()),
        ("headline", pa.string()),
        ("summary", pa.string()),
        ("published_at", _TIME),
        ("tickers", pa.string()),
        ("known_tickers", pa.string()),
        ("sentiment", pa.string()),
        ("vader", pa.float64()),
        ("version", pa.string()),
        ("headline_key", pa.string()),
        ("fetched_at", _TIME),
        ("run_id", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("payload", pa.binary()),
    ]
)

#: Columns of ops.dead_letters, of a row of any of these layouts and the batch that read it.
DEAD_LETTERS = ("topic", "partition", "kafka_offset", "kafka_ts", "batch_id", "reason", "detail", "payload")

PRICE = pa.decimal128(20, 8)
VOLUME = pa.decimal128(28, 8)
NUMBERS = {"open": PRICE, "high": PRICE, "low": PRICE, "close": PRICE, "volume": VOLUME}

#: One observation of a bar, from a message or (`is_stored`) read back from market.bars_1m. `basis` counts the splits
#: before it. Bars before a split are there once more in the basis after it: `divisor` (null for the bar itself) is what
#: their prices are divided by, and `is_touched` says that the batch has changed it.
OBSERVATIONS = pa.schema(
    [
        ("partition", pa.int32()),
        ("symbol", pa.string()),
        ("source", pa.string()),
        ("ts", _TIME),
        *NUMBERS.items(),
        ("fetched_at", _TIME),
        ("is_stored", pa.bool_()),
        ("basis", pa.int32()),
        ("divisor", pa.float64()),
        ("is_touched", pa.bool_()),
    ]
)

#: One story that names a symbol, at the time when it first did. `is_changed`: the batch has added it or
#: (`is_removed`) taken it away.
MENTIONS = pa.schema(
    [
        ("symbol", pa.string()),
        ("published_at", _TIME),
        ("article_id", pa.string()),
        ("relevance", pa.float64()),
        ("sentiment", pa.float64()),
        ("is_changed", pa.bool_()),
        ("is_removed", pa.bool_()),
    ]
)

_DDL = {
    pa.string(): "string",
    pa.int32(): "int",
    pa.bool_(): "boolean",
    pa.float64(): "double",
    _TIME: "timestamp",
    PRICE: "decimal(20,8)",
    VOLUME: "decimal(28,8)",
}

OBSERVATIONS_DDL, MENTIONS_DDL = (
    ", ".join(f"`{field.name}` {_DDL[field.type]}" for field in layout) for layout in (OBSERVATIONS, MENTIONS)
)
