"""What `make up` ends with: where to look, how to log in, the newest bars."""

from __future__ import annotations

import subprocess

from marketpulse_stack import credentials, postgres
from marketpulse_stack.airflow_api import USER
from marketpulse_stack.console import say
from marketpulse_stack.settings import Settings

NEWEST = (
    "SELECT symbol, source, ts, trim_scale(close) AS close, trim_scale(volume) AS volume,"
    " round(sma_20::numeric, 4) AS sma_20, round(change_pct_60::numeric, 3) AS change_pct_60"
    " FROM reports.latest_bars ORDER BY symbol, source"
)


def print_summary(settings: Settings) -> None:
    """Prints URLs, login and newest bars."""
    ports = settings.ports
    vendor = f"simulator   http://127.0.0.1:{ports.simulator}/health" if settings.uses_simulator else ""
    lines = [
        "",
        f"  Airflow     http://127.0.0.1:{ports.airflow}",
        f"              user {USER}, password {credentials.secret(settings, 'airflow_admin_password')}"
        f"  (kept in {settings.secrets / 'airflow_admin_password'})",
        f"  Prometheus  http://127.0.0.1:{ports.prometheus}",
        f"  Alerts      http://127.0.0.1:{ports.alertmanager}",
        f"  PostgreSQL  make psql   (127.0.0.1:{ports.postgres}, database marketpulse)",
        f"  {vendor}" if vendor else "",
        "  Next        make status, make logs S=airflow-scheduler, make down",
        "",
    ]
    say("\n".join(line for number, line in enumerate(lines) if line or number in (0, len(lines) - 1)))
    say(newest_bars(settings))


def newest_bars(settings: Settings) -> str:
    """The table of the newest bar of each symbol."""
    finished = subprocess.run(
        [
            postgres.binary("psql"),
            "-X",
            "-U",
            "marketpulse_reader",
            "-d",
            "marketpulse",
            "-P",
            "footer=off",
            "-c",
            NEWEST,
        ],
        env=postgres.client_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return (finished.stdout or finished.stderr).rstrip()
