"""What all vendors' addresses share: what they answer from, and the faults in force around an answer and within it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request as HttpRequest
from fastapi.responses import Response

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
from simulator.limits import Limits
from simulator.settings import Settings

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


async def instead_of_answer(
    simulator: Simulator, faults: list[Entry], http_request: HttpRequest, refusal: Callable[[str], Response | None]
) -> Response | None:
    """Returns what a fault sends in the answer's place, if one does; holds the answer back while one asks for that.

    Args:
        simulator: What is asked.
        faults: Those in force for this request.
        http_request: The request: nobody is kept waiting who has gone.
        refusal: Words a refusal by its name in `Message`; None where the vendor knows no such refusal.
    """
    for entry in faults:
        response = _replacement(entry, refusal)
        if response:
            entry.hits += 1
            return response
    hang = _first(faults, Hang)
    if hang:
        await _hang(hang, simulator.faults, http_request)
    return None


def market_with(simulator: Simulator, faults: list[Entry]) -> tuple[Market, int]:
    """Returns the market as the faults leave it, and how many of the newest bars are to be printed twice."""
    changes, doubled = [], 0
    for entry in faults:
        if isinstance(entry.fault, Correction | BadTick | Halt | SplitFault):
            entry.hits += 1
            changes.append(entry.fault)
        elif isinstance(entry.fault, DoubledBars):
            entry.hits += 1
            doubled = max(doubled, entry.fault.bars)
    return (FaultyMarket(simulator.market, changes) if changes else simulator.market), doubled


def sent(text: str, faults: list[Entry], *, status: int = 200, media_type: str = "application/json") -> Response:
    """Returns the response with `text`, or with its beginning only where a fault cuts it off."""
    body = text.encode()
    cut_off = _first(faults, CutOff)
    if cut_off and isinstance(cut_off.fault, CutOff):
        cut_off.hits += 1
        body = body[: int(len(body) * cut_off.fault.keep)]
    return Response(body, status, media_type=media_type)


def _first(faults: list[Entry], kind: type) -> Entry | None:
    return next((entry for entry in faults if isinstance(entry.fault, kind)), None)


async def _hang(entry: Entry, book: FaultBook, http_request: HttpRequest) -> None:
    # Until the time is up, the fault is cleared, or nobody waits any more: a forgotten hang must not hold up a stop.
    entry.hits += 1
    seconds = entry.fault.seconds if isinstance(entry.fault, Hang) else 0.0
    until = time.monotonic() + seconds
    while time.monotonic() < until and not book.cleared(entry) and not await http_request.is_disconnected():
        await asyncio.sleep(_HANG_STEP_SECONDS)


def _replacement(entry: Entry, refusal: Callable[[str], Response | None]) -> Response | None:
    fault = entry.fault
    match fault:
        case HttpStatus():
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Response(f"{fault.status}\n", fault.status, headers, media_type="text/plain")
        case Html():
            return Response(_WEB_PAGE, media_type="text/html")
        case Message():
            return refusal(fault.message)
        case Outage():
            return Response("upstream connect error\n", 503, media_type="text/plain")
        case _:
            return None
