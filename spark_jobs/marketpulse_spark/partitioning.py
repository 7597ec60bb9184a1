"""Which partition of a topic a key belongs to, as Kafka's default partitioner says."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark.errors import KeyElsewhere

_WORD = 0xFFFFFFFF
_SEED = 0x9747B28C
_M = 0x5BD1E995


def home(key: bytes, partitions: int) -> int:
    """Returns the partition of a key: murmur2, as Java's client and librdkafka's murmur2 partitioners compute it."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits. Source: org.apache.kafka.common.utils.Utils.murmur2."""
    whole = len(data) & ~3
    value = _SEED ^ len(data)
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        mixed = (word * _M) & _WORD
        mixed = ((mixed ^ (mixed >> 24)) * _M) & _WORD
        value = ((value * _M) & _WORD) ^ mixed
    if len(data) > whole:
        value = ((value ^ int.from_bytes(data[whole:], "little")) * _M) & _WORD
    value = ((value ^ (value >> 13)) * _M) & _WORD
    return value ^ (value >> 15)


def at_home(batches: Iterable[pa.RecordBatch], partitions: int) -> Iterator[pa.RecordBatch]:
    """Passes rows on as long as each symbol belongs to the partition that it came from.

    Args:
        batches: Rows of one partition, with `symbol` and `partition`. The key of a message is its symbol.
        partitions: How many the topics have.

    Raises:
        KeyElsewhere: A symbol belongs to another partition.
    """
    seen: set[str] = set()
    for batch in batches:
        for symbol in set(pc.unique(batch.column("symbol").drop_null()).to_pylist()) - seen:
            partition = batch.column("partition")[0].as_py()
            if home(symbol.encode(), partitions) != partition:
                raise KeyElsewhere(
                    f"{symbol} waits in partition {partition}, but belongs to {home(symbol.encode(), partitions)}"
                )
            seen.add(symbol)
        yield batch


def check_home(rows: pa.Table, partitions: int) -> None:
    """The same at once.

    Raises:
        KeyElsewhere: A symbol belongs to another partition.
    """
    for _ in at_home(rows.to_batches(), partitions):
        pass
