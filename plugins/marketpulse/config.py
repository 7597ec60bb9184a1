"""Instruments and sources, read from `config/*.yml`, with overrides from the environment.

An override is named after the source: `ALPHA_VANTAGE_BASE_URL`, `_API_KEY`, `_POLL`, `_SYMBOLS` (comma separated)
and `_ENABLED`. An empty variable counts as not set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from marketpulse.errors import MarketPulseError

INSTRUMENTS_FILE = "config/instruments.yml"
SOURCES_FILE = "config/sources.yml"
IMPORT_ONLY = "import_only"
MINUTES_OF_DAY = 1440

#: What a vendor may be asked for.
Data = Literal["bars", "actions", "news", "quotes"]

Model = TypeVar("Model", bound=BaseModel)
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9.-]{0,23}$")]

# The end of a variable's name, after `<SOURCE>_`, to the setting that it overrides.
OVERRIDES = {
    "BASE_URL": "base_url",
    "API_KEY": "api_key",
    "POLL": "poll",
    "SYMBOLS": "symbols",
    "ENABLED": "enabled",
}


class ConfigError(MarketPulseError):
    """A setting is missing or wrong; names the file (or variable), the key and the fix."""

    def __init__(self, where: str, key: str, problem: str, fix: str) -> None:
        super().__init__(f"{where}: {key}: {problem}. Fix: {fix}.")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("is no time zone such as America/New_York") from None
    return name


class Instrument(BaseModel):
    """One tradable thing, as `market.instruments` holds it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbol: Symbol
    name: Annotated[str, Field(min_length=1)]
    kind: Literal["equity", "crypto"]
    calendar: Annotated[str, Field(pattern=r"^(24/7|X[A-Z0-9]{3}|[A-Za-z0-9_]{2,20})$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3,5}$")]
    tick: Annotated[Decimal, Field(gt=0, decimal_places=8)]


class SourceSettings(BaseModel):
    """What MarketPulse knows about one vendor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    adapter: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    enabled: bool = False
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+")] | None = None
    api_key: SecretStr | None = None
    requests_per_second: Annotated[int, Field(ge=1)] = 1
    requests_per_minute: Annotated[int, Field(ge=1)] = 60
    requests_per_day: Annotated[int, Field(ge=1)] | None = None
    day_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    timeout_seconds: Annotated[float, Field(gt=0, le=20)] = 10
    overlap_bars: Annotated[int, Field(ge=1, le=1000)] = 100
    poll: Literal["session", "regular", "always"] = "session"
    entitlement: Literal["realtime", "delayed"] | None = None
    data: tuple[Data, ...] = ("bars",)
    symbols: tuple[Symbol, ...] = ()

    def is_asked_for(self, data: Data) -> bool:
        """Whether the vendor is enabled and gives that."""
        return self.enabled and data in self.data

    @property
    def minutes_between_polls(self) -> float:
        """How long a symbol waits for its next poll: a minute, or its share of the vendor's day."""
        if self.requests_per_day is None:
            return 1.0
        return max(1.0, MINUTES_OF_DAY * len(self.symbols) / self.requests_per_day)


class Reconciliation(BaseModel):
    """How bars of different vendors are compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance_ticks: Annotated[Decimal, Field(ge=0)]


def project_root() -> Path:
    """The repository: `MARKETPULSE_ROOT`, or where this file lies."""
    configured = os.environ.get("MARKETPULSE_ROOT")
    return Path(configured) if configured else Path(__file__).resolve().parents[2]


def load_instruments(root: Path | None = None) -> dict[str, Instrument]:
    """Read and check `config/instruments.yml`.

    Returns:
        Symbol to instrument, in the order of the file.

    Raises:
        ConfigError: The file is missing, unreadable or breaks a rule.
    """
    entries = read_section(root or project_root(), INSTRUMENTS_FILE, "instruments", list)
    instruments: dict[str, Instrument] = {}
    for position, entry in enumerate(entries):
        symbol = entry.get("symbol") if isinstance(entry, dict) else None
        instrument = validated(Instrument, entry, INSTRUMENTS_FILE, f"instruments[{position}] ({symbol})", {})
        if instrument.symbol in instruments:
            raise ConfigError(
                INSTRUMENTS_FILE, f"instruments[{position}]", f"{symbol} is listed twice", "remove one of the two"
            )
        instruments[instrument.symbol] = instrument
    return instruments


def load_sources(
    instruments: Mapping[str, Instrument], root: Path | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, SourceSettings]:
    """Read and check `config/sources.yml`, with the environment's overrides applied.

    Args:
        instruments: The known instruments; a source may list no other symbol.
        root: The repository; where to look for `config/`.
        environ: Stands in for the process environment in tests.

    Returns:
        Source name to settings, in the order of the file.

    Raises:
        ConfigError: The file is missing, unreadable or breaks a rule, or an override does.
    """
    environ = os.environ if environ is None else environ
    entries = read_section(root or project_root(), SOURCES_FILE, "sources", dict)
    return {name: _load_source(str(name), entry, instruments, environ) for name, entry in entries.items()}


def load_reconciliation(root: Path | None = None) -> Reconciliation:
    """Read and check the rule in `config/sources.yml` by which bars of different vendors agree.

    Raises:
        ConfigError: It is missing or breaks a rule.
    """
    section = "reconciliation"
    values = read_section(root or project_root(), SOURCES_FILE, section, dict)
    return validated(Reconciliation, values, SOURCES_FILE, section, {})


def enabled_sources(data: Data) -> list[str]:
    """Names of the sources that are asked for something, for the DAG that maps over them."""
    return [name for name, source in load_sources(load_instruments()).items() if source.is_asked_for(data)]


def _load_source(
    name: str, entry: Any, instruments: Mapping[str, Instrument], environ: Mapping[str, str]
) -> SourceSettings:
    where = f"sources.{name}"
    if not isinstance(entry, dict):
        raise ConfigError(SOURCES_FILE, where, "is not a mapping", "give it keys such as adapter and symbols")
    values: dict[str, Any] = {**entry, "name": name}
    overridden_by: dict[str, str] = {}
    for suffix, key in OVERRIDES.items():
        variable = f"{name.upper()}_{suffix}"
        text = environ.get(variable, "").strip()
        if text:
            values[key] = [symbol.strip() for symbol in text.split(",") if symbol.strip()] if key == "symbols" else text
            overridden_by[key] = variable

    settings = validated(SourceSettings, values, SOURCES_FILE, where, overridden_by)
    unknown = [symbol for symbol in settings.symbols if symbol not in instruments]
    if unknown:
        raise ConfigError(
            overridden_by.get("symbols", SOURCES_FILE),
            f"{where}.symbols",
            f"unknown symbol {', '.join(unknown)}",
            f"add it to {INSTRUMENTS_FILE} or remove it here",
        )
    if settings.enabled and settings.adapter == IMPORT_ONLY:
        raise ConfigError(
            overridden_by.get("enabled", SOURCES_FILE),
            f"{where}.enabled",
            f"a source with adapter {IMPORT_ONLY} cannot be polled",
            "set enabled: false, or name an adapter of plugins/marketpulse/sources",
        )
    if settings.enabled and settings.base_url is None:
        raise ConfigError(
            SOURCES_FILE, f"{where}.base_url", "is missing", "set it here or as " + name.upper() + "_BASE_URL"
        )
    return settings


def read_section(root: Path, file: str, section: str, kind: type) -> Any:
    """One section of a file of `config/`.

    Args:
        root: The repository.
        file: Its path there.
        section: The key.
        kind: list or dict.

    Raises:
        ConfigError: The file is missing or no YAML, or the section is missing or of another kind.
    """
    path = root / file
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(file, section, f"no such file under {root}", "restore it from the repository") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "the file"
        raise ConfigError(file, line, "is not valid YAML", "check indentation, quotes and brackets there") from error
    if not isinstance(document, dict) or not isinstance(document.get(section), kind):
        shape = "a list" if kind is list else "a mapping"
        raise ConfigError(file, section, "is missing or has another shape", f"the file needs {shape} named {section}")
    return document[section]


def validated(model: type[Model], values: Any, file: str, where: str, overridden_by: Mapping[str, str]) -> Model:
    """An entry of a file of `config/` as the model has it.

    Args:
        model: What it should be.
        values: The entry.
        file: Where it stands.
        where: The key that leads to it.
        overridden_by: Keys of the entry that came from the environment, with the name of the variable.

    Raises:
        ConfigError: It breaks a rule.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        raise ConfigError(
            overridden_by.get(key, file),
            ".".join([where, *(str(part) for part in first["loc"])]),
            first["msg"],
            "remove the key or correct its name" if first["type"] == "extra_forbidden" else _expectation(model, key),
        ) from None


def _expectation(model: type[BaseModel], key: str) -> str:
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    field = fields.get(key)
    if field is None:
        return "give it the keys " + ", ".join(fields)
    rules = [f"pattern {rule.pattern}" for rule in field.metadata if getattr(rule, "pattern", None)]
    return f"give {key} a value of type {field.annotation!r}" + (f" with {rules[0]}" if rules else "")
