"""spark-submit load_bars.py --run-id ID: loads everything that Kafka holds of the bar topics."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from marketpulse_spark.settings import LoadSettings, required
from marketpulse_spark.submitted import loader_arguments, run_loader


def parse_args(argv: Sequence[str]) -> LoadSettings:
    """Reads the arguments, and from the environment what the stack sets for every process."""
    parser = loader_arguments(__doc__, LoadSettings.max_messages_per_batch)
    parser.add_argument("--driver-messages", type=int, default=LoadSettings.driver_messages)
    parser.add_argument("--without-indicators", action="store_true", help="raw and market only, for benchmarks")
    arguments = parser.parse_args(argv)
    return LoadSettings(
        run_id=arguments.run_id,
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
        kafka_bootstrap=required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP"),
        max_messages_per_batch=arguments.max_messages_per_batch,
        driver_messages=arguments.driver_messages,
        with_indicators=not arguments.without_indicators,
    )


def _load() -> Callable[..., None]:
    from marketpulse_spark.load import load

    return load


if __name__ == "__main__":
    sys.exit(run_loader(parse_args(sys.argv[1:]), _load))
