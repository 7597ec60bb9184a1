"""What can go wrong between a vendor and us, by name."""

from __future__ import annotations

from typing import ClassVar

from marketpulse.errors import MarketPulseError


class VendorError(MarketPulseError):
    """A vendor's answer that is no data.

    Attributes:
        retryable: Whether the same question may be answered a few seconds later.
        outcome: Short name for metrics.
        next_step: What a person does about it.
        symbol: The instrument asked for.
        detail: What happened, with the error's name.

    Args:
        source: The vendor.
        symbol: The instrument asked for.
        detail: What happened, free of secrets.
        wait_seconds: How long the vendor asks us to wait, when it says so.
    """

    retryable: ClassVar[bool] = False
    outcome: ClassVar[str] = "refused"
    next_step: ClassVar[str] = "Read the vendor's words above; if they mean a new case, name it in sources/errors.py"

    def __init__(self, source: str, symbol: str, detail: str, wait_seconds: float | None = None) -> None:
        super().__init__(f"{type(self).__name__}: {source} {symbol}: {detail}. Next: {self.next_step}.")
        self.symbol = symbol
        self.detail = f"{type(self).__name__}: {detail}"
        self.wait_seconds = wait_seconds


class VendorRefused(VendorError):
    """The vendor refused in words that have no name yet."""


class RateLimited(VendorError):
    """Too many requests in a second or a minute."""

    retryable = True
    outcome = "rate_limited"
    next_step = "Nothing once; if it repeats, lower requests_per_second or requests_per_minute in config/sources.yml"


class DailyBudgetExhausted(VendorError):
    """The key's requests of the day are used up."""

    outcome = "budget_exhausted"
    next_step = "Wait for the vendor's next day, list fewer symbols in config/sources.yml, or use a larger plan"


class Deferred(VendorError):
    """Not asked: what is left of the vendor's day is kept for later, or for more valuable requests."""

    outcome = "deferred"
    next_step = "Nothing for polls and gaps, which ask again by themselves; clear a backfill's run once it is due"


class BadApiKey(VendorError):
    """The key is missing, wrong or a demo key."""

    outcome = "bad_key"
    next_step = "Set the key in .env (<SOURCE>_API_KEY) and restart the stack"


class PremiumOnly(VendorError):
    """The key's plan does not include this."""

    outcome = "premium_only"
    next_step = "Use a plan that includes it, change entitlement in config/sources.yml, or remove the symbol there"


class UnknownSymbol(VendorError):
    """The vendor does not know the instrument."""

    outcome = "unknown_symbol"
    next_step = "Remove the symbol from config/sources.yml, or correct it in config/instruments.yml"


class OutOfReach(VendorError):
    """The vendor keeps no history of these minutes."""

    outcome = "out_of_reach"
    next_step = "Ask for later days, or import the bars from a file with `make import-bars`"


class SampleData(VendorError):
    """The rows are artificial: the vendor shows its schema to keys without the plan."""

    outcome = "sample_data"
    next_step = "Nothing was published; use a plan that includes real data"


class MalformedAnswer(VendorError):
    """Not the document that the vendor documents: HTML, cut-off or changed JSON."""

    retryable = True
    outcome = "malformed"
    next_step = "Nothing once; if it repeats, compare the vendor's documentation with its adapter"


class VendorUnavailable(VendorError):
    """No answer in time, a broken connection, or a server error."""

    retryable = True
    outcome = "unavailable"
    next_step = "Nothing: the next run asks again and closes the gap; if it lasts, look at the vendor's status page"
