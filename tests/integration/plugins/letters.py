"""Dead letters as the loader leaves them, and what becomes of what is published in their place."""

from __future__ import annotations

from typing import Any

import orjson
import psycopg

GOOD_BAR = {
    "source": "alpha_vantage",
    "symbol": "MSFT",
    "interval": "1min",
    "ts": "2024-03-01T14:30:00Z",
    "open": "100.5",
    "high": "101",
    "low": "99.25",
    "close": "100.75",
    "volume": "1234.5",
    "fetched_at": "2024-03-01T14:31:02.000001Z",
    "run_id": "scheduled__2024-03-01T14:31:00+00:00",
}
#: A message that the loader refuses: its close is above its high.
BAD_BAR = GOOD_BAR | {"close": "102"}
#: The offset of the first letter: beyond all that the topics of tests really hold.
FAR = 1_000_000
Owner = psycopg.Connection[tuple[Any, ...]]


def message(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document)


def add_letters(
    owner: Owner,
    *payloads: bytes | None,
    topic: str = "market.bars.v1",
    dataset: str = "bars",
    reason: str = "bad_price",
    after: int = 0,
) -> None:
    """Letters in partition 0, `after` so many others at `FAR`, by a batch of their own."""
    owner.execute(
        "WITH batch AS (INSERT INTO ops.batches (dataset, run_id, state, writer, submitted_at)"
        "               VALUES (%s, 'load 1', 'succeeded', 'driver', now()) RETURNING batch_id)"
        " INSERT INTO ops.dead_letters"
        " SELECT %s, 0, %s + number - 1, now(), batch_id, %s, 'close is above high', payload"
        "   FROM batch, unnest(%s::bytea[]) WITH ORDINALITY AS p (payload, number)",
        (dataset, topic, FAR + after, reason, list(payloads)),
    )


def load_up_to(owner: Owner, topic: str, partition: int, end: int) -> None:
    """What the loader records of a range from 0 on."""
    owner.execute(
        "INSERT INTO ops.batch_ranges (batch_id, topic, partition, start_offset, end_offset, messages, dead_letters,"
        "                              duplicates, applied)"
        " SELECT max(batch_id), %s, %s, 0, %s, %s, 0, 0, %s FROM ops.batches",
        (topic, partition, end, end, end),
    )


def states(owner: Owner) -> dict[tuple[str, int], str]:
    """Topic and place after `FAR` of each letter to its state."""
    rows = owner.execute("SELECT topic, kafka_offset, state FROM ops.dead_letter_states").fetchall()
    return {(topic, offset - FAR): state for topic, offset, state in rows}
