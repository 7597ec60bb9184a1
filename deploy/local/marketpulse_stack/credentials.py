"""Passwords and keys: generated once for each stack, never in the repository, readable by the owner only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from marketpulse_stack.settings import API_KEY, SIMULATED_VENDOR, Settings

DATABASE_ROLES = (
    "postgres",
    "marketpulse_owner",
    "marketpulse_loader",
    "marketpulse_reader",
    "marketpulse_monitor",
    "airflow",
)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def secret(settings: Settings, name: str, generate: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
    """The secret of that name, generated at its first use and kept in `secrets/<name>`."""
    path = settings.secrets / name
    if not path.exists():
        write_private(path, generate() + "\n")
    return path.read_text().strip()


def database_password(settings: Settings, role: str) -> str:
    """The password of a PostgreSQL role."""
    return secret(settings, f"postgres_{role}_password")


def vendor_keys(settings: Settings) -> dict[str, str]:
    """The keys that ingestion sends, by variable: the user's, and a generated one for the simulator."""
    if not settings.uses_simulator:
        return dict(settings.keys)
    simulated = secret(settings, "simulator_api_key", lambda: f"SIM{secrets.token_hex(12).upper()}")
    return {SIMULATED_VENDOR + API_KEY: simulated, **settings.keys}


def prepare(settings: Settings) -> None:
    """Generates what is missing and writes the files that other programs read."""
    settings.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    pgpass = "".join(
        f"127.0.0.1:{settings.ports.postgres}:*:{role}:{database_password(settings, role)}\n" for role in DATABASE_ROLES
    )
    write_private(settings.secrets / "pgpass", pgpass)
    secret(settings, "airflow_fernet_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    secret(settings, "airflow_secret_key")
    secret(settings, "airflow_jwt_secret", lambda: secrets.token_urlsafe(64))
    passwords = {"admin": secret(settings, "airflow_admin_password")}
    write_private(settings.secrets / "airflow_passwords.json", json.dumps(passwords) + "\n")
    keys = "".join(f"{name}={key}\n" for name, key in sorted(vendor_keys(settings).items()))
    write_private(settings.secrets / "env", keys)
