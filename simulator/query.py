"""GET /query: the vendor's one address, behind its checks and the faults in force."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from simulator import vendor_messages
from simulator.bars import Market
from simulator.clock import Clock
from simulator.faults import (
    BadTick,
    Correction,
    CutOff,
    DoubledBars,
    Entry,
    FaultBook,
    Halt,
    Hang,
    Html,
    HttpStatus,
    Message,
    Outage,
    SplitFault,
)
from simulator.faulty_market import FaultyMarket
from simulator.intraday import crypto_intraday, time_series_intraday
from simulator.limits import Limits
from simulator.news import news_sentiment
from simulator.quotes import global_quote, time_series_daily, time_series_daily_adjusted
from simulator.reference import dividends, market_status, premium_sample, splits
from simulator.rendering import Answer, json_answer
from simulator.request import Request
from simulator.settings import Settings

_Endpoint = Callable[[Request], Answer]
# True for those that are made of bars: faults of bars count their hits there only.
_ENDPOINTS: Mapping[str, tuple[_Endpoint, bool]] = {
    "TIME_SERIES_INTRADAY": (time_series_intraday, True),
    "CRYPTO_INTRADAY": (crypto_intraday, True),
    "TIME_SERIES_DAILY": (time_series_daily, True),
    "TIME_SERIES_DAILY_ADJUSTED": (time_series_daily_adjusted, True),
    "GLOBAL_QUOTE": (global_quote, True),
    "NEWS_SENTIMENT": (news_sentiment, False),
    "SPLITS": (splits, True),
    "DIVIDENDS": (dividends, False),
    "MARKET_STATUS": (market_status, False),
    "REALTIME_BULK_QUOTES": (lambda request: premium_sample(), False),
}
_HANG_STEP_SECONDS = 0.1
_WEB_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Just a moment...</title></head>"
    "<body><h1>Checking your browser</h1><p>This may take a few seconds.</p></body></html>\n"
)


@dataclass(frozen=True)
class Simulator:
    """Everything that an answer depends on."""

    settings: Settings
    clock: Clock
    market: Market
    faults: FaultBook
    limits: Limits


def query_router(simulator: Simulator) -> APIRouter:
    """Returns the route of the vendor's address."""
    router = APIRouter()

    @router.get("/query")
    async def query(http_request: HttpRequest) -> Response:
        """Answers one question of the vendor's protocol."""
        parameters = dict(http_request.query_params)
        faults = simulator.faults.matching(_symbols(parameters))
        instead = _first(faults, HttpStatus, Outage, Html, Message)
        if instead:
            return _other_answer(instead, parameters, simulator.settings)
        hang = _first(faults, Hang)
        if hang:
            await _hang(hang, simulator.faults, http_request)
        try:
            endpoint, of_bars = _admitted(simulator, parameters)
            request = _request(simulator, parameters, faults if of_bars else [])
            answer = await run_in_threadpool(endpoint, request)
        except vendor_messages.Refusal as refusal:
            answer = _refused(refusal)
        return _sent(answer, _first(faults, CutOff))

    return router


def _admitted(simulator: Simulator, parameters: Mapping[str, str]) -> tuple[_Endpoint, bool]:
    """Returns the endpoint that may answer, and whether it is made of bars.

    Raises:
        Refusal: The vendor would not let this request through.
    """
    function, api_key = parameters.get("function", ""), parameters.get("apikey", "")
    simulator.limits.admit(api_key)
    if function in simulator.settings.premium_functions:
        raise vendor_messages.premium_only()
    if function not in _ENDPOINTS:
        raise vendor_messages.no_such_function(function)
    if api_key == "demo" and not _is_documented_example(function, parameters):
        raise vendor_messages.demo_key()
    return _ENDPOINTS[function]


def _request(simulator: Simulator, parameters: Mapping[str, str], faults: list[Entry]) -> Request:
    changes, doubled = [], 0
    for entry in faults:
        if isinstance(entry.fault, Correction | BadTick | Halt | SplitFault):
            entry.hits += 1
            changes.append(entry.fault)
        elif isinstance(entry.fault, DoubledBars):
            entry.hits += 1
            doubled = max(doubled, entry.fault.bars)
    market = FaultyMarket(simulator.market, changes) if changes else simulator.market
    return Request(parameters["function"], parameters, market, simulator.clock.now(), simulator.settings.seed, doubled)


def _sent(answer: Answer, cut_off: Entry | None) -> Response:
    body = answer.body.encode()
    if cut_off and isinstance(cut_off.fault, CutOff):
        cut_off.hits += 1
        body = body[: int(len(body) * cut_off.fault.keep)]
    return Response(body, media_type=answer.media_type)


def _refused(refusal: vendor_messages.Refusal) -> Answer:
    return json_answer({refusal.key: refusal.text})


def _symbols(parameters: Mapping[str, str]) -> frozenset[str]:
    """Returns what a request is about: `IBM`, `BTCUSD`, for news each ticker, with `CRYPTO:BTC` for coins."""
    symbol = (parameters.get("symbol", "") + parameters.get("market", "")).upper()
    tickers = parameters.get("tickers", "").upper().split(",")
    return frozenset(name.strip() for name in (symbol, *tickers) if name.strip())


def _first(faults: list[Entry], *kinds: type) -> Entry | None:
    return next((entry for entry in faults if isinstance(entry.fault, kinds)), None)


async def _hang(entry: Entry, book: FaultBook, http_request: HttpRequest) -> None:
    # Until the time is up, the fault is cleared, or nobody waits any more: a forgotten hang must not hold up a stop.
    entry.hits += 1
    seconds = entry.fault.seconds if isinstance(entry.fault, Hang) else 0.0
    until = time.monotonic() + seconds
    while time.monotonic() < until and not book.cleared(entry) and not await http_request.is_disconnected():
        await asyncio.sleep(_HANG_STEP_SECONDS)


def _other_answer(entry: Entry, parameters: Mapping[str, str], settings: Settings) -> Response:
    entry.hits += 1
    fault = entry.fault
    match fault:
        case HttpStatus():
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Response(f"{fault.status}\n", fault.status, headers, media_type="text/plain")
        case Html():
            return Response(_WEB_PAGE, media_type="text/html")
        case Message():
            return _sent(_message(fault.message, parameters, settings), None)
        case _:
            return Response("upstream connect error\n", 503, media_type="text/plain")


def _message(name: str, parameters: Mapping[str, str], settings: Settings) -> Answer:
    function = parameters.get("function", "")
    match name:
        case "sample":
            return premium_sample()
        case "burst":
            refusal = vendor_messages.burst(settings.rate_per_second or 1)
        case "daily_budget":
            refusal = vendor_messages.daily_budget(parameters.get("apikey", ""), settings.daily_budget or 25)
        case "note":
            refusal = vendor_messages.frequency_note()
        case "premium_only":
            refusal = vendor_messages.premium_only()
        case "bad_key":
            refusal = vendor_messages.bad_key()
        case _:
            refusal = vendor_messages.bad_call(function)
    return _refused(refusal)


def _is_documented_example(function: str, parameters: Mapping[str, str]) -> bool:
    """Whether the vendor's documentation shows this request with the demo key."""
    symbol, interval = parameters.get("symbol", ""), parameters.get("interval", "")
    match function:
        case "MARKET_STATUS" | "REALTIME_BULK_QUOTES":
            return True
        case "NEWS_SENTIMENT":
            return parameters.get("tickers", "") in ("AAPL", "COIN,CRYPTO:BTC,FOREX:USD")
        case "CRYPTO_INTRADAY":
            return (symbol, parameters.get("market", ""), interval) == ("ETH", "USD", "5min")
        case "TIME_SERIES_INTRADAY":
            return (symbol, interval) == ("IBM", "5min")
        case _:
            return symbol == "IBM"
