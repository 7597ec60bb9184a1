"""`make test` and its parts: each in the environment that the code under test runs in."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from marketpulse_stack import install
from marketpulse_stack.commands import run_logged
from marketpulse_stack.console import say
from marketpulse_stack.environment import base_variables
from marketpulse_stack.graph import Step, run_steps
from marketpulse_stack.settings import Settings, source_variables

SYNC_SECONDS = 900.0
#: Checks that run at once, on two cores: many of them wait for services most of the time. With three, stacks start too
#: slowly for their own time limits.
LANES = 2
#: Dependency groups beside `dev`, of pyproject.toml.
_MORE_TOOLS = {"spark": ("spark-dev",), "stack": ("stack-dev",)}
_running: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True)
class Tree:
    """What is checked and tested in one environment.

    Args:
        environment: Its name.
        code: Folders of code.
        parts: Their tests: folders below tests/unit and tests/integration.
        whole: Tests of the whole whose imports this environment has.
    """

    environment: str
    code: tuple[str, ...]
    parts: tuple[str, ...]
    whole: tuple[str, ...] = ()


TREES = (
    Tree(
        "stack",
        ("deploy/local/marketpulse_stack", "simulator", "monitoring/grafana/source"),
        ("simulator", "deploy"),
        (
            "tests/local_stack.py",
            "tests/running_stack.py",
            "tests/dashboards.py",
            "tests/integration/conftest.py",
            "tests/e2e",
            "tests/chaos",
            "tests/drill",
        ),
    ),
    Tree("airflow", ("plugins", "dags"), ("plugins", "dags")),
    Tree("spark", ("spark_jobs/marketpulse_spark",), ("spark_jobs",), ("tests/bench",)),
)


@dataclass(frozen=True)
class Check:
    """One command and the environment whose `bin` it comes from."""

    name: str
    environment: str
    command: tuple[str, ...]


def run_tests(settings: Settings, part: str) -> int:
    """Installs what the tests need and runs one part, or all of them; returns 0 when everything passed."""
    _install(settings, everything=part not in ("lint", "format", "dashboards"))
    parts: dict[str, Callable[[Settings], list[Check]]] = {
        "lint": _lint,
        "unit": lambda settings: _pytest(settings, "unit"),
        "integration": lambda settings: _pytest(settings, "integration"),
        "e2e": lambda settings: [Check("e2e", "stack", ("pytest", "tests/e2e"))],
    }
    rewriting = {"format": _format, "dashboards": _dashboards}
    if part in rewriting:
        return max(_run(settings, check, stdout=None)[0] for check in rewriting[part]())
    checks = [check for name, make in parts.items() if part in (name, "all") for check in make(settings)]
    results = _run_all(settings, checks)
    say("\n=== summary ===")
    for name, code, seconds in results:
        say(f"  {'ok' if code == 0 else 'FAILED':<8}{name:<30}{seconds:7.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def _run_all(settings: Settings, checks: Sequence[Check]) -> list[tuple[str, int, float]]:
    """Runs checks beside one another, each one's output shown when it ends; returns names, exit codes and seconds."""
    results: dict[str, tuple[str, int, float]] = {}
    with ThreadPoolExecutor(LANES) as pool:
        try:
            # The long ones are last in the list and start first, so that no core idles at the end.
            for future in as_completed([pool.submit(_timed, settings, check) for check in reversed(checks)]):
                check, code, output, seconds = future.result()
                say(f"\n=== {check.name} ({seconds:.0f} s) ===\n{output.rstrip()}")
                results[check.name] = (check.name, code, seconds)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(_running):
                # Once: pytest then ends whatever its fixtures have started.
                process.send_signal(signal.SIGINT)
            raise
    return [results[check.name] for check in checks]


def _timed(settings: Settings, check: Check) -> tuple[Check, int, str, float]:
    began = time.monotonic()
    code, output = _run(settings, check)
    return check, code, output, time.monotonic() - began


def _install(settings: Settings, *, everything: bool) -> None:
    # Spark's connector is for `make bench` alone.
    spared = {"spark jars"} if everything else {"spark jars", "kafka jars"}
    needed = [item for name, item in install.items(settings).items() if name not in spared]
    run_steps(
        [
            *(install.step(settings, item) for item in needed),
            *(_sync_step(settings, tree.environment) for tree in TREES),
        ]
    )


def _sync_step(settings: Settings, group: str) -> Step:
    return Step(f"test tools ({group})", lambda: _sync_dev(settings, group), (f"{group} environment",))


def _sync_dev(settings: Settings, group: str) -> str:
    lock = install.items(settings)[f"{group} environment"].version
    groups = [f"--group={name}" for name in (group, "dev", *_MORE_TOOLS.get(group, ()))]
    stamp = settings.tools / "stamps" / f"{group}-test-tools"
    if stamp.exists() and stamp.read_text() == lock:
        return "are there"
    run_logged(
        f"test tools ({group})",
        [install.find_uv(settings), "sync", "--frozen", "--inexact", *groups],
        log=settings.tools / "logs" / f"{group}-test-tools.log",
        environment={**base_variables(settings), **install.uv_variables(settings, group)},
        fix=install.RETRY_FIX,
        timeout=SYNC_SECONDS,
        cwd=settings.root,
    )
    stamp.write_text(lock)
    return "installed"


def _present(settings: Settings, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if any((settings.root / path).rglob("*.py")) or path.endswith(".py"))


def _lint(settings: Settings) -> list[Check]:
    checks = [
        Check("ruff check", "stack", ("ruff", "check", ".")),
        Check("ruff format", "stack", ("ruff", "format", "--check", ".")),
    ]
    for tree in TREES:
        tests = [f"tests/{kind}/{part}" for kind in ("unit", "integration") for part in tree.parts]
        paths = _present(settings, [*tree.code, *tests, *tree.whole])
        cache = f"--cache-dir=.mypy_cache/{tree.environment}"
        checks.append(Check(f"mypy ({tree.environment})", tree.environment, ("mypy", cache, *paths)))
    prometheus = "monitoring/prometheus/prometheus.yml.tmpl"
    mapping = "--statsd.mapping-config=monitoring/statsd/mapping.yml"
    return [
        *checks,
        Check("uv lock", "uv", ("uv", "lock", "--check")),
        Check("promtool", "tools", ("promtool", "check", "config", "--syntax-only", prometheus)),
        Check("statsd mapping", "tools", ("statsd_exporter", "--check-config", mapping)),
        Check("alert rules", "tools", ("promtool", "check", "rules", *_files(settings, "rules/*.yml"))),
        Check("alert rule tests", "tools", ("promtool", "test", "rules", *_files(settings, "rules/tests/*.yml"))),
        Check("alertmanager", "tools", ("amtool", "check-config", "monitoring/alertmanager/alertmanager.yml")),
    ]


def _files(settings: Settings, pattern: str) -> list[str]:
    return sorted(map(str, (settings.root / "monitoring" / "prometheus").glob(pattern)))


def _format() -> list[Check]:
    return [
        Check("ruff check --fix", "stack", ("ruff", "check", "--fix", ".")),
        Check("ruff format", "stack", ("ruff", "format", ".")),
    ]


def _dashboards() -> list[Check]:
    return [Check("dashboards", "stack", ("python", "-m", "monitoring.grafana.source"))]


def _pytest(settings: Settings, kind: str) -> list[Check]:
    return [
        Check(f"{kind} ({tree.environment})", tree.environment, ("pytest", *paths))
        for tree in TREES
        if (paths := _present(settings, [f"tests/{kind}/{part}" for part in tree.parts]))
    ]


def _run(settings: Settings, check: Check, stdout: int | None = subprocess.PIPE) -> tuple[int, str]:
    """Runs a check; returns its exit code and, unless it goes elsewhere, what it printed."""
    folders = {"uv": settings.tools / "uv" / "bin", "tools": settings.tools / "bin"}
    folder = folders.get(check.environment) or settings.python(check.environment).parent
    # The caller's own stack and settings must not leak into tests.
    foreign = {*source_variables(settings.root)}
    starts = ("SIM_", "ALERT_", "AIRFLOW", "PYTHONPATH")
    own = {k: v for k, v in os.environ.items() if k not in foreign and not k.startswith(starts)}
    variables = {
        **own,
        "MARKETPULSE_TOOLS": str(settings.tools),
        "MARKETPULSE_ENV_FILE": os.devnull,
        "PATH": f"{folder}:{own['PATH']}",
    }
    program = str(folder / check.command[0])
    process = subprocess.Popen(
        [program, *check.command[1:]],
        cwd=settings.root,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C reaches us alone; what it means for a check, we say.
        process_group=0,
    )
    _running.add(process)
    try:
        output, _ = process.communicate()
    finally:
        _running.discard(process)
    return process.returncode, output or ""
