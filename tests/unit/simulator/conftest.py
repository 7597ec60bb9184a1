"""A simulator without a server, on a clock that the test moves by hand."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from simulator.app import create_app
from simulator.clock import Clock
from simulator.settings import Settings

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

# A Friday afternoon in New York, in summer time: 14:30:20.
FRIDAY = "2026-05-15T18:30:20Z"


@dataclass
class Desk:
    """Someone who asks the simulator; `seconds` have passed since it started."""

    settings: Settings
    started: dt.datetime
    seconds: float = 0.0
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        clock = Clock(self.started, self.settings.clock_speed, lambda: self.seconds)
        self.app = create_app(self.settings, clock)

    def send(self, method: str, path: str, **content: Any) -> Response:
        """Sends one request and waits for the answer."""

        async def exchange() -> Response:
            async with AsyncClient(transport=ASGITransport(self.app), base_url="http://simulator") as client:
                return await client.request(method, path, **content)

        return asyncio.run(exchange())

    def ask(self, function: str, **parameters: object) -> Response:
        """Asks the vendor's address, with a key unless one is given."""
        return self.send("GET", "/query", params={"apikey": "a-key", "function": function, **parameters})

    def bars(self, symbol: str = "IBM", **parameters: object) -> dict[str, dict[str, str]]:
        """Returns the series of TIME_SERIES_INTRADAY or CRYPTO_INTRADAY, newest first."""
        if symbol.endswith("USD"):
            pair = {"symbol": symbol[:-3], "market": "USD"}
            answer = self.ask("CRYPTO_INTRADAY", **{"interval": "1min", **pair, **parameters})
        else:
            answer = self.ask("TIME_SERIES_INTRADAY", **{"interval": "1min", "symbol": symbol, **parameters})
        _, series = answer.json().values()
        return dict(series)

    def order(self, kind: str, **fault: object) -> dict[str, Any]:
        """Puts a fault in force."""
        answer = self.send("POST", "/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


@pytest.fixture
def desk_at() -> Callable[..., Desk]:
    """Makes a desk at a UTC time, with settings."""

    def make(started: str = FRIDAY, **settings: Any) -> Desk:
        return Desk(Settings(**settings), dt.datetime.fromisoformat(started))

    return make


@pytest.fixture
def desk(desk_at: Callable[..., Desk]) -> Desk:
    """A desk on a Friday afternoon with the default settings."""
    return desk_at()


@pytest.fixture
def captured() -> Callable[[str], Path]:
    """Finds the vendor's real answer to a function, or skips the test where the captures are absent."""

    def find(name: str) -> Path:
        found = sorted((SHARED / "alpha_vantage").glob(f"{name}_????????.*"))
        if not found:
            pytest.skip(f"no captured {name}: the folder ../shared/data is not there")
        return found[0]

    return find


@pytest.fixture
def shared_bars() -> Callable[[str], Path]:
    """Finds a file of real bars, or skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / "bars" / name
        if not path.exists():
            pytest.skip(f"no {name}: the folder ../shared/data is not there")
        return path

    return find
