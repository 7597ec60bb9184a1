"""GET /products/{product}/candles: Coinbase Exchange's public candles; refusals are a status and a `message`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from decimal import Decimal

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from simulator.bars import Bar, Market, begun_bars, grouped
from simulator.instruments import Instrument
from simulator.sessions import minute_of
from simulator.wire import Simulator, instead_of_answer, market_with, sent

MOST_CANDLES = 300

_GRANULARITIES = ("60", "300", "900", "3600", "21600", "86400")
_TOO_MANY = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
_REFUSALS = {"burst": (429, "Public rate limit exceeded"), "bad_symbol": (404, "NotFound")}
# Smaller numbers come with an exponent.
_SMALLEST_PLAIN = Decimal("1e-6")


class _RefusedError(Exception):
    """The status and the message of a refusal are its arguments."""


def coinbase_router(simulator: Simulator) -> APIRouter:
    """Returns the route of the candles."""
    router = APIRouter()

    @router.get("/products/{product}/candles")
    async def candles(product: str, http_request: HttpRequest) -> Response:
        """Answers one question for candles."""
        faults = simulator.faults.matching(frozenset({product.upper().replace("-", "")}))
        instead = await instead_of_answer(
            simulator, faults, http_request, lambda name: _refusal(*_REFUSALS[name]) if name in _REFUSALS else None
        )
        if instead:
            return instead
        client = http_request.client.host if http_request.client else ""
        try:
            if not http_request.headers.get("User-Agent"):
                raise _RefusedError(400, "User-Agent header is required.")
            if simulator.limits.is_burst(f"coinbase {client}"):
                raise _RefusedError(*_REFUSALS["burst"])
            instrument = _instrument(simulator, product)
            seconds, start, end = _asked(http_request.query_params, simulator.clock.now())
            market, doubled = market_with(simulator, faults)
            now = simulator.clock.now()
            rows = await run_in_threadpool(_rows, market, instrument, seconds // 60, start, end, now)
        except _RefusedError as refused:
            return _refusal(*refused.args)
        twice = [row for row in rows[:doubled] for _ in range(2)]
        return sent(f"[{','.join([*twice, *rows[doubled:]])}]", faults)

    return router


def _refusal(status: int, message: str) -> Response:
    return sent(json.dumps({"message": message}), [], status=status)


def _instrument(simulator: Simulator, product: str) -> Instrument:
    for instrument in simulator.market.instruments.values():
        if instrument.kind == "crypto" and f"{instrument.coin}-{instrument.currency}" == product.upper():
            return instrument
    raise _RefusedError(*_REFUSALS["bad_symbol"])


def _asked(parameters: Mapping[str, str], now: dt.datetime) -> tuple[int, dt.datetime, dt.datetime]:
    """Returns the seconds of a candle, and the first and last moment asked for: both belong to it."""
    granularity = parameters.get("granularity", "60")
    if granularity not in _GRANULARITIES:
        raise _RefusedError(400, "Unsupported granularity")
    seconds = int(granularity)
    if not (parameters.get("start") and parameters.get("end")):
        return seconds, now - dt.timedelta(seconds=seconds * MOST_CANDLES), now
    start, end = (_moment(parameters, name) for name in ("start", "end"))
    if end < start:
        raise _RefusedError(400, "end must be after start")
    if (end - start).total_seconds() / seconds > MOST_CANDLES:
        raise _RefusedError(400, _TOO_MANY)
    return seconds, start, end


def _moment(parameters: Mapping[str, str], name: str) -> dt.datetime:
    text = parameters[name]
    try:
        moment = dt.datetime.fromtimestamp(int(text), dt.UTC) if text.isdigit() else dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise _RefusedError(400, f"Invalid {name}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _rows(
    market: Market, instrument: Instrument, minutes: int, start: dt.datetime, end: dt.datetime, now: dt.datetime
) -> list[str]:
    """Returns the candles that begin in [start, end], newest first, as the vendor prints them."""
    first = -(-minute_of(start + dt.timedelta(seconds=59)) // minutes) * minutes
    last = minute_of(end) // minutes * minutes
    bars = grouped(begun_bars(market, instrument.symbol, first, last + minutes, now), minutes)
    return [_row(bar) for bar in reversed(bars)][:MOST_CANDLES]


def _row(bar: Bar) -> str:
    numbers = (bar.low, bar.high, bar.open, bar.close, bar.volume)
    return f"[{bar.minute * 60},{','.join(_number(text) for text in numbers)}]"


def _number(text: str) -> str:
    """Returns a decimal as the vendor prints it: no trailing zeros, an exponent for the smallest."""
    number = Decimal(text).normalize()
    if 0 < number < _SMALLEST_PLAIN:
        digits, _, exponent = f"{number:e}".partition("e")
        return f"{digits}e{int(exponent)}"
    return format(number, "f")
