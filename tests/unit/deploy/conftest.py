"""Settings of a stack that is never started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from marketpulse_stack.settings import REPOSITORY, SOURCES_FILE, Settings, load_settings


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the sources: no `.env`."""
    root = tmp_path / "checkout"
    (root / "config").mkdir(parents=True)
    shutil.copy(REPOSITORY / SOURCES_FILE, root / SOURCES_FILE)
    return root


@pytest.fixture
def settings(checkout: Path) -> Settings:
    """All defaults, in a folder of its own."""
    stack = load_settings({}, root=checkout)
    for folder in (stack.home, stack.logs, stack.run):
        folder.mkdir(parents=True, exist_ok=True)
    return stack
