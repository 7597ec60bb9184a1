"""What `make up` demands of the machine before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from marketpulse_stack import install, preflight, up
from marketpulse_stack.services import all_services
from marketpulse_stack.settings import load_settings


@pytest.mark.parametrize(
    ("absent", "wanted"),
    [
        ("nothing", preflight.RUN_GIGABYTES),
        ("spark jars", preflight.RUN_GIGABYTES),
        ("kafka jars", preflight.INSTALL_GIGABYTES),
    ],
)
def test_room_to_install_is_asked_for_only_where_something_is_to_be_installed(
    absent: str, wanted: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def remember(folders: Sequence[Path], *, gigabytes: float) -> None:
        asked.append(gigabytes)

    monkeypatch.setattr(preflight, "check_ports", lambda ports: None)
    monkeypatch.setattr(preflight, "check_disk", remember)
    settings = load_settings({"MARKETPULSE_HOME": str(tmp_path), "MARKETPULSE_TOOLS": str(tmp_path / "tools")})
    for name, item in install.items(settings).items():
        if name != absent:
            item.target.parent.mkdir(parents=True, exist_ok=True)
            item.target.touch()
            item.stamp(settings).parent.mkdir(parents=True, exist_ok=True)
            item.stamp(settings).write_text(item.version)
    up._check_machine(settings, list(all_services(settings).values()))
    assert asked == [wanted]
