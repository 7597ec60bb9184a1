"""One question to the vendor, and the checks that every function shares."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from simulator import vendor_messages
from simulator.bars import Bar, Market
from simulator.instruments import Instrument
from simulator.sessions import minute_of


@dataclass(frozen=True)
class Request:
    """What one request asks, and the market it is answered from.

    Attributes:
        function: The vendor's name of the endpoint.
        parameters: Everything else in the query.
        market: Where bars come from, faults included.
        now: The time on the simulator's clock.
        doubled: How many of the newest bars are to be printed twice.
        seed: Chooses what is made up beside the bars.
    """

    function: str
    parameters: Mapping[str, str]
    market: Market
    now: dt.datetime
    seed: int
    doubled: int = 0

    @property
    def end(self) -> int:
        """The minute that is not over yet: bars are offered before it only."""
        return minute_of(self.now)

    @property
    def wants_csv(self) -> bool:
        """Whether the answer is to be CSV."""
        return self.choice("datatype", ("json", "csv"), "json") == "csv"

    def refused(self) -> vendor_messages.Refusal:
        """Returns the vendor's answer to a wrong parameter of this function."""
        return vendor_messages.bad_call(self.function)

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Returns a parameter that must be one of `allowed`.

        Raises:
            Refusal: It is something else, or absent without a default.
        """
        value = self.parameters.get(name, "").strip() or default
        if value is None or value not in allowed:
            raise self.refused()
        return value

    def equity(self) -> Instrument:
        """Returns the share that `symbol` names.

        Raises:
            Refusal: There is none.
        """
        return self._instrument(self.parameters.get("symbol", ""), "equity")

    def crypto(self) -> Instrument:
        """Returns the pair that `symbol` and `market` name.

        Raises:
            Refusal: There is none.
        """
        return self._instrument(self.parameters.get("symbol", "") + self.parameters.get("market", ""), "crypto")

    def newest_first(self, bars: list[Bar]) -> list[Bar]:
        """Returns `bars` from newest to oldest, some of them twice where a fault asks for it."""
        ordered = bars[::-1]
        if not self.doubled:
            return ordered
        twice = [bar for bar in ordered[: self.doubled] for _ in range(2)]
        return twice + ordered[self.doubled :]

    def _instrument(self, symbol: str, kind: Literal["equity", "crypto"]) -> Instrument:
        instrument = self.market.instruments.get(symbol.strip().upper())
        if instrument is None or instrument.kind != kind:
            raise self.refused()
        return instrument
