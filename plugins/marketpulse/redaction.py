"""Keeps API keys out of everything that people read."""

from __future__ import annotations

import logging
from urllib.parse import quote

from pydantic import SecretStr

MASK = "***"


class Redactor:
    """Replaces one secret, plain or URL-encoded, in any text.

    Args:
        secret: What must never be shown; None or an empty one redacts nothing.
    """

    def __init__(self, secret: SecretStr | None) -> None:
        value = secret.get_secret_value() if secret else ""
        self._forms = sorted({form for form in (value, quote(value, safe="")) if form}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without the secret."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text


def silence_request_logs() -> None:
    """Stop the HTTP libraries from logging request addresses: the vendor wants its key in them."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def hide_from_airflow(secret: SecretStr | None) -> None:
    """Have Airflow mask the secret in the task's log, its rendered fields and its pages."""
    if secret and secret.get_secret_value():
        from airflow.sdk.log import mask_secret

        mask_secret(secret.get_secret_value())
