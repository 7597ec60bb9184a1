"""A one-minute bar and its message on the wire (`contracts/market.bars.v1.json`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

INTERVAL = "1min"
LIVE_TOPIC = "market.bars.v1"
BACKFILL_TOPIC = "market.bars.backfill.v1"


@dataclass(frozen=True, slots=True)
class Bar:
    """One version of one bar.

    Attributes:
        source: Vendor, as named in `config/sources.yml`.
        symbol: Instrument, as named in `config/instruments.yml`.
        interval: Always `1min`.
        ts: Start of the bar, aware, UTC, a whole minute.
        open: First price, as the vendor printed it. So are the other prices.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: Units traded, as the vendor printed them; fractional for crypto.
    """

    source: str
    symbol: str
    interval: str
    ts: datetime
    open: str
    high: str
    low: str
    close: str
    volume: str

    @property
    def values(self) -> tuple[str, str, str, str, str]:
        """What a revision changes: open, high, low, close, volume."""
        return (self.open, self.high, self.low, self.close, self.volume)


def bar_start(ts: datetime) -> str:
    """The contract's form of a bar's start, `2026-05-15T19:59:00Z`.

    Args:
        ts: Aware, UTC, a whole minute.
    """
    return ts.isoformat()[:19] + "Z"


def arrival(fetched_at: datetime) -> str:
    """The contract's form of when an answer arrived, `2026-05-15T20:00:01.000123Z`.

    Args:
        fetched_at: Aware, UTC.
    """
    return fetched_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(bar: Bar, fetched_at: str, run_id: str) -> bytes:
    """The Kafka message of a bar.

    Args:
        bar: The bar.
        fetched_at: When the vendor's answer arrived, in the contract's form.
        run_id: What fetched it.
    """
    return orjson.dumps(
        {
            "source": bar.source,
            "symbol": bar.symbol,
            "interval": bar.interval,
            "ts": bar_start(bar.ts),
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
            "fetched_at": fetched_at,
            "run_id": run_id,
        }
    )
