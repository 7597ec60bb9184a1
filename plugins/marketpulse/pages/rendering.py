"""Templates to pages: everything that is put in is escaped."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined


def page(request: Request, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
    """Render a template of `templates/`.

    Args:
        request: What is answered; the template gets the prefix of all pages' addresses from it.
        template: Its name.
        status_code: Of the answer.
        **values: What it names.
    """
    root = request.scope.get("root_path", "")
    return HTMLResponse(_environment().get_template(template).render(root=root, **values), status_code)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["utc"] = _utc
    environment.filters["text"] = readable
    return environment


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def readable(payload: bytes | None) -> str:
    r"""A message as text: bytes that are no UTF-8 as `\xff`, those that no page can show as their symbols."""
    text = (payload or b"").decode(errors="backslashreplace")
    return "".join(chr(0x2400 + ord(each)) if each < " " and each not in "\t\r\n" else each for each in text)
