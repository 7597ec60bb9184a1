"""The partition of a key: Kafka's own test values of murmur2."""

from __future__ import annotations

import pyarrow as pa
import pytest
from marketpulse_spark.errors import KeyElsewhere
from marketpulse_spark.partitioning import _murmur2, at_home, home
from marketpulse_spark.schemas import ROWS

from tests.unit.spark_jobs.rows import dead_letter, parsed_bar


@pytest.mark.parametrize(
    ("key", "value"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2, as signed numbers there.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(key: bytes, value: int) -> None:
    assert _murmur2(key) == value & 0xFFFFFFFF


def rows(*made: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(made), schema=ROWS)


def test_rows_at_home_pass_through() -> None:
    place = home(b"MSFT", 2)
    batches = [rows(parsed_bar(0, 0, partition=place), dead_letter(1, partition=place)), rows(dead_letter(2)), rows()]
    assert list(at_home(batches, 2)) == batches


def test_a_symbol_from_another_partition_is_named() -> None:
    elsewhere = 1 - home(b"MSFT", 2)
    with pytest.raises(KeyElsewhere, match=f"MSFT waits in partition {elsewhere}"):
        list(at_home([rows(dead_letter(1)), rows(parsed_bar(0, 0, partition=elsewhere))], 2))
