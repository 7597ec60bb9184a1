"""Whether a service answers in its own protocol. Each probe returns why not, or an empty string."""

from __future__ import annotations

from datetime import datetime

import httpx

PROBE_SECONDS = 3.0


def http(url: str) -> str:
    """A service that answers a GET with 200."""
    try:
        response = httpx.get(url, timeout=PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if response.status_code == 200 else f"{url} answers {response.status_code}"


def airflow_component(url: str, component: str, started: float) -> str:
    """An Airflow process whose heartbeat in the metadata database is newer than its start (epoch seconds)."""
    try:
        health = httpx.get(url, timeout=PROBE_SECONDS, trust_env=False).raise_for_status().json()[component]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return f"{url}: {error or type(error).__name__}"
    heartbeat = health[f"latest_{component}_heartbeat"]
    if heartbeat is None or datetime.fromisoformat(heartbeat).timestamp() < started:
        return "no heartbeat yet"
    return "" if health["status"] == "healthy" else f"its state is {health['status']}"
