"""GET /query: Alpha Vantage's one address, behind its checks and the faults in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from simulator import vendor_messages
from simulator.faults import Entry
from simulator.intraday import crypto_intraday, time_series_intraday
from simulator.news import news_sentiment
from simulator.quotes import global_quote, time_series_daily, time_series_daily_adjusted
from simulator.reference import dividends, market_status, premium_sample, splits
from simulator.rendering import Answer, json_answer
from simulator.request import Request
from simulator.settings import Settings
from simulator.wire import Simulator, instead_of_answer, market_with, sent

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


def query_router(simulator: Simulator) -> APIRouter:
    """Returns the route of the vendor's address."""
    router = APIRouter()

    @router.get("/query")
    async def query(http_request: HttpRequest) -> Response:
        """Answers one question of the vendor's protocol."""
        parameters = dict(http_request.query_params)
        faults = simulator.faults.matching(_symbols(parameters))
        instead = await instead_of_answer(
            simulator, faults, http_request, lambda name: _sent(_message(name, parameters, simulator.settings), [])
        )
        if instead:
            return instead
        try:
            endpoint, of_bars = _admitted(simulator, parameters)
            request = _request(simulator, parameters, faults if of_bars else [])
            answer = await run_in_threadpool(endpoint, request)
        except vendor_messages.Refusal as refusal:
            answer = _refused(refusal)
        return _sent(answer, faults)

    return router


def _admitted(simulator: Simulator, parameters: Mapping[str, str]) -> tuple[_Endpoint, bool]:
    """Returns the endpoint that may answer, and whether it is made of bars.

    Raises:
        Refusal: The vendor would not let this request through.
    """
    function, api_key = parameters.get("function", ""), parameters.get("apikey", "")
    refused = simulator.limits.refusal(api_key)
    if refused:
        raise _refusal(refused, parameters, simulator.settings)
    if function in simulator.settings.premium_functions:
        raise vendor_messages.premium_only()
    if function not in _ENDPOINTS:
        raise vendor_messages.no_such_function(function)
    if api_key == "demo" and not _is_documented_example(function, parameters):
        raise vendor_messages.demo_key()
    return _ENDPOINTS[function]


def _request(simulator: Simulator, parameters: Mapping[str, str], faults: list[Entry]) -> Request:
    market, doubled = market_with(simulator, faults)
    return Request(parameters["function"], parameters, market, simulator.clock.now(), simulator.settings.seed, doubled)


def _sent(answer: Answer, faults: list[Entry]) -> Response:
    return sent(answer.body, faults, media_type=answer.media_type)


def _refused(refusal: vendor_messages.Refusal) -> Answer:
    return json_answer({refusal.key: refusal.text})


def _symbols(parameters: Mapping[str, str]) -> frozenset[str]:
    """Returns what a request is about: `IBM`, `BTCUSD`, for news each ticker, with `CRYPTO:BTC` for coins."""
    symbol = (parameters.get("symbol", "") + parameters.get("market", "")).upper()
    tickers = parameters.get("tickers", "").upper().split(",")
    return frozenset(name.strip() for name in (symbol, *tickers) if name.strip())


def _message(name: str, parameters: Mapping[str, str], settings: Settings) -> Answer:
    return premium_sample() if name == "sample" else _refused(_refusal(name, parameters, settings))


def _refusal(name: str, parameters: Mapping[str, str], settings: Settings) -> vendor_messages.Refusal:
    match name:
        case "burst":
            return vendor_messages.burst(settings.rate_per_second or 1)
        case "daily_budget":
            return vendor_messages.daily_budget(parameters.get("apikey", ""), settings.daily_budget or 25)
        case "note":
            return vendor_messages.frequency_note()
        case "premium_only":
            return vendor_messages.premium_only()
        case "bad_key":
            return vendor_messages.bad_key()
        case _:
            return vendor_messages.bad_call(parameters.get("function", ""))


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
