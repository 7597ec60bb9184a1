"""A project whose config/sources.yml says something else."""

from __future__ import annotations

from pathlib import Path

from tests.local_stack import REPOSITORY


def project_with(folder: Path, stands: str, instead: str) -> Path:
    """Makes a project in a folder, with one text of its config/sources.yml replaced; returns its root."""
    sources = (REPOSITORY / "config/sources.yml").read_text()
    assert stands in sources
    root = folder / "project"
    (root / "config").mkdir(parents=True)
    for name in ("sql", "contracts", "config/instruments.yml"):
        (root / name).symlink_to(REPOSITORY / name)
    (root / "config/sources.yml").write_text(sources.replace(stands, instead))
    return root
