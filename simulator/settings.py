"""The simulator's settings, read from the environment once at start."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from simulator.sessions import NEW_YORK

DEFAULT_SEED = 20200102
DEFAULT_PREMIUM_FUNCTIONS = frozenset({"FX_INTRADAY", "REALTIME_OPTIONS"})


class SettingsError(ValueError):
    """A variable has a value that cannot be used; the message names both and says what is expected."""


@dataclass(frozen=True)
class Settings:
    """How the simulator behaves.

    Attributes:
        seed: Chooses the synthetic market; the same seed is the same market for ever.
        replay_file: Serve this CSV file's bars instead of synthetic ones.
        replay_symbol: The symbol of a file without a symbol column.
        replay_zone: The zone of the file's times where they carry none.
        clock_start: Where the simulator's clock stands when it starts; None is the real time.
        clock_speed: Seconds that pass on that clock in one real second.
        api_keys: The keys that are accepted; empty accepts any key.
        rate_per_second: Requests one key may make in a second; 0 is no limit.
        daily_budget: Requests one key may make in a UTC day; 0 is no limit.
        premium_functions: Functions that answer as the vendor answers a key without a plan.
        planted_anomalies: The share of each symbol's synthetic sessions that have an anomaly planted, 0 to 1.
    """

    seed: int = DEFAULT_SEED
    replay_file: Path | None = None
    replay_symbol: str | None = None
    replay_zone: ZoneInfo = NEW_YORK
    clock_start: dt.datetime | None = None
    clock_speed: float = 1.0
    api_keys: frozenset[str] = frozenset()
    rate_per_second: int = 0
    daily_budget: int = 0
    premium_functions: frozenset[str] = DEFAULT_PREMIUM_FUNCTIONS
    planted_anomalies: float = 0.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Returns the settings that the SIM_* variables ask for; an empty variable counts as absent.

        Raises:
            SettingsError: A variable's value cannot be used.
        """
        given = {name: value.strip() for name, value in environment.items() if value.strip()}
        replay_file = given.get("SIM_REPLAY_FILE")
        symbol = given.get("SIM_REPLAY_SYMBOL")
        functions = given.get("SIM_PREMIUM_FUNCTIONS")
        return cls(
            seed=_whole_number(given, "SIM_SEED", DEFAULT_SEED),
            replay_file=Path(replay_file) if replay_file else None,
            replay_symbol=symbol.upper() if symbol else None,
            replay_zone=_zone(given, "SIM_REPLAY_TZ", "America/New_York"),
            clock_start=_moment(given, "SIM_CLOCK_START"),
            clock_speed=_speed(given, "SIM_CLOCK_SPEED"),
            api_keys=_names(given.get("SIM_API_KEYS", "")),
            rate_per_second=_whole_number(given, "SIM_RATE_PER_SECOND", 0),
            daily_budget=_whole_number(given, "SIM_DAILY_BUDGET", 0),
            premium_functions=_names(functions) if functions else DEFAULT_PREMIUM_FUNCTIONS,
            planted_anomalies=_share(given, "SIM_PLANTED_ANOMALIES"),
        )


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _whole_number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name}={text}: expected a whole number, zero or more.")
    return int(text)


def _speed(given: Mapping[str, str], name: str) -> float:
    text = given.get(name, "1")
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed <= 100_000.0:
        raise SettingsError(f"{name}={text}: expected a number above 0 and at most 100000; 60 makes an hour a minute.")
    return speed


def _share(given: Mapping[str, str], name: str) -> float:
    text = given.get(name, "0")
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise SettingsError(f"{name}={text}: expected a number from 0 to 1; 0.2 plants into every fifth session.")
    return share


def _zone(given: Mapping[str, str], name: str, default: str) -> ZoneInfo:
    text = given.get(name, default)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(f"{name}={text}: expected a time zone such as America/New_York or UTC.") from error


def _moment(given: Mapping[str, str], name: str) -> dt.datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{name}={text}: expected a time such as 2020-12-19T01:05:00Z.") from error
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
