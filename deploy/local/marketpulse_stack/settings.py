"""Settings of one stack, from `.env` and the environment (the environment wins)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from marketpulse_stack.errors import InvalidSettingError

REPOSITORY = Path(__file__).resolve().parents[3]

DEFAULT_PORTS = {
    "POSTGRES_PORT": 15432,
    "KAFKA_PORT": 19092,
    "KAFKA_CONTROLLER_PORT": 19093,
    "AIRFLOW_PORT": 8080,
    "SIMULATOR_PORT": 8090,
    "STATSD_PORT": 9125,
    "STATSD_EXPORTER_PORT": 9102,
    "PROMETHEUS_PORT": 9090,
}


@dataclass(frozen=True)
class Ports:
    """Where each service listens on 127.0.0.1; the names are those of the variables, in lower case."""

    postgres: int
    kafka: int
    kafka_controller: int
    airflow: int
    simulator: int
    statsd: int
    statsd_exporter: int
    prometheus: int


@dataclass(frozen=True)
class Settings:
    """One stack.

    Args:
        root: The checkout.
        home: State, logs, passwords of this stack (MARKETPULSE_HOME).
        tools: Installed software, shared by all stacks of the checkout (MARKETPULSE_TOOLS).
        ports: Where the services listen.
        vendor_key: The Alpha Vantage key; empty when the simulator is the vendor.
        vendor_url: The Alpha Vantage URL from .env; empty for the default.
        poll: ALPHA_VANTAGE_POLL; empty for the default of config/sources.yml.
        symbols: ALPHA_VANTAGE_SYMBOLS; empty for the default of config/sources.yml.
        simulator: The SIM_* variables that are set.
    """

    root: Path
    home: Path
    tools: Path
    ports: Ports
    vendor_key: str
    vendor_url: str
    poll: str
    symbols: str
    simulator: Mapping[str, str]

    @property
    def uses_simulator(self) -> bool:
        """Whether the market is the simulator's: true as long as no vendor key is set."""
        return not self.vendor_key

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
        InvalidSettingError: A port is no port, or two services share one.
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
    poll = values.get("ALPHA_VANTAGE_POLL", "")
    if not poll and ("SIM_CLOCK_START" in simulator or "SIM_REPLAY_FILE" in simulator):
        poll = "always"  # The simulator's clock is not the exchange's: sessions of today mean nothing.
    return Settings(
        root=root,
        home=(root / Path(values.get("MARKETPULSE_HOME", ".run")).expanduser()).absolute(),
        tools=(root / Path(values.get("MARKETPULSE_TOOLS", ".tools")).expanduser()).absolute(),
        ports=_read_ports(values),
        vendor_key=values.get("ALPHA_VANTAGE_API_KEY", ""),
        vendor_url=values.get("ALPHA_VANTAGE_BASE_URL", ""),
        poll=poll,
        symbols=values.get("ALPHA_VANTAGE_SYMBOLS", "") or simulator.get("SIM_REPLAY_SYMBOL", ""),
        simulator=simulator,
    )


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
