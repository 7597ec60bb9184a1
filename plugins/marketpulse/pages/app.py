"""The application of all pages: what they share, and who gets in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse

from marketpulse.pages import dead_letters, lineage
from marketpulse.pages.access import SIGNED_IN

FOLDER = Path(__file__).parent
log = logging.getLogger(__name__)
#: Nothing from elsewhere, no script in the page itself: what a vendor wrote into a message stays text.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@cache
def make_app() -> FastAPI:
    """Every route needs a login; those that change something say what else they need."""
    app = FastAPI(title="MarketPulse", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[SIGNED_IN])
    app.include_router(dead_letters.router)
    app.include_router(lineage.router)

    @app.exception_handler(psycopg.DataError)
    async def refuse(_: Request, __: Exception) -> Response:
        return PlainTextResponse("That cannot be in the warehouse: a NUL byte, or a number too large.", 422)

    @app.exception_handler(psycopg.OperationalError)
    async def wait(_: Request, error: Exception) -> Response:
        log.error("the warehouse does not answer: %s", error)
        return PlainTextResponse("The warehouse does not answer. Nothing was changed; try again in a minute.", 503)

    @app.get("/pages.css")
    def style() -> FileResponse:
        return FileResponse(FOLDER / "pages.css")

    @app.get("/pages.js")
    def script() -> FileResponse:
        return FileResponse(FOLDER / "pages.js")

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    return app
