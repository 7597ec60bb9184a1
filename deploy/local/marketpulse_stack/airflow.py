"""Airflow's configuration, by variables only, and its set-up."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from marketpulse_stack.settings import Settings


def airflow_variables(settings: Settings) -> dict[str, str]:
    """Airflow's settings and connections. Passwords are read from files: libpq's password file and `_CMD` options."""
    ports, secrets = settings.ports, settings.secrets
    url = f"http://127.0.0.1:{ports.airflow}"
    sections = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": "4",
            "DAGS_FOLDER": str(settings.root / "dags"),
            # Its .airflowignore leaves one file for the plugin manager; all else comes from PYTHONPATH.
            "PLUGINS_FOLDER": str(settings.root / "plugins"),
            "LOAD_EXAMPLES": "False",
            # dags.py sets them going.
            "DAGS_ARE_PAUSED_AT_CREATION": "True",
            "HOSTNAME_CALLABLE": "socket.gethostname",
            "EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(secrets / "airflow_passwords.json"),
            "FERNET_KEY_CMD": _print_file(secrets / "airflow_fernet_key"),
        },
        "API": {
            "HOST": "127.0.0.1",
            "PORT": str(ports.airflow),
            "BASE_URL": url,
            "WORKERS": "1",
            "SECRET_KEY_CMD": _print_file(secrets / "airflow_secret_key"),
        },
        "API_AUTH": {"JWT_SECRET_CMD": _print_file(secrets / "airflow_jwt_secret")},
        "DATABASE": {"SQL_ALCHEMY_CONN": f"postgresql+psycopg2://airflow@127.0.0.1:{ports.postgres}/airflow"},
        "SCHEDULER": {"SCHEDULER_IDLE_SLEEP_TIME": "0.5", "ENABLE_HEALTH_CHECK": "False"},
        "DAG_PROCESSOR": {"PARSING_PROCESSES": "1", "MIN_FILE_PROCESS_INTERVAL": "60", "REFRESH_INTERVAL": "60"},
        "METRICS": {
            "STATSD_ON": "True",
            "STATSD_HOST": "127.0.0.1",
            "STATSD_PORT": str(ports.statsd),
            "STATSD_INFLUXDB_ENABLED": "True",
            "STATSD_CUSTOM_CLIENT_PATH": "marketpulse.statsd_client.ConnectedStatsClient",
            "LEGACY_NAMES_ON": "False",
        },
        "LOGGING": {"COLORED_CONSOLE_LOG": "False"},
    }
    options = {f"AIRFLOW__{name}__{key}": value for name, section in sections.items() for key, value in section.items()}
    return {"AIRFLOW_HOME": str(settings.home / "airflow"), **options, **connection_variables(settings)}


def _print_file(path: Path) -> str:
    return f"cat {shlex.quote(str(path))}"


def connection_variables(settings: Settings) -> dict[str, str]:
    """The connections that the DAGs use."""
    kafka = {
        "bootstrap.servers": f"127.0.0.1:{settings.ports.kafka}",
        "enable.idempotence": True,
        "acks": "all",
        # Java's partitioner, so that a key has the same partition whoever produces.
        "partitioner": "murmur2_random",
        "delivery.timeout.ms": 30000,
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.max.bytes": 8388608,
    }
    return {
        "AIRFLOW_CONN_KAFKA_DEFAULT": json.dumps({"conn_type": "kafka", "extra": kafka}),
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps({"conn_type": "spark", "host": "local[2]"}),
        "AIRFLOW_CONN_WAREHOUSE": f"postgresql://marketpulse_loader@127.0.0.1:{settings.ports.postgres}/marketpulse",
    }
