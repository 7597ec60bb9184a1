"""The HTTP application: `python -m uvicorn simulator.app:create_app --factory`."""

from __future__ import annotations

import datetime as dt
import logging
import os
import re

from fastapi import FastAPI

from simulator.admin import admin_router, health_router, planted_router
from simulator.clock import Clock
from simulator.coinbase import coinbase_router
from simulator.faults import FaultBook
from simulator.finnhub import finnhub_router
from simulator.instruments import load_instruments
from simulator.limits import Limits
from simulator.planted import PlantedMarket
from simulator.query import query_router
from simulator.replay import ReplayMarket, read_bars
from simulator.settings import Settings
from simulator.synthetic import SyntheticMarket
from simulator.twelve_data import twelve_data_router
from simulator.wire import Simulator

_API_KEY = re.compile(r"(apikey=)[^&\s\"]*", re.IGNORECASE)


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """Returns the application.

    Args:
        settings: How the simulator behaves; by default what the SIM_* variables say.
        clock: What time it is there; by default what the settings say.

    Raises:
        SettingsError: A SIM_* variable cannot be used.
        ReplayFileError: The replay file is missing or has bad lines.
        InstrumentsFileError: `config/instruments.yml` cannot be used.
    """
    settings = settings or Settings.from_environment(os.environ)
    clock = clock or Clock(settings.clock_start or dt.datetime.now(dt.UTC), settings.clock_speed)
    instruments = load_instruments()
    market: PlantedMarket | ReplayMarket
    if settings.replay_file:
        rows = read_bars(settings.replay_file, settings.replay_symbol, settings.replay_zone)
        market = ReplayMarket(rows, instruments)
    else:
        market = PlantedMarket(SyntheticMarket(settings.seed, instruments), settings.seed, settings.planted_anomalies)
    faults = FaultBook(clock.now)
    limits = Limits(settings.api_keys, settings.rate_per_second, settings.daily_budget)
    simulator = Simulator(settings, clock, market, faults, limits)

    app = FastAPI(title="MarketPulse market simulator", docs_url="/docs", redoc_url=None)
    app.include_router(query_router(simulator))
    app.include_router(coinbase_router(simulator))
    app.include_router(twelve_data_router(simulator))
    app.include_router(finnhub_router(simulator))
    app.include_router(health_router(settings, market.instruments, clock))
    app.include_router(admin_router(market.instruments, faults, clock))
    if isinstance(market, PlantedMarket):
        app.include_router(planted_router(market))
    logging.getLogger("uvicorn.access").addFilter(_without_api_key)
    return app


def _without_api_key(record: logging.LogRecord) -> bool:
    # The vendor takes the key in the query, and uvicorn logs queries.
    if isinstance(record.args, tuple):
        record.args = tuple(_API_KEY.sub(r"\1***", value) if isinstance(value, str) else value for value in record.args)
    return True
