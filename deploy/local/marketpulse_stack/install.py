"""What the stack installs into `.tools`: each item once, then only when its lock, pom or version changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from marketpulse_stack.commands import run_logged
from marketpulse_stack.console import say
from marketpulse_stack.environment import base_variables
from marketpulse_stack.errors import MissingPrerequisiteError, StepFailedError
from marketpulse_stack.graph import Step
from marketpulse_stack.locking import exclusive
from marketpulse_stack.settings import Settings

STATSD_EXPORTER = "github.com/prometheus/statsd_exporter@v0.31.0"
# Debian's package has no web page and finds its templates only where it is installed.
ALERTMANAGER = "github.com/prometheus/alertmanager/cmd/...@v0.28.1"
POSTGRES_EXPORTER = "prometheus-postgres-exporter"
POSTGRES_COLLECTORS_OFF = "postgres-exporter-collectors-off"
PROMETHEUS_PACKAGES = ("prometheus", POSTGRES_EXPORTER)
PROMETHEUS_PROGRAMS = ("prometheus", "promtool", POSTGRES_EXPORTER)
INSTALL_SECONDS = 1200.0
#: A registry or name server that is away for a moment is none of the user's business.
ATTEMPTS = 3
_GO = threading.Lock()
RETRY_FIX = "Check the network and run `make up` again: it continues where it stopped."


@dataclass(frozen=True)
class Item:
    """One thing to install.

    Args:
        name: As shown.
        target: A path that exists once it is installed.
        version: Changes whenever it has to be installed anew.
        install: Installs it.
    """

    name: str
    target: Path
    version: str
    install: Callable[[Settings], None]

    def stamp(self, settings: Settings) -> Path:
        """Where the installed version is written down."""
        return settings.tools / "stamps" / self.name.replace(" ", "-")

    def is_installed(self, settings: Settings) -> bool:
        """Whether that version is there."""
        stamp = self.stamp(settings)
        return self.target.exists() and stamp.exists() and stamp.read_text() == self.version


def items(settings: Settings) -> dict[str, Item]:
    """Everything that can be installed, by name."""
    local, bin_folder = settings.root / "deploy" / "local", settings.tools / "bin"
    lock = _digest(settings.root / "uv.lock", settings.root / "pyproject.toml")
    all_items = [
        *(
            Item(f"{group} environment", settings.python(group), lock, _Sync(group))
            for group in ("airflow", "spark", "stack")
        ),
        *(
            Item(f"{name} jars", settings.tools / "jars" / name, _digest(local / name / "pom.xml"), _Jars(name))
            for name in ("kafka", "spark")
        ),
        *(
            Item(f"{name} program", bin_folder / program, module, _GoPrograms(name, module))
            for name, program, module in (
                ("statsd-exporter", "statsd_exporter", STATSD_EXPORTER),
                ("alertmanager", "alertmanager", ALERTMANAGER),
            )
        ),
        Item("prometheus programs", bin_folder / POSTGRES_EXPORTER, " ".join(PROMETHEUS_PROGRAMS), _install_prometheus),
    ]
    return {item.name: item for item in all_items}


def ensure(settings: Settings, item: Item) -> str:
    """Installs an item unless it is there; returns a note for the user.

    Raises:
        StackError: It cannot be installed; says why and what to do.
    """
    if item.is_installed(settings):
        return "is there"
    lock = settings.tools / "locks" / item.name.replace(" ", "-")
    with exclusive(lock, wait_seconds=INSTALL_SECONDS, waiting_for=f"another installation of {item.name}"):
        if item.is_installed(settings):
            return "is there"
        item.install(settings)
        stamp = item.stamp(settings)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(item.version)
    return "installed"


def step(settings: Settings, item: Item) -> Step:
    """The installation of an item as a step of the set-up."""
    return Step(item.name, lambda: ensure(settings, item))


def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _run(
    settings: Settings,
    name: str,
    command: Sequence[str | os.PathLike[str]],
    *,
    variables: Mapping[str, str] | None = None,
    fix: str = RETRY_FIX,
    cwd: Path | None = None,
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            run_logged(
                name,
                command,
                log=settings.tools / "logs" / f"{name.replace(' ', '-')}.log",
                environment={**base_variables(settings), **(variables or {})},
                fix=fix,
                timeout=INSTALL_SECONDS,
                cwd=cwd or settings.root,
            )
        except StepFailedError as error:
            if attempt == ATTEMPTS:
                raise
            say(f"  ..  {name} is tried again: {str(error).splitlines()[0]}")
        else:
            return


class _Sync:
    """Installs one of the environments of uv.lock."""

    def __init__(self, group: str) -> None:
        self._group = group

    def __call__(self, settings: Settings) -> None:
        # --inexact: what tests and linters added for themselves stays.
        _run(
            settings,
            f"{self._group} environment",
            [find_uv(settings), "sync", "--frozen", "--inexact", "--group", self._group],
            variables=uv_variables(settings, self._group),
        )


def uv_variables(settings: Settings, group: str) -> dict[str, str]:
    """Where uv shall install an environment, and with which Python."""
    existing = settings.python(group)
    # An environment that exists keeps its Python: naming another would make uv build it anew, without test tools.
    interpreter = existing if existing.exists() else getattr(sys, "_base_executable", sys.executable)
    return {
        "UV_PROJECT_ENVIRONMENT": str(settings.python(group).parents[1]),
        "UV_PYTHON": str(interpreter),
        "UV_PYTHON_DOWNLOADS": "never",
    }


def find_uv(settings: Settings) -> str:
    """The uv that bootstrap.sh installed."""
    return str(settings.tools / "uv" / "bin" / "uv")


class _Jars:
    """Copies the jars of one pom and of what it depends on."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, settings: Settings) -> None:
        require("mvn", "Maven", "apt-get install maven openjdk-17-jre-headless")
        final = settings.tools / "jars" / self._name
        draft = final.with_name(f"{self._name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        pom = settings.root / "deploy" / "local" / self._name / "pom.xml"
        _run(
            settings,
            f"{self._name} jars",
            [
                "mvn", "-B", "-ntp", "-f", pom, "dependency:copy-dependencies",
                f"-DoutputDirectory={draft}", "-DincludeScope=runtime",
            ],
        )  # fmt: skip
        shutil.rmtree(final, ignore_errors=True)
        draft.rename(final)


class _GoPrograms:
    """Builds the programs of a Go module."""

    def __init__(self, name: str, module: str) -> None:
        self._name = name
        self._module = module

    def __call__(self, settings: Settings) -> None:
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        if go is None:
            raise MissingPrerequisiteError(
                f"Go is missing; {self._name} is built with it.",
                fix="Install Go 1.21 or newer: https://go.dev/dl/ (Debian 12's golang is too old).",
            )
        # One at a time: two would compile what they share twice.
        with _GO:
            _run(
                settings,
                self._name,
                # It compiles for long, and what waits for it starts in a moment: what others wait for goes first.
                ["nice", "-n", "15", go, "install", self._module],
                variables={"GOBIN": str(settings.tools / "bin"), "CGO_ENABLED": "0"},
                fix="It needs the network and Go 1.21 or newer (`go version`; Debian 12's is too old: https://go.dev/dl/).",
            )


def _install_prometheus(settings: Settings) -> None:
    bin_folder = settings.tools / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    on_path = (shutil.which(name, path=_system_path()) for name in PROMETHEUS_PROGRAMS)
    programs = [Path(program) for program in on_path if program]
    if len(programs) < len(PROMETHEUS_PROGRAMS):
        folder = _unpack_debian_packages(settings)
        programs = [folder / name for name in PROMETHEUS_PROGRAMS]
    for program in programs:
        link = bin_folder / program.name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    _write_collectors_off(settings)


def _system_path() -> str:
    own = f"{os.sep}.tools{os.sep}"
    return os.pathsep.join(part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if own not in part)


def _unpack_debian_packages(settings: Settings) -> Path:
    """Unpacks Debian's packages without installing them: no service is started, and no root is needed."""
    require("apt-get", "prometheus", f"install {', '.join(PROMETHEUS_PROGRAMS)}: https://prometheus.io/download/")
    folder = settings.tools / "prometheus"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install = f"apt-get install --no-install-recommends {' '.join(PROMETHEUS_PACKAGES)}"
    fix = f"As root: `apt-get update && {install}`, then `make up` again."
    known = (
        subprocess.run(["apt-cache", "show", *PROMETHEUS_PACKAGES], capture_output=True, check=False).returncode == 0
    )
    if not known and os.geteuid() == 0:
        _run(settings, "apt-get update", ["apt-get", "-q", "update"], fix=fix)
    download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *PROMETHEUS_PACKAGES]
    _run(settings, "prometheus", download, fix=fix, cwd=folder)
    for package in folder.glob("*.deb"):
        _run(settings, "unpack prometheus", ["dpkg-deb", "-x", package, folder], fix=fix)
        package.unlink()
    return folder / "usr" / "bin"


def _write_collectors_off(settings: Settings) -> None:
    """Arguments that switch off what postgres_exporter collects by itself: another set in each of its releases."""
    usage = run_logged(
        "postgres-exporter's help",
        [settings.tools / "bin" / POSTGRES_EXPORTER, "--help"],
        log=settings.tools / "logs" / "postgres-exporter-help.log",
        environment=base_variables(settings),
        fix=RETRY_FIX,
        timeout=10,
        cwd=settings.root,
    )
    names = re.findall(r"^ +--(?:\[no-\])?collector\.(\w+)", usage, re.MULTILINE)
    (settings.tools / POSTGRES_COLLECTORS_OFF).write_text("".join(f"--no-collector.{name}\n" for name in names))


def require(program: str, name: str, command: str) -> None:
    """Checks that a program of the system is there.

    Raises:
        MissingPrerequisiteError: It is not; says which command installs it.
    """
    if shutil.which(program) is None:
        raise MissingPrerequisiteError(f"{name} is missing ({program} is not on PATH).", fix=f"`{command}`")
