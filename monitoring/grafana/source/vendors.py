"""Vendors and budgets: what they answer, how fast, and what asking them may still cost."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, choice, events, graph, number, quantile, ranking

OF_SOURCE = '{source=~"$source"}'
#: The vendor was asked, and did not give what it owes; refusals that we or our plan cause are not its failure.
FAILED = '{source=~"$source", outcome=~"unavailable|malformed|refused|sample_data"}'


def build() -> dashboard.Dashboard:
    """The dashboard for a source that fails, is slow or has nothing left to ask with."""
    return board(
        "marketpulse-vendors",
        "Vendors and budgets",
        "What vendors answer and how fast, and what is left of the requests that the plan allows.",
        {
            "Do they answer?": [
                graph(
                    "Requests per minute",
                    "By what came of them.",
                    (
                        f"60 * sum by (source, outcome) (rate(marketpulse_vendor_requests_total{OF_SOURCE}[5m]))",
                        "{{source}}: {{outcome}}",
                    ),
                    unit=units.CountsPerMinute,
                    runbooks=["vendor-fails", "vendor-refuses-key"],
                ),
                graph(
                    "Share of requests that fail",
                    "Half of them for two minutes is a page. What was missed is fetched once the vendor answers again.",
                    (
                        f"(sum by (source) (rate(marketpulse_vendor_requests_total{FAILED}[5m]))"
                        f" or 0 * sum by (source) (rate(marketpulse_vendor_requests_total{OF_SOURCE}[5m])))"
                        f" / sum by (source) (rate(marketpulse_vendor_requests_total{OF_SOURCE}[5m]))",
                        "{{source}}",
                    ),
                    unit=units.PercentUnit,
                    runbooks=["vendor-fails"],
                    alarm=0.5,
                ),
                graph(
                    "Time to answer",
                    "Half of the requests, and nine of ten. A request is given up after 10 s.",
                    (
                        quantile(0.5, f"marketpulse_vendor_request_duration_seconds{OF_SOURCE}", "source", "10m"),
                        "{{source}}, half",
                    ),
                    (
                        quantile(0.9, f"marketpulse_vendor_request_duration_seconds{OF_SOURCE}", "source", "10m"),
                        "{{source}}, 9 of 10",
                    ),
                    unit=units.Seconds,
                    runbooks=["vendor-slow"],
                    alarm=5,
                ),
            ],
            "What do they bring?": [
                graph(
                    "Age of bars when they were published",
                    "How long after its minute the newest bar of a poll went to Kafka.",
                    (f"marketpulse_published_age_seconds{OF_SOURCE}", "{{source}}"),
                    unit=units.Seconds,
                    runbooks=["bars-stale", "vendor-slow"],
                ),
                ranking(
                    "Published",
                    "New and changed, in the time shown.",
                    (events(f"marketpulse_bars_published_total{OF_SOURCE}", "source"), "{{source}}: bars"),
                    (events(f"marketpulse_articles_published_total{OF_SOURCE}", "source"), "{{source}}: articles"),
                    (
                        events(f"marketpulse_actions_published_total{OF_SOURCE}", "source"),
                        "{{source}}: splits, dividends",
                    ),
                    unit=units.Short,
                    runbooks=["bars-stale", "news-stale"],
                    width=16,
                ),
            ],
            "Do the requests last?": [
                number(
                    "Requests left today",
                    "Live polling goes first; gaps and backfills wait.",
                    (f"marketpulse_api_budget_remaining_requests{OF_SOURCE}", "{{source}}"),
                    unit=units.Short,
                    runbooks=["api-budget-gone"],
                    steps={},
                ),
                graph(
                    "How long they last, against the vendor's day",
                    "At the pace of the day so far. Below the day's rest, they run out.",
                    (f"marketpulse_api_budget_lasts_seconds{OF_SOURCE}", "{{source}}: lasts"),
                    (f"marketpulse_api_budget_day_left_seconds{OF_SOURCE}", "{{source}}: the day's rest"),
                    unit=units.Seconds,
                    runbooks=["api-budget-runs-out"],
                    width=16,
                ),
            ],
        },
        variables=[choice("source", "Source", "marketpulse_vendor_requests_total")],
    )
