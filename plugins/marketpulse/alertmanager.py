"""Telling Alertmanager of something that Airflow notices by itself (its API v2)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx

from marketpulse import metrics

ANSWER_SECONDS = 5

log = logging.getLogger(__name__)


async def post_alert(labels: Mapping[str, str], annotations: Mapping[str, str], lasts: timedelta) -> None:
    """Post an alert that resolves by itself.

    The same labels again, whoever sends them, are the same alert to Alertmanager. One that cannot be posted is logged
    and counted, and fails nothing: Prometheus' own rules are the other way.

    Args:
        labels: As in `monitoring/prometheus/rules`, `alertname` among them: they choose the route.
        annotations: What people read.
        lasts: It resolves after this, unless it is posted again.
    """
    url = os.environ.get("ALERTMANAGER_URL")
    if not url:
        log.info("ALERTMANAGER_URL is not set: %s is not posted", labels["alertname"])
        return
    now = datetime.now(UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + lasts).isoformat()}
    alert = {"labels": labels, "annotations": annotations, **times}
    try:
        # Each step of a request has its own time-out; this is for all of them.
        async with asyncio.timeout(ANSWER_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{url}/api/v2/alerts", json=[alert])
            answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        log.error("%s was not posted: %s: %s", labels["alertname"], type(error).__name__, error)
        metrics.count("alerts_not_posted", 1, alertname=labels["alertname"])
