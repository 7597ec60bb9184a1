"""`make logs`: follows the services' logs."""

from __future__ import annotations

import os

from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.settings import Settings


def follow(settings: Settings, service: str) -> None:
    """Becomes `tail -F` over one log, or over all of them; Ctrl-C ends it.

    Raises:
        ServiceFailedError: There is no such log.
    """
    files = sorted(settings.logs.glob("*.log"))
    chosen = [file for file in files if not service or file.stem == service]
    if not chosen:
        known = ", ".join(file.stem for file in files) or "none yet: `make up` comes first"
        raise ServiceFailedError(f"There is no log of {service or 'any service'}.", fix=f"Logs: {known}.")
    os.execvp("tail", ["tail", "-n", "40", "-F", *map(str, chosen)])  # noqa: S606 (no shell is what we want)
