"""What vendors share that answer for a window of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from marketpulse.bars import Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.sources.answers import BAR_LENGTH, keep_finished, within
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.protocol import FetchedBars


class WindowedSource(ABC):
    """A `BarSource` that asks window by window; a vendor says how one is asked for, and what an answer means.

    Args:
        settings: The source's settings.
        client: Asks the vendor.
        window: The longest span that one answer may cover: `answers_at_once`.
        reach: How far back a poll asks at the most: a first one, or one after an outage.
    """

    def __init__(self, settings: SourceSettings, client: VendorClient, *, window: timedelta, reach: timedelta) -> None:
        self.settings = settings
        self.client = client
        self.answers_at_once = window
        self._reach = reach

    @abstractmethod
    def question(self, instrument: Instrument, first: datetime, after: datetime) -> tuple[str, Mapping[str, str]]:
        """Path and query that ask for the bars that begin in [first, after).

        Raises:
            UnknownSymbol: The vendor has no such instrument.
        """

    @abstractmethod
    def parse(self, answer: Answer, instrument: Instrument) -> list[Bar]:
        """The bars of an answer, oldest first, each minute once; unfinished ones and others too may be among them.

        Raises:
            VendorError: It is no data.
        """

    async def fetch_bars(self, instrument: Instrument, watermark: datetime | None) -> FetchedBars:
        """See `BarSource.fetch_bars`: from the overlap before the watermark on, but no further back than the reach."""
        now = datetime.now(UTC)
        start = (now - self._reach).replace(second=0, microsecond=0)
        if watermark:
            start = max(start, watermark - self.settings.overlap_bars * BAR_LENGTH)
        fetched = await self._fetch(instrument, start, now)
        has_gap = bool(watermark and fetched.bars and start > watermark)
        return FetchedBars(fetched.bars, fetched.fetched_at, has_gap)

    async def fetch_history(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        """See `BarSource.fetch_history`."""
        fetched = await self._fetch(instrument, start, end)
        return FetchedBars(fetched.bars, fetched.fetched_at, complete_from=start)

    async def close(self) -> None:
        """See `Source.close`."""
        await self.client.close()

    async def _fetch(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        bars: list[Bar] = []
        fetched_at = datetime.now(UTC)
        while start < end:
            after = min(start + self.answers_at_once, end)
            fetched = await self._ask(instrument, start, after)
            bars += within(fetched.bars, start, after)
            fetched_at, start = fetched.fetched_at, after
        return FetchedBars(bars, fetched_at)

    async def _ask(self, instrument: Instrument, first: datetime, after: datetime) -> FetchedBars:
        def read(answer: Answer) -> FetchedBars:
            bars = keep_finished(self.parse(answer, instrument), answer.composed_at)
            return FetchedBars(bars, answer.received_at)

        path, query = self.question(instrument, first, after)
        return await self.client.ask(instrument.symbol, path, query, read)
