"""Spark's own ceiling: reads the topic's range with the connector and throws it away. Prints the seconds of the read.

Run by spark-submit as it comes, with the connector's jars: spark_read.py BOOTSTRAP TOPIC ENDS.
"""

import json
import sys
import time

from marketpulse_spark.session import spark_session


def main(bootstrap: str, topic: str, ends: str) -> None:
    """Reads offsets 0 to the given ends (JSON: partition to offset)."""
    spark = spark_session("spark_read")
    positions = json.loads(ends)
    started = time.monotonic()
    (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("assign", json.dumps({topic: [int(partition) for partition in positions]}))
        .option("startingOffsets", json.dumps({topic: dict.fromkeys(positions, 0)}))
        .option("endingOffsets", json.dumps({topic: positions}))
        .load()
        .write.format("noop")
        .mode("overwrite")
        .save()
    )
    print(json.dumps({"seconds": time.monotonic() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
