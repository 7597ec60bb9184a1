"""`make up`: installs, starts and fills a stack; on a running one it changes nothing."""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import partial

from marketpulse_stack import alertmanager, credentials, dags, install, kafka, postgres, preflight, prometheus
from marketpulse_stack.commands import run_logged
from marketpulse_stack.console import say
from marketpulse_stack.environment import base_variables, environment_files, full_environment
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.first_bars import NAME as FIRST_BARS
from marketpulse_stack.first_bars import wait_for_bars
from marketpulse_stack.graph import Step, run_steps
from marketpulse_stack.locking import exclusive
from marketpulse_stack.services import Service, all_services
from marketpulse_stack.settings import Settings
from marketpulse_stack.starting import changed_since_start, start_and_wait
from marketpulse_stack.summary import print_summary
from marketpulse_stack.supervision import ServiceState, Supervisor, ensure_supervisor

SETUP_SECONDS = 300.0
SETUP_FIX = "Read the lines above and run `make up` again: it continues where it stopped."

# What has to be installed before a service can start.
NEEDS = {
    "kafka": ("kafka jars",),
    "airflow-api-server": ("airflow environment",),
    "airflow-scheduler": ("airflow environment", "spark environment"),
    "airflow-dag-processor": ("airflow environment",),
    "airflow-triggerer": ("airflow environment",),
    "statsd-exporter": ("statsd-exporter program",),
    "prometheus": ("prometheus programs",),
    "postgres-exporter": ("prometheus programs",),
    "alertmanager": ("alertmanager program",),
}
# Set-up that has to be done before a service starts.
AFTER = {
    "airflow-api-server": ("Airflow's database",),
    "airflow-scheduler": ("Airflow's database", "Kafka topics", "instruments", "Spark start-up archive"),
    "airflow-dag-processor": ("Airflow's database",),
    # No bar waits for these: they start when the machine has time for them.
    "airflow-triggerer": ("airflow-scheduler",),
    "scheduler-watchdog": ("airflow-scheduler",),
    "health-probe": ("airflow-scheduler",),
    "postgres-exporter": ("postgres", "airflow-scheduler"),
}
# The services that a bar passes, or that pass it on.
BARS_NEED = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")


def up(settings: Settings, *, only: Collection[str] = ()) -> None:
    """Brings a stack up.

    Args:
        settings: The stack.
        only: Names of services; default: all of them, until bars arrive.

    Raises:
        StackError: Something does not work; says what and how to correct it.
    """
    began = time.time()
    for folder in (settings.home, settings.logs, settings.run):
        folder.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.run / "up.lock", wait_seconds=0, waiting_for="`make up`"):
        services = _chosen(all_services(settings), only)
        states = Supervisor(settings).states()
        running = {name for name, state in states.items() if state.running}
        outdated = _outdated(settings, services, states)
        if outdated:
            say("The stack runs with earlier settings; nothing was changed.")
            say(f"  Fix: `make down && make up` applies the new ones to {', '.join(outdated)}.")
            return
        complete = bool(only) or not dags.not_begun(settings)
        if complete and running >= set(services) and all(map(partial(_is_ready, settings), services.values())):
            say("MarketPulse runs already; nothing was changed.")
            if not only:
                print_summary(settings)
            return
        _check_machine(settings, [service for name, service in services.items() if name not in running])
        _write_files(settings, supervised=bool(states))
        say(f"MarketPulse starts in {settings.home}")
        if postgres.is_complete(settings) or "postgres" not in running:
            ensure_supervisor(settings, all_services(settings).values())
        steps = _steps(settings, services)
        if not only:
            steps.append(Step(FIRST_BARS, lambda: wait_for_bars(settings, since=began), BARS_NEED))
            # The last: their first runs all at once would take the machine from what is still being built.
            steps.append(Step(dags.NAME, lambda: dags.begin_others(settings), (FIRST_BARS, *services)))
        run_steps(steps)
        say(f"MarketPulse is up after {time.time() - began:.0f} s.")
        if not only:
            print_summary(settings)


def install_everything(settings: Settings) -> None:
    """Installs all that `make up`, `make chaos` and `make bench` need, and starts nothing."""
    preflight.check_disk([settings.tools], gigabytes=preflight.RUN_GIGABYTES)
    run_steps([install.step(settings, item) for item in install.items(settings).values()])


def _chosen(services: dict[str, Service], only: Collection[str]) -> dict[str, Service]:
    unknown = sorted(set(only) - set(services))
    if unknown:
        raise ServiceFailedError(
            f"There is no service {', '.join(unknown)}.", fix=f"The services are: {', '.join(services)}."
        )
    return {name: service for name, service in services.items() if not only or name in only}


def _outdated(settings: Settings, services: dict[str, Service], states: dict[str, ServiceState]) -> list[str]:
    """What a running stack would do otherwise if it were started now."""
    running = [name for name, state in states.items() if state.running]
    changed = [name for name in services if name in running and changed_since_start(settings, services[name])]
    superfluous = [name for name in running if name not in all_services(settings)]
    unknown = [name for name in services if states and name not in states]
    return changed + superfluous + unknown


def _is_ready(settings: Settings, service: Service) -> bool:
    return not service.ready(float(Supervisor(settings).state(service.name).started))


def _check_machine(settings: Settings, to_start: Collection[Service]) -> None:
    preflight.check_ports([port for service in to_start for port in service.listens])
    complete = all(item.is_installed(settings) for item in _needed(settings, [service.name for service in to_start]))
    needed = preflight.RUN_GIGABYTES if complete else preflight.INSTALL_GIGABYTES
    preflight.check_disk([settings.home, settings.tools], gigabytes=needed)


def _needed(settings: Settings, services: Collection[str]) -> list[install.Item]:
    """What has to be installed for these services."""
    names = {name for service in services for name in NEEDS.get(service, ())}
    return [item for item in install.items(settings).values() if item.name in names]


def _write_files(settings: Settings, *, supervised: bool) -> None:
    credentials.prepare(settings)
    for folder in ("airflow", "prometheus", "alertmanager"):
        (settings.home / folder).mkdir(parents=True, exist_ok=True)
    if not supervised:
        for path, text in environment_files(settings).items():
            credentials.write_private(path, text)
        kafka.write_configuration(settings)
        prometheus.write_configuration(settings)
        alertmanager.write_configuration(settings)


def _steps(settings: Settings, services: dict[str, Service]) -> list[Step]:
    steps = [install.step(settings, item) for item in _needed(settings, services)]
    if "postgres" in services:
        steps.append(Step("PostgreSQL's schema", lambda: _migrate(settings), ("postgres",)))
    if "kafka" in services:
        steps.append(Step("Kafka topics", lambda: _create_topics(settings), ("kafka",)))
    if "airflow-scheduler" in services:
        steps += [
            Step("Airflow's database", lambda: _migrate_airflow(settings), ("postgres", "airflow environment")),
            Step("instruments", lambda: _sync_instruments(settings), ("PostgreSQL's schema", "airflow environment")),
            Step(
                "Spark start-up archive",
                lambda: _train_archive(settings),
                ("spark environment",),
            ),
        ]
    not_started = all_services(settings).keys() - services.keys()
    return [*steps, *(_start_step(settings, service, not_started) for service in services.values())]


def _start_step(settings: Settings, service: Service, not_started: Collection[str]) -> Step:
    after = [name for name in AFTER.get(service.name, ()) if name not in not_started]
    return Step(service.name, lambda: _start(settings, service), (*NEEDS.get(service.name, ()), *after))


def _start(settings: Settings, service: Service) -> str:
    if service.name == "postgres" and not postgres.is_complete(settings):
        # Its set-up never came to an end, so it holds nothing yet: the safe way on is a new cluster.
        Supervisor(settings).stop("postgres", wait=True)
        postgres.create_cluster(settings)
    if service.name == "kafka":
        kafka.format_storage(settings, base_variables(settings))
    note = start_and_wait(settings, service)
    if service.name == "postgres":
        postgres.create_roles(settings)
    return note


def _migrate(settings: Settings) -> str:
    applied = postgres.migrate(settings)
    return f"{applied} migrations applied" if applied else "is current"


def _create_topics(settings: Settings) -> str:
    created = kafka.ensure_topics(settings)
    return f"created {', '.join(created)}" if created else "are there"


def _migrate_airflow(settings: Settings) -> str:
    packages = settings.python("airflow").parents[1].glob("lib/*/site-packages/apache_airflow-*.dist-info")
    version = " ".join(sorted(package.name for package in packages))
    stamp = settings.home / "airflow" / "database_version"
    if stamp.exists() and stamp.read_text() == version:
        return "is current"
    _run(settings, "Airflow's database", [str(settings.python("airflow").with_name("airflow")), "db", "migrate"])
    stamp.write_text(version)
    return "migrated"


def _sync_instruments(settings: Settings) -> str:
    _run(settings, "instruments", [str(settings.python("airflow")), "-m", "marketpulse.sync_instruments"])
    return "config/instruments.yml is in market.instruments"


def _train_archive(settings: Settings) -> str:
    _run(settings, "Spark start-up archive", [str(settings.root / "spark_jobs" / "bin" / "train-archive")])
    return "fits"


def _run(settings: Settings, name: str, command: list[str]) -> None:
    log = settings.logs / f"setup-{name.lower().replace(' ', '-').replace(chr(39), '')}.log"
    run_logged(
        name,
        command,
        log=log,
        environment=full_environment(settings),
        fix=SETUP_FIX,
        timeout=SETUP_SECONDS,
        cwd=settings.root,
    )
