"""GET /api/v1/company-news and /api/v1/quote: Finnhub's news and last prices of US shares; refusals are an `error`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from simulator.bars import Bar, Market, begun_bars, merged
from simulator.instruments import Instrument
from simulator.news import Article, articles_between, subjects_of
from simulator.noise import key_of
from simulator.sessions import DAY, date_of, minute_of, session_on
from simulator.wire import Simulator, instead_of_answer, market_with, sent

_LIMIT_REACHED = (429, "API limit reached. Please try again later. Remaining Limit: 0")
_REFUSALS = {
    "bad_key": (401, "Invalid API key"),
    "premium_only": (403, "You don't have access to this resource."),
    "burst": _LIMIT_REACHED,
    "daily_budget": _LIMIT_REACHED,
}
_NO_KEY = (401, "Please use an API key.")
_WRONG_DAYS = (422, "Wrong parameters: from and to are days such as 2026-05-15")
_NO_TRADE = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
# Ids of recent articles have nine digits.
_IDS = 10**9
# In days: for longer, New York has not been closed since 1933.
_LONGEST_PAUSE = 10

_Endpoint = Callable[[Simulator, Market, Instrument | None, Mapping[str, str]], Any]


class _RefusedError(Exception):
    """The status and the message of a refusal are its arguments."""


def finnhub_router(simulator: Simulator) -> APIRouter:
    """Returns the routes of news and quotes."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/company-news")
    async def company_news(http_request: HttpRequest) -> Response:
        """Answers one question for the news of a share."""
        return await _answered(simulator, http_request, _news)

    @router.get("/quote")
    async def quote(http_request: HttpRequest) -> Response:
        """Answers one question for the last price of a share."""
        return await _answered(simulator, http_request, _quote)

    return router


async def _answered(simulator: Simulator, http_request: HttpRequest, endpoint: _Endpoint) -> Response:
    parameters = dict(http_request.query_params)
    symbol = parameters.get("symbol", "").upper()
    faults = simulator.faults.matching(frozenset({symbol}))
    instead = await instead_of_answer(
        simulator, faults, http_request, lambda name: _refusal(*_REFUSALS[name]) if name in _REFUSALS else None
    )
    if instead:
        return instead
    try:
        key = http_request.headers.get("X-Finnhub-Token") or parameters.get("token", "")
        if not key:
            raise _RefusedError(*_NO_KEY)
        refused = simulator.limits.refusal(key)
        if refused:
            raise _RefusedError(*_REFUSALS[refused])
        instrument = simulator.market.instruments.get(symbol)
        share = instrument if instrument and instrument.kind == "equity" else None
        market, _ = market_with(simulator, faults)
        document = await run_in_threadpool(endpoint, simulator, market, share, parameters)
    except _RefusedError as refusal:
        return _refusal(*refusal.args)
    return sent(json.dumps(document, separators=(",", ":"), ensure_ascii=False), faults)


def _refusal(status: int, message: str) -> Response:
    return sent(json.dumps({"error": message}), [], status=status)


def _news(simulator: Simulator, market: Market, share: Instrument | None, parameters: Mapping[str, str]) -> Any:
    """Returns the articles of the days asked for, both included, newest first."""
    try:
        first, last = (dt.date.fromisoformat(parameters[name]) for name in ("from", "to"))
    except (KeyError, ValueError) as error:
        raise _RefusedError(*_WRONG_DAYS) from error
    if share is None:
        return []
    since = dt.datetime.combine(first, dt.time(), dt.UTC)
    to = min(dt.datetime.combine(last, dt.time.max, dt.UTC), simulator.clock.now())
    subjects = subjects_of(tuple(market.instruments.values()))
    found = articles_between(simulator.settings.seed, subjects, since, to, newest_first=True)
    return [_article(share, article) for article in found if article.is_about([share.symbol])]


def _article(share: Instrument, article: Article) -> dict[str, Any]:
    content = article.content
    return {
        "category": "company",
        "datetime": int(article.published.timestamp()),
        "headline": content["title"],
        "id": key_of(content["url"]) % _IDS,
        "image": content["banner_image"],
        "related": share.symbol,
        "source": content["source"],
        "summary": content["summary"],
        "url": content["url"],
    }


def _quote(simulator: Simulator, market: Market, share: Instrument | None, parameters: Mapping[str, str]) -> Any:
    """Returns the last trade of regular trading, and its day; outside, that is the close."""
    now = simulator.clock.now()
    today = minute_of(now) // DAY
    days = (_traded(market, share, date_of(today - ago), now) for ago in range(_LONGEST_PAUSE) if share)
    traded = (day for day in days if day)
    newest, previous = next(traded, None), next(traded, None)
    if newest is None:
        return _NO_TRADE
    last, traded_at = newest
    before = previous[0].close if previous else last.open
    change = Decimal(last.close) - Decimal(before)
    return {
        "c": float(last.close),
        "d": float(change),
        "dp": round(float(100 * change / Decimal(before)), 4),
        "h": float(last.high),
        "l": float(last.low),
        "o": float(last.open),
        "pc": float(before),
        "t": traded_at,
    }


def _traded(market: Market, share: Instrument, day: dt.date, now: dt.datetime) -> tuple[Bar, int] | None:
    """Returns a day's bar of regular trading and the second of its last trade; None where it had none yet."""
    session = session_on(share, day)
    if session is None:
        return None
    bars = begun_bars(market, share.symbol, session.open, session.close, now, adjusted=False)
    if not bars:
        return None
    last = bars[-1].minute
    # Of the minute that is not over, only the first trade is known.
    traded_at = 60 * last + (0 if last == minute_of(now) else 59)
    return merged(session.open, bars), 60 * session.close if minute_of(now) >= session.close else traded_at
