"""GET /health, the faults (ordered, listed and cleared at /admin/faults), what is planted, and the clock put forward.

The handlers are coroutines, so that only the event loop's thread ever touches the book of faults.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from simulator.clock import Clock
from simulator.faults import AnyFault, BadTick, Correction, Entry, FaultBook, Halt, SplitFault
from simulator.faulty_market import with_times
from simulator.instruments import Instrument
from simulator.planted import PlantedMarket
from simulator.sessions import DAY, NEW_YORK, moment_of, number_of
from simulator.settings import Settings


def admin_router(instruments: Mapping[str, Instrument], faults: FaultBook, clock: Clock) -> APIRouter:
    """Returns the routes under /admin."""
    router = APIRouter(prefix="/admin", tags=["admin"])

    @router.post("/faults", status_code=201)
    async def order_fault(fault: Annotated[AnyFault, Body(discriminator="kind")]) -> dict[str, Any]:
        """Puts a fault in force."""
        if fault.symbol is not None and fault.symbol not in instruments:
            raise _unusable("symbol", f"{fault.symbol} is not traded here; these are: {', '.join(instruments)}")
        if isinstance(fault, SplitFault) and instruments[fault.symbol].kind != "equity":
            raise _unusable("symbol", f"{fault.symbol} is not a share: only shares split")
        if isinstance(fault, SplitFault) and fault.on and fault.on > clock.now().astimezone(NEW_YORK).date():
            raise _unusable("on", "a split lies in the future: prices know of it from its day on")
        if isinstance(fault, Correction | BadTick | Halt | SplitFault):
            fault = with_times(fault, clock.now())
        return _described(faults.order(fault))

    @router.get("/faults")
    async def list_faults() -> list[dict[str, Any]]:
        """Lists the faults in force."""
        return [_described(entry) for entry in faults.in_force()]

    @router.delete("/faults")
    async def clear_faults() -> dict[str, int]:
        """Ends all faults."""
        return {"cleared": faults.clear()}

    @router.delete("/faults/{number}")
    async def clear_fault(number: int) -> dict[str, int]:
        """Ends one fault."""
        cleared = faults.clear(number)
        if not cleared:
            raise HTTPException(404, f"No fault {number} is in force.")
        return {"cleared": cleared}

    @router.post("/clock/advance")
    async def advance_clock(minutes: Annotated[float, Body(embed=True, gt=0, le=1_000_000)]) -> dict[str, str]:
        """Puts the simulator's clock forward, so that hours pass in no time."""
        clock.advance(dt.timedelta(minutes=minutes))
        return {"clock": clock.now().isoformat()}

    return router


def health_router(settings: Settings, instruments: Mapping[str, Instrument], clock: Clock) -> APIRouter:
    """Returns the route of GET /health."""
    router = APIRouter(tags=["admin"])

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Says that the simulator answers, and what it serves."""
        return {
            "status": "ok",
            "mode": "replay" if settings.replay_file else "synthetic",
            "clock": clock.now().isoformat(),
            "clock_speed": settings.clock_speed,
            "seed": settings.seed,
            "symbols": list(instruments),
        }

    return router


def planted_router(market: PlantedMarket) -> APIRouter:
    """Returns the route of GET /admin/planted: what a detector of anomalies should find."""
    router = APIRouter(prefix="/admin", tags=["admin"])

    @router.get("/planted")
    async def list_planted(symbol: str, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
        """Lists the anomalies planted into the sessions of a symbol from one day to another."""
        if symbol not in market.instruments:
            raise _unusable("symbol", f"{symbol} is not traded here; these are: {', '.join(market.instruments)}")
        # Sessions are named by the exchange's date, which may differ from the UTC date by a day either way.
        start, end = ((number_of(day) + shift) * DAY for day, shift in ((first, -1), (last, 2)))
        return [
            {**vars(each), "day": each.day.isoformat(), "minute": moment_of(each.minute).isoformat()}
            for each in market.planted(symbol, start, end)
            if first <= each.day <= last
        ]

    return router


def _unusable(name: str, reason: str) -> HTTPException:
    # The form of pydantic's own complaints, so that a caller reads one form only.
    return HTTPException(422, [{"type": "value_error", "loc": ["body", name], "msg": reason}])


def _described(entry: Entry) -> dict[str, Any]:
    state = {
        "id": entry.number,
        "since": entry.since.isoformat(),
        "until": entry.until.isoformat() if entry.until else None,
        "hits": entry.hits,
        "left": entry.left,
    }
    return state | entry.fault.model_dump(mode="json", exclude_none=True)
