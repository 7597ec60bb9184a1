"""GET /time_series: Twelve Data's bars of equities in regular hours; refusals are a code and a message."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from simulator.bars import Bar, Market, begun_bars, grouped
from simulator.instruments import Instrument
from simulator.rendering import wall_time
from simulator.sessions import NEW_YORK, minute_of, sessions_between
from simulator.wire import Simulator, instead_of_answer, market_with, sent

MOST_ROWS = 5000

_PLANS = "https://twelvedata.com/pricing"
_INTERVALS = {"1min": 1, "5min": 5, "15min": 15, "30min": 30}
_USUAL_ROWS = 30
_MINUTES_OF_SESSION = 390
_REFUSALS = {
    "bad_key": (
        401,
        "**apikey** parameter is incorrect or not specified. You can get your free API key instantly following this "
        f"link: {_PLANS}. If you believe that everything is correct, you can contact us at "
        "https://twelvedata.com/contact/customer",
    ),
    "premium_only": (
        404,
        f"This symbol is available starting with Pro (Pro plan). Consider upgrading now at {_PLANS}",
    ),
    "bad_symbol": (
        404,
        "**symbol** or **figi** parameter is missing or invalid. Please provide a valid symbol according to API "
        "documentation: https://twelvedata.com/docs#reference-data",
    ),
    "burst": (
        429,
        "You have run out of API credits for the current minute. 9 API credits were used, with the current limit being "
        f"8. Wait for the next minute or consider switching to a higher tier plan at {_PLANS}",
    ),
    "daily_budget": (
        429,
        "You have run out of API credits for the day. 801 API credits were used, with the current limit being 800. "
        f"Wait for the next day or consider switching to a higher tier plan at {_PLANS}",
    ),
}
_NO_BARS = (400, "No data is available on the specified dates. Try setting different start/end dates.")


class _RefusedError(Exception):
    """The code and the message of a refusal are its arguments."""


@dataclass(frozen=True)
class _Question:
    """What is asked for: the bars that begin in [first, last], and how they are to be printed."""

    instrument: Instrument
    interval: str
    zone: ZoneInfo
    first: int
    last: int
    rows: int
    ascending: bool
    adjusted: bool


def twelve_data_router(simulator: Simulator) -> APIRouter:
    """Returns the route of the time series."""
    router = APIRouter()

    @router.get("/time_series")
    async def time_series(http_request: HttpRequest) -> Response:
        """Answers one question for bars."""
        parameters = dict(http_request.query_params)
        faults = simulator.faults.matching(frozenset({parameters.get("symbol", "").upper()}))
        instead = await instead_of_answer(
            simulator, faults, http_request, lambda name: _refusal(*_REFUSALS[name]) if name in _REFUSALS else None
        )
        if instead:
            return instead
        now = simulator.clock.now()
        try:
            refused = simulator.limits.refusal(_key(parameters, http_request.headers))
            if refused:
                raise _RefusedError(*_REFUSALS[refused])
            question = _question(simulator.market, parameters, now)
            market, doubled = market_with(simulator, faults)
            values = await run_in_threadpool(_values, market, question, now, doubled)
        except _RefusedError as refusal:
            return _refusal(*refusal.args)
        document = {"meta": _meta(question), "values": values, "status": "ok"}
        return sent(json.dumps(document, separators=(",", ":")), faults)

    return router


def _refusal(code: int, message: str) -> Response:
    return sent(json.dumps({"code": code, "message": message, "status": "error"}), [], status=code)


def _key(parameters: Mapping[str, str], headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("Authorization", "").partition(" ")
    return key if scheme == "apikey" else parameters.get("apikey", "")


def _question(market: Market, parameters: Mapping[str, str], now: dt.datetime) -> _Question:
    instrument = market.instruments.get(parameters.get("symbol", "").upper())
    if instrument is None or instrument.kind != "equity":
        raise _RefusedError(*_REFUSALS["bad_symbol"])
    interval = parameters.get("interval", "")
    if interval not in _INTERVALS:
        raise _RefusedError(
            400, f"Invalid **interval** provided: {interval}. Supported intervals: 1min, 5min, 15min, 30min"
        )
    dated = "start_date" in parameters or "end_date" in parameters
    rows = parameters.get("outputsize", str(MOST_ROWS if dated else _USUAL_ROWS))
    if not rows.isdecimal() or not 1 <= int(rows) <= MOST_ROWS:
        raise _RefusedError(
            400, f"Invalid **outputsize** provided: {rows}. It has to be in the range from 1 to {MOST_ROWS}"
        )
    zone = _zone(parameters.get("timezone", "Exchange"))
    end = _moment(parameters, "end_date", zone, now)
    # Without a start, far enough back for all rows: two days for each session of them, and holidays.
    sessions = int(rows) * _INTERVALS[interval] // _MINUTES_OF_SESSION
    start = _moment(parameters, "start_date", zone, end - dt.timedelta(days=2 * sessions + 10))
    return _Question(
        instrument,
        interval,
        zone,
        minute_of(start + dt.timedelta(seconds=59)),
        minute_of(end),
        int(rows),
        parameters.get("order", "desc").lower() == "asc",
        parameters.get("adjust", "splits") != "none",
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return NEW_YORK if name == "Exchange" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _RefusedError(400, f"Invalid **timezone** provided: {name}") from error


def _moment(parameters: Mapping[str, str], name: str, zone: ZoneInfo, default: dt.datetime) -> dt.datetime:
    text = parameters.get(name)
    if text is None:
        return default
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise _RefusedError(400, f"Invalid **{name}** provided: {text}") from error
    return moment.replace(tzinfo=zone)


def _values(market: Market, question: _Question, now: dt.datetime, doubled: int) -> list[dict[str, str]]:
    """Returns the newest rows of the window in the order asked for, the very newest ones twice if so wanted."""
    interval = _INTERVALS[question.interval]
    bars: list[Bar] = []
    for session in sessions_between(question.instrument, question.first, question.last + 1):
        first, after = max(session.open, question.first), min(session.close, question.last + interval)
        symbol = question.instrument.symbol
        bars += grouped(begun_bars(market, symbol, first, after, now, adjusted=question.adjusted), interval)
    bars = [bar for bar in bars if question.first <= bar.minute <= question.last][-question.rows :]
    if not bars:
        raise _RefusedError(*_NO_BARS)
    rows = sorted([*bars, *bars[len(bars) - min(doubled, len(bars)) :]], reverse=not question.ascending)
    return [_row(bar, question.zone) for bar in rows]


def _row(bar: Bar, zone: ZoneInfo) -> dict[str, str]:
    prices = {name: f"{Decimal(getattr(bar, name)):.5f}" for name in ("open", "high", "low", "close")}
    return {"datetime": wall_time(bar.minute, zone), **prices, "volume": bar.volume}


def _meta(question: _Question) -> dict[str, str]:
    return {
        "symbol": question.instrument.symbol,
        "interval": question.interval,
        "currency": question.instrument.currency,
        "exchange_timezone": NEW_YORK.key,
        "exchange": "NYSE",
        "mic_code": "XNYS",
        "type": "Common Stock",
    }
