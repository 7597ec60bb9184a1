"""Layouts of what forecasts are made from, as Arrow and Spark see it, and of what is written of them."""

from __future__ import annotations

#: What `analytics/forecasts/read_sessions.sql` returns.
SESSION_PRICES = (
    "symbol string, source string, session date, intervals int, open double, closes array<double>,"
    " priced_at timestamp, split double, next_session date"
)

FORECASTS = (
    "symbol string, source string, quantity string, model string, for_session date, value double,"
    " training_sessions int, coefficients string"
)
OUTCOMES = "symbol string, source string, quantity string, outcome double"
