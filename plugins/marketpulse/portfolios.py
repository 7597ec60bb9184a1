"""Portfolios, read from `config/portfolios.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from marketpulse.config import (
    INSTRUMENTS_FILE,
    ConfigError,
    Instrument,
    Symbol,
    project_root,
    read_section,
    validated,
)

PORTFOLIOS_FILE = "config/portfolios.yml"

Amount = Annotated[Decimal, Field(max_digits=28, decimal_places=8)]


class Holdings(BaseModel):
    """What a portfolio holds from a date on, bought at the close before it.

    Attributes:
        valid_from: The first session that is entered with it; `from` in the file.
        cash: In the portfolio's currency.
        shares: Symbol to number of shares, as counted on that date.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: Annotated[date, Field(alias="from")]
    cash: Amount = Decimal(0)
    shares: dict[Symbol, Amount]


class Portfolio(BaseModel):
    """One portfolio, as `market.portfolios`, `market.portfolio_versions` and `market.holdings` hold it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    name: Annotated[str, Field(min_length=1)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,5}$")]
    benchmark: Symbol
    short: bool = False
    holdings: Annotated[tuple[Holdings, ...], Field(min_length=1)]


def load_portfolios(instruments: Mapping[str, Instrument], root: Path | None = None) -> dict[str, Portfolio]:
    """Read and check `config/portfolios.yml`.

    Args:
        instruments: The known instruments; a portfolio may name no other symbol.
        root: The repository; where to look for `config/`.

    Returns:
        Id to portfolio, in the order of the file.

    Raises:
        ConfigError: The file is missing, unreadable or breaks a rule.
    """
    portfolios: dict[str, Portfolio] = {}
    for position, entry in enumerate(read_section(root or project_root(), PORTFOLIOS_FILE, "portfolios", list)):
        name = entry.get("id") if isinstance(entry, dict) else None
        where = f"portfolios[{position}] ({name})"
        portfolio = validated(Portfolio, _with_holdings(entry, where), PORTFOLIOS_FILE, where, {})
        if portfolio.id in portfolios:
            raise ConfigError(PORTFOLIOS_FILE, where, "is listed twice", "remove one of the two")
        _check_instrument(portfolio, f"{where}.benchmark", portfolio.benchmark, instruments)
        for number, holdings in enumerate(portfolio.holdings):
            _check_holdings(portfolio, f"{where}.holdings[{number}].shares", holdings, instruments)
        if any(later.valid_from <= earlier.valid_from for earlier, later in pairwise(portfolio.holdings)):
            raise ConfigError(
                PORTFOLIOS_FILE, f"{where}.holdings", "dates are not in ascending order", "sort them, each date once"
            )
        portfolios[portfolio.id] = portfolio
    return portfolios


def _with_holdings(entry: Any, where: str) -> Any:
    """The entry, each of its holdings checked by itself, so that an error names which of them."""
    if not isinstance(entry, dict) or not isinstance(entry.get("holdings"), list):
        return entry
    holdings = [
        validated(Holdings, each, PORTFOLIOS_FILE, f"{where}.holdings[{number}]", {})
        for number, each in enumerate(entry["holdings"])
    ]
    return {**entry, "holdings": holdings}


def _check_holdings(
    portfolio: Portfolio, where: str, holdings: Holdings, instruments: Mapping[str, Instrument]
) -> None:
    for symbol, shares in holdings.shares.items():
        _check_instrument(portfolio, f"{where}.{symbol}", symbol, instruments)
        if shares == 0:
            raise ConfigError(PORTFOLIOS_FILE, f"{where}.{symbol}", "is zero", "leave the symbol out")
        if shares < 0 and not portfolio.short:
            raise ConfigError(
                PORTFOLIOS_FILE, f"{where}.{symbol}", "is negative", "set short: true for this portfolio, or correct it"
            )


def _check_instrument(portfolio: Portfolio, where: str, symbol: str, instruments: Mapping[str, Instrument]) -> None:
    if symbol not in instruments:
        raise ConfigError(
            PORTFOLIOS_FILE, where, f"unknown symbol {symbol}", f"add it to {INSTRUMENTS_FILE} or remove it here"
        )
    currency = instruments[symbol].currency
    if currency != portfolio.currency:
        raise ConfigError(
            PORTFOLIOS_FILE,
            where,
            f"{symbol} is in {currency}, the portfolio in {portfolio.currency}, and nothing converts currencies",
            f"keep it in a portfolio of {currency}",
        )
