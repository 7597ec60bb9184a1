"""What the health probe tells."""

from __future__ import annotations

import os
from dataclasses import replace

from marketpulse_stack.probe import observe
from marketpulse_stack.services import Service, all_services
from marketpulse_stack.settings import Settings
from marketpulse_stack.supervision import ServiceState


def _service(settings: Settings, name: str, problem: str) -> Service:
    return replace(all_services(settings)["kafka"], name=name, ready=lambda started: problem)


def test_it_tells_of_services_memory_and_disk(settings: Settings) -> None:
    settings.tools.mkdir(parents=True, exist_ok=True)
    services = {name: _service(settings, name, problem) for name, problem in (("well", ""), ("ill", "refused"))}
    services["away"] = _service(settings, "away", "")
    states = {
        name: ServiceState(name, "RUNNING" if name != "away" else "BACKOFF", os.getpid(), 1_000, "")
        for name in services
    }

    lines = list(observe(settings, services, states))

    assert [line for line in lines if "service_up" in line] == [
        "marketpulse.service_up,service=well:1|g",
        "marketpulse.service_up,service=ill:0|g",
        "marketpulse.service_up,service=away:0|g",
    ]
    assert "marketpulse.service_started_timestamp_seconds,service=ill:1000|g" in lines
    assert not any("service=away" in line and "service_up" not in line for line in lines)
    values = {line.split(":")[0]: int(line.split(":")[1].removesuffix("|g")) for line in lines}
    assert values["marketpulse.service_memory_bytes,service=well"] > 1_000_000
    for volume in ("state", "software"):
        size = values[f"marketpulse.disk_size_bytes,volume={volume}"]
        assert 0 < values[f"marketpulse.disk_free_bytes,volume={volume}"] < size


def test_without_supervisord_nothing_is_up(settings: Settings) -> None:
    settings.tools.mkdir(parents=True, exist_ok=True)
    lines = list(observe(settings, {"kafka": _service(settings, "kafka", "")}, {}))

    assert lines[0] == "marketpulse.service_up,service=kafka:0|g"
    assert not any("service_memory" in line for line in lines)
