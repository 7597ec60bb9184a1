"""spark-submit load_news.py --run-id ID: loads everything that Kafka holds of the news topic."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from marketpulse_spark.settings import NewsSettings, required
from marketpulse_spark.submitted import loader_arguments, run_loader


def parse_args(argv: Sequence[str]) -> NewsSettings:
    """Reads the arguments, and from the environment what the stack sets for every process."""
    arguments = loader_arguments(__doc__, NewsSettings.max_messages_per_batch).parse_args(argv)
    return NewsSettings(
        run_id=arguments.run_id,
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
        kafka_bootstrap=required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP"),
        max_messages_per_batch=arguments.max_messages_per_batch,
    )


def _load() -> Callable[..., None]:
    from marketpulse_spark.news import load

    return load


if __name__ == "__main__":
    sys.exit(run_loader(parse_args(sys.argv[1:]), _load))
