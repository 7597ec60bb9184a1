"""The data that DAGs wait for and announce: every `Asset` of MarketPulse."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias

BARS_PUBLISHED = Asset(
    name="bars_published",
    uri="marketpulse://kafka/market.bars.v1",
    extra={"contract": "contracts/market.bars.v1.json"},
)
ACTIONS_PUBLISHED = Asset(
    name="actions_published",
    uri="marketpulse://kafka/market.actions.v1",
    extra={"contract": "contracts/market.actions.v1.json"},
)
NEWS_PUBLISHED = Asset(
    name="news_published",
    uri="marketpulse://kafka/market.news.v1",
    extra={"contract": "contracts/market.news.v1.json"},
)
BARS_LOADED = Asset(name="bars_loaded", uri="marketpulse://warehouse/market/bars_1m")

#: What a topic's messages are announced by, for a run that publishes to whichever topics are asked for. Written out,
#: because the modules that have the names import what no DAG file should.
OF_TOPIC = {
    "market.bars.v1": BARS_PUBLISHED,
    "market.bars.backfill.v1": BARS_PUBLISHED,
    "market.actions.v1": ACTIONS_PUBLISHED,
    "market.news.v1": NEWS_PUBLISHED,
}
REDRIVEN = AssetAlias("redriven")
