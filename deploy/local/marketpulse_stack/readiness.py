"""Whether a service answers in its own protocol. Each probe returns why not, or an empty string."""

from __future__ import annotations

from datetime import datetime

import httpx

PROBE_SECONDS = 3.0
#: One for all: each would read the system's certificates anew, some 20 ms of work. Every probe connects afresh: a
#: connection that is kept says nothing of a service that has been started since.
_CLIENT = httpx.Client(timeout=PROBE_SECONDS, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


def http(url: str) -> str:
    """A service that answers a GET with 200."""
    try:
        response = _CLIENT.get(url)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if response.status_code == 200 else f"{url} answers {response.status_code}"


def airflow_component(url: str, component: str, started: float) -> str:
    """An Airflow process whose heartbeat in the metadata database is newer than its start (epoch seconds)."""
    try:
        health = _CLIENT.get(url).raise_for_status().json()[component]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"{url}: {error or type(error).__name__}"
    heartbeat = health[f"latest_{component}_heartbeat"]
    if heartbeat is None or datetime.fromisoformat(heartbeat).timestamp() < started:
        return "no heartbeat yet"
    return "" if health["status"] == "healthy" else f"its state is {health['status']}"
