"""What Airflow's plugin manager finds: the pages of MarketPulse in the UI's navigation.

Every Airflow process imports this file, each task's too, so it imports nothing of the pages itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

PREFIX = "/marketpulse"
_Message = MutableMapping[str, Any]


async def pages(
    scope: _Message, receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    """The ASGI application of the pages, made by the first request that reaches it."""
    from marketpulse.pages.app import make_app

    await make_app()(scope, receive, send)


class MarketPulsePages(AirflowPlugin):
    """The pages, and where the UI shows them."""

    name = "marketpulse_pages"
    fastapi_apps = [{"name": "MarketPulse", "app": pages, "url_prefix": PREFIX}]  # noqa: RUF012 - as the base has it
    external_views = [  # noqa: RUF012 - as the base has it
        {"name": name, "href": f"{PREFIX}/{route}", "url_route": route, "destination": "nav", "category": "browse"}
        for name, route in (("Dead letters", "dead-letters"), ("Lineage", "lineage"))
    ]
