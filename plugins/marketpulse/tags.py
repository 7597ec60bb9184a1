"""The closed set of DAG tags."""

from __future__ import annotations

from enum import StrEnum


class Tag(StrEnum):
    """What a DAG is about; each DAG has one of subject and one of tempo."""

    BARS = "bars"
    ACTIONS = "actions"
    NEWS = "news"
    EVERY_MINUTE = "every-minute"
    EVERY_HOUR = "every-hour"
    EVERY_DAY = "every-day"
    ON_NEW_DATA = "on-new-data"
