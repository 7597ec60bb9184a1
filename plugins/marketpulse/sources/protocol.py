"""What a vendor adapter is, and how one is opened.

To add a vendor:

1. Write `sources/<adapter>.py` with a class that keeps the `Source` protocol and
   `open_source(settings, purpose) -> Source`.
   Ask through `sources.http.VendorClient`: it brings time-outs, retries, the vendor's limits, metrics and redaction.
   Map each error that the vendor can answer with to a class of `sources.errors`.
2. Give it an entry in `config/sources.yml`, and each of its symbols one in `config/instruments.yml`.
3. Put recorded answers under `tests/unit/plugins` and hold the adapter to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Protocol

from marketpulse.bars import Bar
from marketpulse.config import SOURCES_FILE, ConfigError, Instrument, SourceSettings
from marketpulse.sources.budget import Purpose


@dataclass(frozen=True, slots=True)
class FetchedBars:
    """A vendor's answer for one instrument.

    Attributes:
        bars: Finished bars, oldest first.
        fetched_at: When the answer had arrived; aware, UTC.
        has_gap: Whether the answer does not reach back to the watermark, so that bars between may be missing.
        complete_from: Of history: the first minute that the answer speaks for. The vendor has no bar of a later minute
            that is not among `bars`; of earlier ones it says nothing. None: it speaks for no minute. Aware, UTC.
    """

    bars: list[Bar]
    fetched_at: datetime
    has_gap: bool = False
    complete_from: datetime | None = None


class Source(Protocol):
    """A vendor of bars."""

    async def fetch_bars(self, instrument: Instrument, watermark: datetime | None) -> FetchedBars:
        """The instrument's bars from the watermark, or as far back as the vendor answers, until now.

        Args:
            instrument: What to ask for.
            watermark: Start of the newest bar already published; None for a first fetch.

        Raises:
            VendorError: There is no data, and why.
        """

    async def fetch_history(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        """The instrument's finished bars that begin in [start, end), all that the vendor has.

        Args:
            instrument: What to ask for.
            start: First minute; aware, UTC.
            end: First minute that is not asked for; aware, UTC.

        Raises:
            VendorError: There is no data, and why.
        """

    async def close(self) -> None:
        """Let go of connections."""


def open_source(settings: SourceSettings, purpose: Purpose = Purpose.LIVE) -> Source:
    """The adapter that the settings name.

    Args:
        settings: The vendor.
        purpose: What its requests are for: the vendor's limits go to the most valuable first.

    Raises:
        ConfigError: There is no such adapter.
    """
    try:
        module = import_module(f"marketpulse.sources.{settings.adapter}")
        opener = module.open_source
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigError(
            SOURCES_FILE,
            f"sources.{settings.name}.adapter",
            f"no adapter named {settings.adapter}",
            "name a module of plugins/marketpulse/sources that has open_source",
        ) from error
    source: Source = opener(settings, purpose)
    return source
