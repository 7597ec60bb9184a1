"""Writes every dashboard to monitoring/grafana/dashboards, and removes what no code makes any more."""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.grafana.source import airflow, data_quality, kafka_and_spark, pipeline, postgres, vendors

FOLDER = Path(__file__).parents[1] / "dashboards"
SUBJECTS = (pipeline, airflow, kafka_and_spark, data_quality, vendors, postgres)


def files() -> dict[Path, str]:
    """The text of each file."""
    boards = [subject.build() for subject in SUBJECTS]
    return {FOLDER / f"{board.uid}.json": json.dumps(board, cls=JSONEncoder, indent=2) + "\n" for board in boards}


if __name__ == "__main__":
    texts = files()
    for obsolete in set(FOLDER.glob("*.json")) - texts.keys():
        obsolete.unlink()
    for path, text in texts.items():
        path.write_text(text)
