"""A split or a dividend and its message on the wire (`contracts/market.actions.v1.json`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import orjson

from marketpulse.bars import bar_start

ACTIONS_TOPIC = "market.actions.v1"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """What a vendor says of one split or dividend.

    Attributes:
        source: Vendor, as named in `config/sources.yml`.
        symbol: Instrument, as named in `config/instruments.yml`.
        kind: `split` or `dividend`.
        ex_date: First trading day at the new price.
        effective_at: When bars at the new price begin; aware, UTC.
        value: Decimal text: new shares for each old one of a split, cash for each share of a dividend.
        currency: Of a dividend; None for a split.
    """

    source: str
    symbol: str
    kind: Literal["split", "dividend"]
    ex_date: date
    effective_at: datetime
    value: str
    currency: str | None = None

    def withdrawn(self) -> CorporateAction:
        """The same, as a vendor that no longer knows of it leaves it: without effect."""
        return replace(self, value="1" if self.kind == "split" else "0")


def midnight(ex_date: date, zone: ZoneInfo) -> datetime:
    """When the bars of a day begin.

    Args:
        ex_date: The day.
        zone: The exchange's.

    Returns:
        Aware, UTC.
    """
    return datetime.combine(ex_date, time(), zone).astimezone(UTC)


def encode_action(action: CorporateAction, fetched_at: str, run_id: str) -> bytes:
    """The Kafka message of a split or dividend.

    Args:
        action: The action.
        fetched_at: When the vendor's answer arrived, in the contract's form.
        run_id: What fetched it.
    """
    values = (
        {"ratio": action.value} if action.kind == "split" else {"amount": action.value, "currency": action.currency}
    )
    return orjson.dumps(
        {
            "source": action.source,
            "symbol": action.symbol,
            "kind": action.kind,
            "ex_date": action.ex_date.isoformat(),
            "effective_at": bar_start(action.effective_at),
            **values,
            "fetched_at": fetched_at,
            "run_id": run_id,
        }
    )
