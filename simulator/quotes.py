"""Prices of whole days: TIME_SERIES_DAILY, TIME_SERIES_DAILY_ADJUSTED and GLOBAL_QUOTE, all made of the minute bars.

As traded: a day's open, high, low, close and volume are those of the minute bars of its regular session with
`adjusted=false`, which are the same as the adjusted ones since the last split.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from math import prod

from simulator.bars import Bar
from simulator.instruments import Instrument
from simulator.rendering import Answer, csv_answer, json_answer
from simulator.request import Request
from simulator.sessions import DAY, NEW_YORK, date_of, session_on

_COMPACT = 100
_QUOTE_KEYS = (
    ("01. symbol", "symbol"),
    ("02. open", "open"),
    ("03. high", "high"),
    ("04. low", "low"),
    ("05. price", "price"),
    ("06. volume", "volume"),
    ("07. latest trading day", "latestDay"),
    ("08. previous close", "previousClose"),
    ("09. change", "change"),
    ("10. change percent", "changePercent"),
)


def time_series_daily(request: Request) -> Answer:
    """Answers TIME_SERIES_DAILY with the sessions that are over."""
    instrument, size, days = _history(request)
    columns = ("open", "high", "low", "close", "volume")
    rows = [(day, *(_four_places(price) for price in bar[1:5]), bar.volume) for day, bar in days]
    return _daily_answer(request, instrument, "Daily Prices (open, high, low, close) and Volumes", size, columns, rows)


def time_series_daily_adjusted(request: Request) -> Answer:
    """Answers TIME_SERIES_DAILY_ADJUSTED: prices as traded, the close also adjusted for later splits and dividends."""
    instrument, size, days = _history(request)
    today = request.now.astimezone(NEW_YORK).date().isoformat()
    splits = [(split.day.isoformat(), split.ratio) for split in request.market.splits(instrument.symbol)]
    dividends = [(paid.ex_date.isoformat(), paid.amount) for paid in request.market.dividends(instrument.symbol)]
    columns = ("open", "high", "low", "close", "adjusted_close", "volume", "dividend_amount", "split_coefficient")
    rows = []
    # An event counts on the first trading day from its own on, and adjusts every earlier close: a dividend by its part
    # of the close before it (CRSP's method, which the vendor names), a split by its ratio.
    factor = 1 / float(prod(ratio for day, ratio in splits if days[0][0] < day <= today))
    for index, (day, bar) in enumerate(days):
        before, last = days[index + 1] if index + 1 < len(days) else ("", bar)
        since = before or (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()
        dividend = sum((amount for on, amount in dividends if since < on <= day), Decimal(0))
        ratio = prod((ratio for on, ratio in splits if since < on <= day), start=Decimal(1))
        adjusted = repr(float(bar.close) * factor)
        prices = [_shortest(price) for price in bar[1:5]]
        rows.append((day, *prices, adjusted, bar.volume, f"{dividend:.4f}", repr(float(ratio))))
        factor *= (1 - float(dividend) / float(last.close)) / float(ratio)
    information = "Daily Time Series with Splits and Dividend Events"
    return _daily_answer(request, instrument, information, size, columns, rows)


def global_quote(request: Request) -> Answer:
    """Answers GLOBAL_QUOTE: the running session once it has traded, else the last one. Nothing for unknown symbols."""
    instrument = request.market.instruments.get(request.parameters.get("symbol", "").strip().upper())
    known = instrument is not None and instrument.kind == "equity"
    days = _days(request, instrument) if instrument and known else iter(())
    newest, previous = next(days, None), next(days, None)
    names = [name for _, name in _QUOTE_KEYS]
    if instrument is None or newest is None:
        return csv_answer(names, []) if request.wants_csv else json_answer({"Global Quote": {}})
    day, bar = newest
    before = Decimal((previous or newest)[1].close)
    change = Decimal(bar.close) - before
    values = [
        instrument.symbol,
        *(_four_places(price) for price in bar[1:5]),
        bar.volume,
        day,
        _four_places(str(before)),
        f"{change:.4f}",
        f"{100 * change / before:.4f}%",
    ]
    if request.wants_csv:
        return csv_answer(names, [values])
    return json_answer({"Global Quote": {key: value for (key, _), value in zip(_QUOTE_KEYS, values, strict=True)}})


def _history(request: Request) -> tuple[Instrument, str, list[tuple[str, Bar]]]:
    instrument = request.equity()
    compact = request.choice("outputsize", ("compact", "full"), "compact") == "compact"
    days = []
    for day, bar in _days(request, instrument, only_whole=True):
        days.append((day, bar))
        if compact and len(days) == _COMPACT:
            break
    if not days:
        raise request.refused()
    return instrument, "Compact" if compact else "Full size", days


def _days(request: Request, instrument: Instrument, *, only_whole: bool = False) -> Iterator[tuple[str, Bar]]:
    """Yields the days that traded and their bars, newest first."""
    first = request.market.first_minute(instrument.symbol)
    for number in range(request.end // DAY, first // DAY - 1, -1):
        session = session_on(instrument, date_of(number))
        if session is None or (only_whole and session.close > request.end):
            continue
        bar = request.market.daily(instrument.symbol, session.day, request.end)
        if bar:
            yield session.day.isoformat(), bar


def _daily_answer(
    request: Request,
    instrument: Instrument,
    information: str,
    size: str,
    columns: tuple[str, ...],
    rows: list[tuple[str, ...]],
) -> Answer:
    if request.wants_csv:
        return csv_answer(("timestamp", *columns), rows)
    names = [f"{index}. {column.replace('_', ' ')}" for index, column in enumerate(columns, start=1)]
    meta = {
        "1. Information": information,
        "2. Symbol": instrument.symbol,
        "3. Last Refreshed": rows[0][0],
        "4. Output Size": size,
        "5. Time Zone": "US/Eastern",
    }
    series = {day: dict(zip(names, values, strict=True)) for day, *values in rows}
    return json_answer({"Meta Data": meta, "Time Series (Daily)": series})


def _four_places(price: str) -> str:
    return f"{Decimal(price):.4f}"


def _shortest(price: str) -> str:
    return repr(float(price))
