"""The variables that the parts of MarketPulse read, rendered from the settings.

`$MARKETPULSE_HOME/env` holds them as plain KEY=VALUE lines without passwords; the vendors' keys are in
`secrets/env`.
"""

from __future__ import annotations

import os
from pathlib import Path

from marketpulse_stack import credentials, postgres
from marketpulse_stack.airflow import airflow_variables
from marketpulse_stack.processes import marker
from marketpulse_stack.settings import SIMULATED_VENDOR, Settings

# What a child needs of the caller's environment. The rest stays out: a stack must not depend on who starts it.
INHERITED = (
    "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TERM", "TMPDIR", "JAVA_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "GOPROXY", "GOFLAGS", "GOSUMDB",
    "GONOSUMDB", "GOTOOLCHAIN", "MAVEN_OPTS", "MAVEN_ARGS",
)  # fmt: skip
INHERITED_PREFIXES = ("UV_", "PIP_")


def base_variables(settings: Settings) -> dict[str, str]:
    """What every child gets: a small part of our own environment, and where things are."""
    inherited = {
        name: value for name, value in os.environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    no_proxy = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    path = ":".join([str(settings.tools / "bin"), os.environ.get("PATH", os.defpath)])
    return {**inherited, **no_proxy, **marker(settings), "PATH": path, "PYTHONUNBUFFERED": "1"}


def runtime_variables(settings: Settings) -> dict[str, str]:
    """The contract between the stack and the code that it runs; holds no password."""
    ports = settings.ports
    loader = f"postgresql://marketpulse_loader@127.0.0.1:{ports.postgres}/marketpulse"
    simulator = {f"{SIMULATED_VENDOR}_BASE_URL": f"http://127.0.0.1:{ports.simulator}"}
    return {
        "MARKETPULSE_ROOT": str(settings.root),
        "MARKETPULSE_HOME": str(settings.home),
        "MARKETPULSE_TOOLS": str(settings.tools),
        "MARKETPULSE_WAREHOUSE_DSN": loader,
        "MARKETPULSE_KAFKA_BOOTSTRAP": f"127.0.0.1:{ports.kafka}",
        "PGPASSFILE": str(settings.secrets / "pgpass"),
        "STATSD_HOST": "127.0.0.1",
        "STATSD_PORT": str(ports.statsd),
        "ALERTMANAGER_URL": f"http://127.0.0.1:{ports.alertmanager}",
        **(simulator if settings.uses_simulator else {}),
        **settings.sources,
        **airflow_variables(settings),
        "PYTHONPATH": str(settings.root / "plugins"),
        "PATH": ":".join(
            [
                str(settings.root / "spark_jobs" / "bin"),
                str(settings.python("airflow").parent),
                str(settings.tools / "bin"),
                os.environ.get("PATH", os.defpath),
            ]
        ),
    }


def environment_files(settings: Settings) -> dict[Path, str]:
    """What the services read at their start: the text of each file."""
    simulator = {"SIMULATOR_PORT": str(settings.ports.simulator), **settings.simulator}
    # The watchdog and the probe read the same settings as we do; those of the caller's environment must reach them too.
    stack = {"PYTHONPATH": str(settings.root / "deploy" / "local"), **stack_variables(settings)}
    files = {
        settings.run / "base.env": base_variables(settings),
        settings.home / "env": runtime_variables(settings),
        settings.run / "simulator.env": simulator,
        settings.run / "stack.env": stack,
        settings.run / "postgres-exporter.env": postgres.exporter_variables(settings),
    }
    return {
        path: "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
        for path, variables in files.items()
    }


def stack_variables(settings: Settings) -> dict[str, str]:
    """The variables that make another process of ours find this stack."""
    ports = {f"{name.upper()}_PORT": str(port) for name, port in vars(settings.ports).items()}
    return {"MARKETPULSE_HOME": str(settings.home), "MARKETPULSE_TOOLS": str(settings.tools), **ports}


def full_environment(settings: Settings) -> dict[str, str]:
    """Everything a command of ours needs that runs beside the services, the vendors' keys included."""
    return {**base_variables(settings), **runtime_variables(settings), **credentials.vendor_keys(settings)}
