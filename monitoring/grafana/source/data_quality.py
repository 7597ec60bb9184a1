"""Data quality and completeness: what is missing, wrong or contradicted."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, choice, events, graph, ranking

OF_SOURCE = '{source=~"$source"}'


def build() -> dashboard.Dashboard:
    """The dashboard for whoever has to trust the numbers."""
    return board(
        "marketpulse-data-quality",
        "Data quality and completeness",
        "Whether bars are missing, break rules, were corrected or contradict others.",
        {
            "Is it complete?": [
                graph(
                    "Missing bars",
                    "Trading minutes without a bar, by the exchange's calendar. reports.missing_bars lists them.",
                    (f"marketpulse_bars_missing{OF_SOURCE}", "{{source}}"),
                    unit=units.Short,
                    runbooks=["bars-missing"],
                ),
                ranking(
                    "Missing bars that were asked for again",
                    "Of their vendor, in the time shown.",
                    (events(f"marketpulse_bars_requested_total{OF_SOURCE}", "source"), "{{source}}"),
                    unit=units.Short,
                    runbooks=["bars-missing"],
                ),
                graph(
                    "Up to when news is known",
                    "News does not stop when exchanges close; it is asked for every 15 min.",
                    (f"marketpulse_news_age_seconds{OF_SOURCE}", "{{source}}"),
                    unit=units.Seconds,
                    runbooks=["news-stale"],
                    alarm=3600,
                ),
            ],
            "Is it right?": [
                ranking(
                    "Checks that did not hold",
                    "After a load, in the time shown. The data is there, and something about it is wrong.",
                    (events("marketpulse_checks_broken_total", "check"), "{{check}}"),
                    unit=units.Short,
                    runbooks=["checks-broken"],
                ),
                ranking(
                    "Dead letters",
                    "Messages that break their contract, in the time shown.",
                    (events("marketpulse_dead_letters_total", "topic"), "{{topic}}"),
                    unit=units.Short,
                    runbooks=["dead-letters", "dead-letter-burst"],
                ),
                ranking(
                    "Anomalies found",
                    "In the time shown. reports.anomalies has the figures that each was decided on.",
                    (events("marketpulse_anomalies_found_total", "kind"), "{{kind}}"),
                    unit=units.Short,
                    runbooks=["anomalies-burst"],
                ),
            ],
            "Do vendors agree with themselves and each other?": [
                graph(
                    "Bars corrected in 15 min",
                    "Values that people have seen and that have changed. The earlier ones are kept.",
                    (events(f"marketpulse_bars_corrected_total{OF_SOURCE}", "source", "15m"), "{{source}}"),
                    unit=units.Short,
                    runbooks=["revisions-burst"],
                    alarm=50,
                ),
                graph(
                    "Bars about which two sources disagree",
                    "Compared every hour; the consensus has chosen, and may have chosen wrongly.",
                    (f"marketpulse_bars_disagreeing{OF_SOURCE}", "{{source}} and {{other_source}}"),
                    unit=units.Short,
                    runbooks=["vendors-disagree"],
                    alarm=30,
                ),
                graph(
                    "Last trades beside the newest bars",
                    "Symbols by what a vendor of quotes says: bars_late is a hole, not_traded a halt.",
                    (f"marketpulse_quote_checks{OF_SOURCE}", "{{source}}: {{state}}"),
                    unit=units.Short,
                    runbooks=["quote-contradicts-bars"],
                ),
            ],
        },
        variables=[choice("source", "Source", "marketpulse_bars_published_total")],
    )
