"""SPLITS, DIVIDENDS, MARKET_STATUS, and the artificial sample of a premium endpoint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from simulator.instruments import Instrument
from simulator.rendering import Answer, csv_answer, json_answer
from simulator.request import Request
from simulator.sessions import NEW_YORK, minute_of, session_on

_NEW_YORK_EXCHANGE = Instrument("NYSE", "New York Stock Exchange", "equity", "XNYS", "USD")
# Index options trade for a quarter of an hour after the close, and the vendor prints 16:15.
_AFTER_CLOSE_MINUTES = 15


@dataclass(frozen=True)
class _Place:
    """One line of MARKET_STATUS; `zone` is None for markets that follow no exchange's clock."""

    kind: str
    region: str
    exchanges: str
    opens: str
    closes: str
    zone: ZoneInfo | None
    notes: str = ""


def _equity(region: str, exchanges: str, opens: str, closes: str, zone: str, notes: str = "") -> _Place:
    return _Place("Equity", region, exchanges, opens, closes, ZoneInfo(zone), notes)


_UNITED_STATES = _equity("United States", "NASDAQ, NYSE, AMEX, BATS", "09:30", "16:15", "America/New_York")
_BREAK = "Noon trading break from {} to {} local time"
_PLACES = (
    _UNITED_STATES,
    _equity("Canada", "Toronto, Toronto Ventures", "09:30", "16:00", "America/Toronto"),
    _equity("United Kingdom", "London", "08:00", "16:30", "Europe/London"),
    _equity("Germany", "XETRA, Berlin, Frankfurt, Munich, Stuttgart", "08:00", "20:00", "Europe/Berlin"),
    _equity("France", "Paris", "09:00", "17:30", "Europe/Paris"),
    _equity("Spain", "Barcelona, Madrid", "09:00", "17:30", "Europe/Madrid"),
    _equity("Portugal", "Lisbon", "08:00", "16:30", "Europe/Lisbon"),
    _equity("Japan", "Tokyo", "09:00", "15:00", "Asia/Tokyo", _BREAK.format("11:30", "12:30")),
    _equity("India", "NSE, BSE", "09:15", "15:30", "Asia/Kolkata"),
    _equity("Mainland China", "Shanghai, Shenzhen", "09:30", "15:00", "Asia/Shanghai", _BREAK.format("11:30", "13:00")),
    _equity("Hong Kong", "Hong Kong", "09:30", "16:00", "Asia/Hong_Kong", _BREAK.format("12:00", "13:00")),
    _equity("Brazil", "Sao Paolo", "10:00", "17:30", "America/Sao_Paulo"),
    _equity("Mexico", "Mexico", "08:30", "15:00", "America/Mexico_City"),
    _equity("South Africa", "Johannesburg", "09:00", "17:00", "Africa/Johannesburg"),
    _Place(
        "Forex",
        "Global",
        "Global",
        "00:00",
        "23:59",
        None,
        "The forex market is open 24 hours a day, EXCEPT between 16:00 EST on Friday and 17:00 EST on Sunday",
    ),
    _Place(
        "Cryptocurrency",
        "Global",
        "Global",
        "00:00",
        "23:59",
        None,
        "The cryptocurrency market is open 24 hours a day",
    ),
)
_SAMPLE_ROWS = (
    ("MSFT", "2024-10-18 19:59:55.291", "400.00", "404.00", "398.00", "402.00", "17000000", "401.00"),
    ("AAPL", "2024-10-18 19:59:50.451", "230.00", "232.00", "229.00", "231.00", "46000000", "230.50"),
    ("IBM", "2024-10-18 19:54:00.879", "230.00", "231.00", "228.00", "229.00", "4700000", "231.00"),
)
_SAMPLE_COLUMNS = ("symbol", "timestamp", "open", "high", "low", "close", "volume", "previous_close")


def splits(request: Request) -> Answer:
    """Answers SPLITS, newest first; an unknown symbol has none."""
    symbol, known = _symbol(request)
    found = request.market.splits(symbol) if known else ()
    today = request.now.astimezone(NEW_YORK).date()
    rows = [(split.day.isoformat(), f"{split.ratio:.4f}") for split in reversed(found) if split.day <= today]
    return _events(request, symbol, ("effective_date", "split_factor"), rows)


def dividends(request: Request) -> Answer:
    """Answers DIVIDENDS with those declared so far, newest first; an unknown symbol has none."""
    symbol, known = _symbol(request)
    found = request.market.dividends(symbol) if known else ()
    today = request.now.astimezone(NEW_YORK).date()
    rows = [
        (*(day.isoformat() for day in (paid.ex_date, paid.declared, paid.recorded, paid.paid)), str(paid.amount))
        for paid in reversed(found)
        if paid.declared <= today
    ]
    columns = ("ex_dividend_date", "declaration_date", "record_date", "payment_date", "amount")
    return _events(request, symbol, columns, rows)


def market_status(request: Request) -> Answer:
    """Answers MARKET_STATUS. New York keeps its holidays; elsewhere every weekday counts as a trading day."""
    markets = [
        {
            "market_type": place.kind,
            "region": place.region,
            "primary_exchanges": place.exchanges,
            "local_open": place.opens,
            "local_close": place.closes,
            "current_status": "open" if _is_open(place, request.now) else "closed",
            "notes": place.notes,
        }
        for place in _PLACES
    ]
    return json_answer({"endpoint": "Global Market Open & Close Status", "markets": markets})


def premium_sample() -> Answer:
    """Returns what the vendor answers to REALTIME_BULK_QUOTES without a plan: rows that look real and are not."""
    rows = []
    for values in _SAMPLE_ROWS:
        row = dict(zip(_SAMPLE_COLUMNS, values, strict=True))
        change = float(row["close"]) - float(row["previous_close"])
        row["change"] = f"{change:.2f}"
        row["change_percent"] = f"{100 * change / float(row['previous_close']):.4f}"
        row["extended_hours_quote"] = row["close"]
        row["extended_hours_change"] = "0.0"
        row["extended_hours_change_percent"] = "0.0"
        rows.append(row)
    message = (
        "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL AND FOR ILLUSTRATION PURPOSES "
        "ONLY***. To access the actual data, please subscribe to any premium plan that mentions 'Realtime US Market "
        "Data' in its description at https://www.alphavantage.co/premium/ for your personal non-professional use. For "
        "professional/commercial use, please contact support at support@alphavantage.co."
    )
    return json_answer({"endpoint": "Realtime Bulk Quotes", "message": message, "data": rows})


def _symbol(request: Request) -> tuple[str, bool]:
    symbol = request.parameters.get("symbol", "").strip().upper()
    if not symbol:
        raise request.refused()
    return symbol, symbol in request.market.instruments


def _events(request: Request, symbol: str, columns: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Answer:
    if request.wants_csv:
        return csv_answer(columns, rows)
    return json_answer({"symbol": symbol, "data": [dict(zip(columns, row, strict=True)) for row in rows]})


def _is_open(place: _Place, now: dt.datetime) -> bool:
    if place is _UNITED_STATES:
        session = session_on(_NEW_YORK_EXCHANGE, now.astimezone(NEW_YORK).date())
        return session is not None and session.open <= minute_of(now) < session.close + _AFTER_CLOSE_MINUTES
    if place.zone:
        local = now.astimezone(place.zone)
        clock = f"{local:%H:%M}"
        pause = place.notes.split()[4:7:2] if place.notes else None
        at_rest = pause is not None and pause[0] <= clock < pause[1]
        return local.weekday() < 5 and place.opens <= clock < place.closes and not at_rest
    if place.kind == "Forex":
        local = now.astimezone(NEW_YORK)
        rests = {4: local.hour >= 16, 5: True, 6: local.hour < 17}
        return not rests.get(local.weekday(), False)
    return True
