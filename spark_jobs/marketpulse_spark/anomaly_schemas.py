"""Layouts of what the detection of anomalies reads, as Arrow and Spark see it, and of what it finds."""

from __future__ import annotations

#: What `analytics/anomalies/read_bars.sql` returns.
BARS = (
    "symbol string, source string, session date, number int, is_wanted boolean, opens_at timestamp,"
    " closes_at timestamp, split double, tick double, ts timestamp, open double, high double, low double, close double,"
    " volume double"
)

FOUND = (
    "symbol string, source string, session date, kind string, ts timestamp, detected_ts timestamp, ended_ts timestamp,"
    " score double, evidence string"
)
