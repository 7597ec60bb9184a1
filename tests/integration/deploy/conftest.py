"""What watches PostgreSQL and Kafka, beside them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from marketpulse_stack.settings import Settings, load_settings

from tests.dashboards import Ask
from tests.local_stack import REPOSITORY, run_stack


@pytest.fixture(scope="session")
def monitored(stack_environment: dict[str, str]) -> Settings:
    """The stack of the tests with its exporters and Prometheus, scraped as in `make up`."""
    # What a service gets names the pipeline's code; the stack's command is other code.
    variables = {**stack_environment, "PYTHONPATH": str(REPOSITORY / "deploy" / "local")}
    run_stack(variables, "up", "--only", "postgres-exporter,statsd-exporter,prometheus")
    return load_settings(stack_environment)


@pytest.fixture(scope="session")
def ask(monitored: Settings) -> Ask:
    """What Prometheus answers to an expression now."""
    url = f"http://127.0.0.1:{monitored.ports.prometheus}/api/v1/query"

    def query(expression: str) -> list[dict[str, Any]]:
        answer = httpx.get(url, params={"query": expression}, timeout=10, trust_env=False)
        assert answer.is_success, f"{expression}: {answer.text}"
        series: list[dict[str, Any]] = answer.json()["data"]["result"]
        return series

    return query
