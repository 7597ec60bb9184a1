"""The instruments that the simulator trades, from the same `config/instruments.yml` that the pipeline reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

INSTRUMENTS_FILE = Path(__file__).resolve().parents[1] / "config" / "instruments.yml"

_COINS = {"BTC": "Bitcoin", "ETH": "Ethereum", "LTC": "Litecoin", "SOL": "Solana", "XRP": "Ripple", "DOGE": "DogeCoin"}
_CURRENCIES = {
    "USD": "United States Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "JPY": "Japanese Yen",
    "CHF": "Swiss Franc",
}


class InstrumentsFileError(ValueError):
    """`config/instruments.yml` cannot be used; the message says what to correct."""


@dataclass(frozen=True)
class Instrument:
    """One tradable thing.

    Attributes:
        symbol: As the pipeline names it: `IBM`, `BTCUSD`.
        name: In words.
        kind: A share on an exchange, or a coin that trades around the clock.
        calendar: A code of the exchange_calendars package; `24/7` for coins.
        currency: What its price is in.
    """

    symbol: str
    name: str
    kind: Literal["equity", "crypto"]
    calendar: str
    currency: str

    @property
    def coin(self) -> str:
        """The coin of a crypto pair: `BTC` of `BTCEUR`."""
        return self.symbol.removesuffix(self.currency)

    @property
    def coin_name(self) -> str:
        """The coin in words, as the vendor prints it."""
        return _COINS.get(self.coin, self.coin)

    @property
    def currency_name(self) -> str:
        """The currency in words, as the vendor prints it."""
        return _CURRENCIES.get(self.currency, self.currency)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)
    symbol: str
    name: str
    kind: Literal["equity", "crypto"]
    calendar: str
    currency: str


class _File(BaseModel):
    instruments: list[_Entry]


def load_instruments(path: Path = INSTRUMENTS_FILE) -> dict[str, Instrument]:
    """Returns the instruments of `path` by symbol.

    Raises:
        InstrumentsFileError: The file is missing or does not have the expected form.
    """
    try:
        entries = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).instruments
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InstrumentsFileError(f"Cannot read the instruments from {path}: {error}") from error
    return {entry.symbol: Instrument(**entry.model_dump()) for entry in entries}


def instrument_for(symbol: str, known: Mapping[str, Instrument]) -> Instrument:
    """Returns the known instrument, or for a replayed symbol that nobody described a share listed in New York."""
    return known.get(symbol) or Instrument(symbol, symbol, "equity", "XNYS", "USD")
