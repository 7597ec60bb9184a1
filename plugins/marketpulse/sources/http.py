"""Asking a vendor over HTTP: pooled, within its limits, bounded in time, retried where that can help."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from marketpulse import metrics
from marketpulse.config import SourceSettings
from marketpulse.redaction import Redactor, silence_request_logs
from marketpulse.sources.budget import Budget
from marketpulse.sources.errors import (
    BadApiKey,
    DailyBudgetExhausted,
    Deferred,
    RateLimited,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)

# One instrument's answer, retries and waits for the vendor's rate included. With the lock before it and the
# publishing after it, a task stays within its minute.
ANSWER_WITHIN_SECONDS = 35
ATTEMPTS = 3
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 8.0
CONNECT_SECONDS = 3.0
# A Date has whole seconds, and servers render it once a second: without this, an answer just after the full minute
# would seem to be from before it, and the minute's bar would come a minute late.
DATE_LAGS_BY = timedelta(seconds=2)

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer.

    Attributes:
        body: The document.
        composed_at: The latest instant that the document can be sure to know of: the earlier of our clock when we
            asked and the answer's `Date` (give or take `DATE_LAGS_BY`). A cached answer carries the date of its making,
            and a clock of ours that is ahead does not matter. Aware, UTC.
        received_at: Our clock when the answer was complete; aware, UTC.
        refusal: What its HTTP status alone says; None for 200. Only vendors that word their refusals
            (`VendorClient`) are read with another status: who reads one raises this, or what the body says better.
    """

    body: bytes
    composed_at: datetime
    received_at: datetime
    refusal: VendorError | None = None


class VendorClient:
    """A pooled client of one vendor.

    Args:
        settings: The vendor's address and time-out.
        budget: Grants every request, retries included; closed with the client.
        headers: What every request carries beside the usual.
        words_refusals: Whether the bodies of HTTP errors say what is wrong, so that `read` gets them too.
    """

    def __init__(
        self,
        settings: SourceSettings,
        budget: Budget,
        headers: Mapping[str, str] | None = None,
        *,
        words_refusals: bool = False,
    ) -> None:
        silence_request_logs()
        self._source = settings.name
        self._timeout_seconds = settings.timeout_seconds
        self._complete_seconds = 2 * settings.timeout_seconds
        self._words_refusals = words_refusals
        self.redact = Redactor(settings.api_key)
        self._http = httpx.AsyncClient(
            base_url=settings.base_url or "",
            timeout=httpx.Timeout(settings.timeout_seconds, connect=min(CONNECT_SECONDS, settings.timeout_seconds)),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
            headers={"User-Agent": "MarketPulse", "Accept-Encoding": "gzip", **(headers or {})},
        )
        self._budget = budget

    async def ask(self, symbol: str, path: str, params: Mapping[str, str], read: Callable[[Answer], T]) -> T:
        """Ask until there is an answer that `read` accepts, or asking again cannot help.

        Args:
            symbol: The instrument, for messages.
            path: Where to ask, below the vendor's address.
            params: The query.
            read: Turns the answer into a result, or raises a `VendorError`.

        Raises:
            VendorError: What the last attempt met.
        """
        last: VendorError | None = None
        give_up_at = time.monotonic() + ANSWER_WITHIN_SECONDS
        try:
            async with asyncio.timeout(ANSWER_WITHIN_SECONDS):
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception(lambda error: isinstance(error, VendorError) and error.retryable),
                    stop=stop_after_attempt(ATTEMPTS),
                    wait=_wait,
                    reraise=True,
                ):
                    with attempt:
                        await self._budget.take(symbol, give_up_at - time.monotonic())
                        try:
                            return await self._ask_once(symbol, path, params, read)
                        except VendorError as error:
                            last = error
                            log.warning("%s, attempt %d: %s", symbol, attempt.retry_state.attempt_number, error.detail)
                            raise
        except TimeoutError:
            raise last or self._unavailable(symbol, "its rate leaves no room for another request") from None
        except (Deferred, DailyBudgetExhausted) as error:
            # What the vendor said tells more than that it may not be asked again.
            raise last or error from None
        raise AssertionError("tenacity either returns or raises")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._budget.close()
        await self._http.aclose()

    async def _ask_once(self, symbol: str, path: str, params: Mapping[str, str], read: Callable[[Answer], T]) -> T:
        started = time.monotonic()
        outcome = "ok"
        try:
            return read(await self._get(symbol, path, params))
        except VendorError as error:
            outcome = error.outcome
            raise
        finally:
            metrics.count("vendor_requests", 1, source=self._source, outcome=outcome)
            metrics.timing("vendor_request_duration", time.monotonic() - started, source=self._source)

    async def _get(self, symbol: str, path: str, params: Mapping[str, str]) -> Answer:
        asked_at = datetime.now(UTC)
        try:
            # httpx bounds each read; a server that drips bytes is bounded here.
            async with asyncio.timeout(self._complete_seconds):
                response = await self._http.get(path, params=params)
        except TimeoutError:
            raise self._unavailable(symbol, f"no complete answer within {self._complete_seconds:g} s") from None
        except httpx.TimeoutException as error:
            raise self._unavailable(symbol, f"{type(error).__name__} after {self._timeout_seconds:g} s") from None
        except httpx.TransportError as error:
            # Without its cause: an httpx error holds the request, and that holds the key.
            raise self._unavailable(symbol, f"{type(error).__name__}: {self.redact(str(error))}") from None
        refusal = self._refusal(symbol, response)
        if refusal and not self._words_refusals:
            raise refusal
        date = _date(response)
        composed_at = min(asked_at, date + DATE_LAGS_BY) if date else asked_at
        return Answer(response.content, composed_at, datetime.now(UTC), refusal)

    def _refusal(self, symbol: str, response: httpx.Response) -> VendorError | None:
        status = response.status_code
        if status == httpx.codes.OK:
            return None
        detail = f"HTTP {status} {response.reason_phrase}"
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return RateLimited(self._source, symbol, detail, _retry_after(response))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return VendorUnavailable(self._source, symbol, detail, _retry_after(response))
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            return BadApiKey(self._source, symbol, detail)
        return VendorRefused(self._source, symbol, detail)

    def _unavailable(self, symbol: str, detail: str) -> VendorUnavailable:
        return VendorUnavailable(self._source, symbol, detail)


_back_off = wait_exponential_jitter(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS, jitter=FIRST_WAIT_SECONDS)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_seconds if isinstance(error, VendorError) else None
    return max(_back_off(state), min(asked or 0.0, LONGEST_WAIT_SECONDS))


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None


def _date(response: httpx.Response) -> datetime | None:
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
