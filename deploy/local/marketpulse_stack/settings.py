"""Settings of one stack, from `.env` and the environment (the environment wins)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from marketpulse_stack.errors import InvalidSettingError

REPOSITORY = Path(__file__).resolve().parents[3]

DEFAULT_PORTS = {
    "POSTGRES_PORT": 15432,
    "POSTGRES_EXPORTER_PORT": 9187,
    "KAFKA_PORT": 19092,
    "KAFKA_CONTROLLER_PORT": 19093,
    "KAFKA_EXPORTER_PORT": 9404,
    "AIRFLOW_PORT": 8080,
    "SIMULATOR_PORT": 8090,
    "STATSD_PORT": 9125,
    "STATSD_EXPORTER_PORT": 9102,
    "PROMETHEUS_PORT": 9090,
    "ALERTMANAGER_PORT": 9093,
}

SOURCES_FILE = "config/sources.yml"
API_KEY = "_API_KEY"
#: How the variables of a source end, after its name; those of API_KEY hold a secret.
SOURCE_ENDINGS = ("_BASE_URL", API_KEY, "_POLL", "_SYMBOLS", "_ENABLED")
#: Who gets alerts by mail, for each team.
MAIL_TO = ("ALERT_MAIL_TO_DATA", "ALERT_MAIL_TO_PLATFORM")
#: Where alerts are sent, all of it optional.
ALERTING = (
    *MAIL_TO,
    "ALERT_MAIL_FROM",
    "ALERT_SMTP_HOST",
    "ALERT_SMTP_USER",
    "ALERT_SMTP_PASSWORD",
    "ALERT_SLACK_URL",
    "ALERT_WEBHOOK_URL",
    "ALERT_HEARTBEAT_URL",
)
#: The DAGs that every stack runs: bars from the vendor to PostgreSQL.
BAR_DAGS = ("ingest_bars", "load_bars")
#: Without its key, the market is the simulator's.
SIMULATED_VENDOR = "ALPHA_VANTAGE"


@dataclass(frozen=True)
class Ports:
    """Where each service listens on 127.0.0.1; the names are those of the variables, in lower case."""

    postgres: int
    postgres_exporter: int
    kafka: int
    kafka_controller: int
    kafka_exporter: int
    airflow: int
    simulator: int
    statsd: int
    statsd_exporter: int
    prometheus: int
    alertmanager: int


@dataclass(frozen=True)
class Settings:
    """One stack.

    Args:
        root: The checkout.
        home: State, logs, passwords of this stack (MARKETPULSE_HOME).
        tools: Installed software, shared by all stacks of the checkout (MARKETPULSE_TOOLS).
        ports: Where the services listen.
        sources: What overrides config/sources.yml, by variable (COINBASE_ENABLED); holds no key.
        keys: The vendors' keys that are set, by variable.
        simulator: The SIM_* variables that are set.
        alerting: The ALERT_* variables that are set: where alerts are sent.
        dags: The DAGs that run; the others are paused until somebody unpauses them.
    """

    root: Path
    home: Path
    tools: Path
    ports: Ports
    sources: Mapping[str, str]
    keys: Mapping[str, str]
    simulator: Mapping[str, str]
    alerting: Mapping[str, str]
    dags: tuple[str, ...]

    @property
    def uses_simulator(self) -> bool:
        """Whether the market is the simulator's: true as long as Alpha Vantage's key is not set."""
        return SIMULATED_VENDOR + API_KEY not in self.keys

    @property
    def logs(self) -> Path:
        """Folder with one log file for each service."""
        return self.home / "logs"

    @property
    def secrets(self) -> Path:
        """Folder with generated passwords and keys, readable by the owner only."""
        return self.home / "secrets"

    @property
    def run(self) -> Path:
        """Folder with process ids, sockets, locks and rendered configuration."""
        return self.home / "run"

    def python(self, environment: str) -> Path:
        """The Python of one of the environments `airflow`, `spark`, `stack`."""
        return self.tools / "venvs" / environment / "bin" / "python"


def load_settings(environ: Mapping[str, str], *, root: Path = REPOSITORY, invoked_from: Path | None = None) -> Settings:
    """Reads `.env` of the checkout and the environment.

    Args:
        environ: The environment; its variables win over those of `.env`. MARKETPULSE_ENV_FILE names another file:
            tests take an empty one, so that a contributor's own settings and keys stay out of them.
        root: The checkout.
        invoked_from: The folder that relative paths of SIM_REPLAY_FILE start at; default: the current one.

    Raises:
        InvalidSettingError: A port is no port, two services share one, or a file is missing or unreadable.
    """
    file = root / environ.get("MARKETPULSE_ENV_FILE", ".env")
    from_file = {name: value or "" for name, value in dotenv_values(file).items()}
    values = {name: value.strip() for part in (from_file, environ) for name, value in part.items() if value.strip()}
    simulator = {name: value for name, value in values.items() if name.startswith("SIM_")}
    if "SIM_REPLAY_FILE" in simulator:
        replay_file = (invoked_from or Path.cwd()) / Path(simulator["SIM_REPLAY_FILE"]).expanduser()
        if not replay_file.is_file():
            raise InvalidSettingError(
                f"SIM_REPLAY_FILE={simulator['SIM_REPLAY_FILE']} does not exist (looked for {replay_file}).",
                fix="Correct the path; a relative one starts at the folder where you call make.",
            )
        simulator["SIM_REPLAY_FILE"] = str(replay_file.resolve())
    given = {name: values[name] for name in source_variables(root) if name in values}
    sources = {name: value for name, value in given.items() if not name.endswith(API_KEY)}
    if "SIM_CLOCK_START" in simulator or "SIM_REPLAY_FILE" in simulator:
        # The simulator's clock is not the exchange's: sessions of today mean nothing.
        sources.setdefault(f"{SIMULATED_VENDOR}_POLL", "always")
    if "SIM_REPLAY_SYMBOL" in simulator:
        sources.setdefault(f"{SIMULATED_VENDOR}_SYMBOLS", simulator["SIM_REPLAY_SYMBOL"])
    return Settings(
        root=root,
        home=(root / Path(values.get("MARKETPULSE_HOME", ".run")).expanduser()).absolute(),
        tools=(root / Path(values.get("MARKETPULSE_TOOLS", ".tools")).expanduser()).absolute(),
        ports=_read_ports(values),
        sources=sources,
        keys={name: value for name, value in given.items() if name.endswith(API_KEY)},
        simulator=simulator,
        alerting=_read_alerting(values),
        dags=_read_dags(values, root),
    )


def _read_alerting(values: Mapping[str, str]) -> dict[str, str]:
    alerting = {name: values[name] for name in ALERTING if name in values}
    if alerting.keys() & set(MAIL_TO) and "ALERT_SMTP_HOST" not in alerting:
        raise InvalidSettingError("Alerts have an address and no mail server.", fix="Set ALERT_SMTP_HOST=host:port.")
    return alerting


def _read_dags(values: Mapping[str, str], root: Path) -> tuple[str, ...]:
    there = sorted(file.stem for file in (root / "dags").glob("*.py"))
    chosen = [name.strip() for name in values.get("MARKETPULSE_DAGS", ",".join(there)).split(",") if name.strip()]
    unknown = sorted(set(chosen) - set(there))
    if unknown:
        raise InvalidSettingError(
            f"MARKETPULSE_DAGS: there is no DAG {', '.join(unknown)}.", fix=f"The DAGs are: {', '.join(there)}."
        )
    return tuple(dict.fromkeys([*BAR_DAGS, *chosen]))


def source_variables(root: Path) -> list[str]:
    """Every variable that can override a source of `config/sources.yml`, such as COINBASE_ENABLED.

    Raises:
        InvalidSettingError: The file is missing or has another shape.
    """
    try:
        document: Any = yaml.safe_load((root / SOURCES_FILE).read_text(encoding="utf-8"))
        names = [str(name).upper() for name in document["sources"]]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise InvalidSettingError(
            f"{SOURCES_FILE} names no sources ({type(error).__name__}: {error}).",
            fix=f"Correct it, or restore it with `git checkout {SOURCES_FILE}`.",
        ) from error
    return [name + ending for name in names for ending in SOURCE_ENDINGS]


def _read_ports(values: Mapping[str, str]) -> Ports:
    ports: dict[str, int] = {}
    for variable, default in DEFAULT_PORTS.items():
        text = values.get(variable, str(default))
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise InvalidSettingError(f"{variable}={text} is not a port.", fix=f"Set {variable} to 1..65535 in .env.")
        for other, port in ports.items():
            if port == int(text):
                raise InvalidSettingError(
                    f"{variable} and {other} are both {port}.", fix=f"Set {variable} to another port in .env."
                )
        ports[variable] = int(text)
    return Ports(**{variable.removesuffix("_PORT").lower(): port for variable, port in ports.items()})
