"""The services of the stack: how each is started, where it listens, how to tell that it is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from marketpulse_stack import install, kafka, postgres, readiness
from marketpulse_stack.settings import Settings


@dataclass(frozen=True)
class Service:
    """One supervised program.

    Args:
        name: Its name in `make status`, in `make logs S=name` and of its log file.
        command: The program and its arguments.
        env_files: Files of KEY=VALUE lines: the only variables it sees.
        directory: Its working directory.
        listens: (variable, port, "tcp" or "udp") of each port on 127.0.0.1.
        ready: Raises or returns a reason as long as it is not ready; an empty string when it is.
        ready_seconds: How long that may take.
        stop_signal: What ends it in an orderly way.
        stop_seconds: How long that may take before it is killed.
        stop_as_group: Whether its children get that signal too.
        fix: What to try when it does not become ready.
    """

    name: str
    command: tuple[str, ...]
    env_files: tuple[Path, ...]
    directory: Path
    ready: Callable[[float], str]
    ready_seconds: float
    listens: tuple[tuple[str, int, str], ...] = ()
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    stop_as_group: bool = True
    fix: str = "Read the log; `make down && make up` starts afresh."


def all_services(settings: Settings) -> dict[str, Service]:
    """Every service of this stack, by name, in the order of `make status`."""
    ports = settings.ports
    base = settings.run / "base.env"
    runtime = (base, settings.home / "env", settings.secrets / "env")
    local = f"http://127.0.0.1:{ports.airflow}"
    airflow = str(settings.python("airflow").with_name("airflow"))
    health = f"{local}/api/v2/monitor/health"

    def airflow_part(name: str, *arguments: str) -> Service:
        component = name.removeprefix("airflow-").replace("-", "_")
        return Service(
            name=name,
            command=(airflow, *arguments),
            env_files=runtime,
            directory=settings.root,
            ready=lambda started: readiness.airflow_component(health, component, started),
            ready_seconds=120,
            stop_seconds=8,
        )

    def stack_part(name: str, module: str) -> Service:
        return Service(
            name=name,
            command=(str(settings.python("stack")), "-m", f"marketpulse_stack.{module}"),
            env_files=(base, settings.run / "stack.env"),
            directory=settings.root,
            ready=lambda started: "",
            ready_seconds=10,
        )

    services = [
        Service(
            name="postgres",
            command=postgres.server_command(settings),
            env_files=(base,),
            directory=settings.home,
            listens=(("POSTGRES_PORT", ports.postgres, "tcp"),),
            ready=lambda started: postgres.not_ready(settings),
            ready_seconds=60,
            stop_signal="INT",
            stop_seconds=30,
            stop_as_group=False,
        ),
        Service(
            name="kafka",
            command=kafka.server_command(settings),
            env_files=(base,),
            directory=settings.home,
            listens=(
                ("KAFKA_PORT", ports.kafka, "tcp"),
                ("KAFKA_CONTROLLER_PORT", ports.kafka_controller, "tcp"),
                ("KAFKA_EXPORTER_PORT", ports.kafka_exporter, "tcp"),
            ),
            ready=lambda started: kafka.not_ready(settings),
            ready_seconds=90,
            stop_seconds=20,
        ),
        Service(
            name="airflow-api-server",
            command=(airflow, "api-server"),
            env_files=runtime,
            directory=settings.root,
            listens=(("AIRFLOW_PORT", ports.airflow, "tcp"),),
            ready=lambda started: readiness.http(health),
            ready_seconds=120,
            stop_seconds=8,
        ),
        airflow_part("airflow-scheduler", "scheduler", "--skip-serve-logs"),
        airflow_part("airflow-dag-processor", "dag-processor"),
        airflow_part("airflow-triggerer", "triggerer", "--skip-serve-logs"),
        stack_part("scheduler-watchdog", "watchdog"),
        stack_part("health-probe", "probe"),
        Service(
            name="statsd-exporter",
            command=(
                str(settings.tools / "bin" / "statsd_exporter"),
                f"--web.listen-address=127.0.0.1:{ports.statsd_exporter}",
                f"--statsd.listen-udp=127.0.0.1:{ports.statsd}",
                "--statsd.listen-tcp=",
                f"--statsd.mapping-config={settings.root / 'monitoring' / 'statsd' / 'mapping.yml'}",
            ),
            env_files=(base,),
            directory=settings.home,
            listens=(
                ("STATSD_PORT", ports.statsd, "udp"),
                ("STATSD_EXPORTER_PORT", ports.statsd_exporter, "tcp"),
            ),
            ready=lambda started: readiness.http(f"http://127.0.0.1:{ports.statsd_exporter}/-/healthy"),
            ready_seconds=30,
        ),
        Service(
            name="postgres-exporter",
            command=(
                str(settings.tools / "bin" / install.POSTGRES_EXPORTER),
                f"--web.listen-address=127.0.0.1:{ports.postgres_exporter}",
                # Our queries and nothing else: what it collects by itself is another set in each release, and that of
                # Debian's knows no PostgreSQL 18.
                "--disable-default-metrics",
                "--disable-settings-metrics",
                f"@{settings.tools / install.POSTGRES_COLLECTORS_OFF}",
                f"--extend.query-path={settings.root / 'monitoring' / 'postgres' / 'queries.yml'}",
            ),
            env_files=(base, settings.run / "postgres-exporter.env"),
            directory=settings.home,
            listens=(("POSTGRES_EXPORTER_PORT", ports.postgres_exporter, "tcp"),),
            ready=lambda started: readiness.http(f"http://127.0.0.1:{ports.postgres_exporter}/"),
            ready_seconds=30,
        ),
        Service(
            name="prometheus",
            command=(
                str(settings.tools / "bin" / "prometheus"),
                f"--config.file={settings.run / 'prometheus.yml'}",
                f"--storage.tsdb.path={settings.home / 'prometheus'}",
                "--storage.tsdb.retention.time=15d",
                f"--web.listen-address=127.0.0.1:{ports.prometheus}",
            ),
            env_files=(base,),
            directory=settings.home,
            listens=(("PROMETHEUS_PORT", ports.prometheus, "tcp"),),
            ready=lambda started: readiness.http(f"http://127.0.0.1:{ports.prometheus}/-/ready"),
            ready_seconds=60,
        ),
        Service(
            name="alertmanager",
            command=(
                str(settings.tools / "bin" / "alertmanager"),
                f"--config.file={settings.run / 'alertmanager.yml'}",
                f"--storage.path={settings.home / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{ports.alertmanager}",
                # One of its kind: it looks for no others.
                "--cluster.listen-address=",
            ),
            env_files=(base,),
            directory=settings.home,
            listens=(("ALERTMANAGER_PORT", ports.alertmanager, "tcp"),),
            ready=lambda started: readiness.http(f"http://127.0.0.1:{ports.alertmanager}/-/ready"),
            ready_seconds=30,
        ),
    ]
    if settings.uses_simulator:
        services.insert(2, _simulator(settings, base))
    return {service.name: service for service in services}


def _simulator(settings: Settings, base: Path) -> Service:
    port = settings.ports.simulator
    return Service(
        name="simulator",
        command=(
            str(settings.python("stack")),
            "-m",
            "uvicorn",
            "simulator.app:create_app",
            "--factory",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-access-log",
            # A client that waits for the answer of a simulated hang must not hold up a stop.
            "--timeout-graceful-shutdown",
            "3",
        ),
        env_files=(base, settings.run / "simulator.env"),
        directory=settings.root,
        listens=(("SIMULATOR_PORT", port, "tcp"),),
        ready=lambda started: readiness.http(f"http://127.0.0.1:{port}/health"),
        ready_seconds=60,
    )
