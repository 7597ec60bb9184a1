"""What asking a vendor for several instruments came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from airflow.sdk.exceptions import AirflowFailException

from marketpulse.errors import MarketPulseError
from marketpulse.sources.errors import VendorError


class SymbolsFailed(MarketPulseError):
    """Some instruments could not be fetched; the others are published."""

    def __init__(self, failures: Mapping[str, str], wanted: str = "bars") -> None:
        symbols: dict[str, list[str]] = defaultdict(list)
        for symbol, problem in sorted(failures.items()):
            symbols[problem].append(symbol)
        lines = [f"no {wanted} of {', '.join(names)}: {problem}" for problem, names in symbols.items()]
        super().__init__("\n".join(lines))


@dataclass(slots=True)
class Outcome:
    """What was published, and which instruments could not be fetched.

    Attributes:
        wanted: What the vendor was asked for.
        published: How many messages Kafka has acknowledged.
        failures: Symbol to what went wrong and what to do next, free of secrets.
        may_pass: Whether asking again soon may help with one of them.
    """

    wanted: ClassVar[str] = "bars"

    published: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    may_pass: bool = False

    def add_failure(self, symbol: str, error: VendorError) -> None:
        """Remember why an instrument could not be fetched."""
        self.failures[symbol] = f"{error.detail}. Next: {error.next_step}."
        self.may_pass |= error.retryable

    def raise_failures(self) -> None:
        """Fail the task if an instrument could not be fetched.

        Raises:
            SymbolsFailed: Trying again may help.
            AirflowFailException: It will not: Airflow does not try again.
        """
        if self.failures and self.may_pass:
            raise SymbolsFailed(self.failures, self.wanted)
        if self.failures:
            raise AirflowFailException(str(SymbolsFailed(self.failures, self.wanted)))
