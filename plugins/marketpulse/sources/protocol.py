"""What a vendor adapter is, and how one is opened.

docs/howto/add-a-vendor.md shows how to add one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Protocol, TypeVar, runtime_checkable

from marketpulse.actions import CorporateAction
from marketpulse.bars import Bar
from marketpulse.config import SOURCES_FILE, ConfigError, Instrument, SourceSettings
from marketpulse.news import Article
from marketpulse.sources.budget import Budget, PostgresBudget, Purpose
from marketpulse.sources.errors import VendorError


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


@dataclass(frozen=True, slots=True)
class FetchedActions:
    """A vendor's answer about the splits and dividends of one instrument.

    Attributes:
        actions: All that the vendor knows of, oldest first; of each kind one for each ex-date.
        fetched_at: When the answer had arrived; aware, UTC.
    """

    actions: list[CorporateAction]
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class FetchedNews:
    """A vendor's answer about what was published.

    Attributes:
        articles: About known instruments, oldest first, each once.
        fetched_at: When the answer had arrived; aware, UTC.
        until: The answer holds all that the vendor has from before this: the next question begins here, less an
            overlap. Aware, UTC.
        failures: Why the answer lacks something.
    """

    articles: list[Article]
    fetched_at: datetime
    until: datetime
    failures: Sequence[VendorError] = ()


@dataclass(frozen=True, slots=True)
class FetchedQuote:
    """A vendor's answer about the last trade of one instrument.

    Attributes:
        price: As the vendor printed it.
        traded_at: When that was; aware, UTC.
        fetched_at: When the answer had arrived; aware, UTC.
    """

    price: str
    traded_at: datetime
    fetched_at: datetime


class Source(Protocol):
    """A vendor; the other protocols say what one may give."""

    async def close(self) -> None:
        """Let go of connections."""


Kind = TypeVar("Kind", bound=Source)


@runtime_checkable
class BarSource(Source, Protocol):
    """A vendor of bars.

    Attributes:
        answers_at_once: How long a stretch of history one request answers for: nearby holes are asked for together.
    """

    answers_at_once: timedelta

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


@runtime_checkable
class ActionSource(Source, Protocol):
    """A vendor that knows of splits and dividends."""

    async def fetch_actions(self, instrument: Instrument) -> FetchedActions:
        """The instrument's splits and dividends, all that the vendor has.

        Raises:
            VendorError: There is no data, and why.
        """


@runtime_checkable
class NewsSource(Source, Protocol):
    """A vendor of news."""

    async def fetch_news(self, instruments: Mapping[str, Instrument], since: datetime | None) -> FetchedNews:
        """What was published since then; earlier articles may be among it.

        Args:
            instruments: All that are known, by symbol: articles about no one of them are left out.
            since: Aware, UTC; None for a first fetch, which is a recent part of what the vendor has.

        Raises:
            VendorError: There is no answer, and why.
        """


@runtime_checkable
class QuoteSource(Source, Protocol):
    """A vendor that knows when and at which price an instrument was traded last."""

    async def fetch_quote(self, instrument: Instrument) -> FetchedQuote:
        """The instrument's last trade.

        Raises:
            VendorError: There is no data, and why.
        """


def open_source(
    settings: SourceSettings, kind: type[Kind], purpose: Purpose = Purpose.LIVE, budget: Budget | None = None
) -> Kind:
    """The adapter that the settings name.

    Args:
        settings: The vendor.
        kind: What it is asked for, by its protocol: `BarSource`, `ActionSource`, `NewsSource`, `QuoteSource`.
        purpose: What its requests are for: the vendor's limits go to the most valuable first.
        budget: Grants them; by default the one that all tasks share.

    Raises:
        ConfigError: There is no such adapter, or it does not give that.
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
    source = opener(settings, budget or PostgresBudget(settings, purpose))
    if not isinstance(source, kind):
        raise ConfigError(
            SOURCES_FILE,
            f"sources.{settings.name}.data",
            f"the adapter {settings.adapter} is no {kind.__name__}",
            "leave out what it does not give",
        )
    return source
