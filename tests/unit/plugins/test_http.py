from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from marketpulse.config import SourceSettings
from marketpulse.sources import http
from marketpulse.sources.errors import (
    BadApiKey,
    DailyBudgetExhausted,
    Deferred,
    MalformedAnswer,
    RateLimited,
    VendorRefused,
    VendorUnavailable,
)
from marketpulse.sources.http import Answer, VendorClient
from pydantic import SecretStr

from tests.unit.plugins.vendor_server import Grants

KEY = "CANARY/KEY+0001"
Reply = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Replies as the test says, one reply a request, the last one repeated."""

    replies: list[Reply]
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        reply(self)

    def log_message(self, *_: object) -> None:
        pass


def status(code: int, **headers: str) -> Reply:
    def reply(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"ok")

    return reply


def hang(handler: Handler) -> None:
    time.sleep(5)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    for _ in range(50):
        try:
            handler.wfile.write(b"x")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)


class Server:
    def __init__(self, *replies: Reply) -> None:
        handler = type("OneTestHandler", (Handler,), {"replies": list(replies), "asked": []})
        self.asked: list[str] = handler.asked  # type: ignore[attr-defined]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*replies: Reply) -> Server:
        servers.append(Server(*replies))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_back_off", lambda state: 0.01)


def ask(
    url: str,
    read: Callable[[Answer], bytes] = lambda answer: answer.body,
    budget: Grants | None = None,
    **settings: float,
) -> bytes:
    source = SourceSettings.model_validate(
        {
            "name": "vendor",
            "adapter": "vendor",
            "base_url": url,
            "api_key": SecretStr(KEY),
            "timeout_seconds": 0.4,
            **settings,
        }
    )

    async def once() -> bytes:
        client = VendorClient(source, budget or Grants())
        try:
            return await client.ask("MSFT", "/query", {"apikey": KEY, "symbol": "MSFT"}, read)
        finally:
            await client.close()

    return asyncio.run(once())


@pytest.mark.parametrize("failure", [status(500), status(503), status(429, Retry_After="0"), hang])
def test_what_may_pass_is_asked_again(serve: Callable[..., Server], failure: Reply) -> None:
    server = serve(failure, status(200))

    assert ask(server.url) == b"ok"
    assert len(server.asked) == 2


def test_it_gives_up_after_a_few_attempts_with_the_last_error(serve: Callable[..., Server]) -> None:
    server = serve(status(503))

    with pytest.raises(VendorUnavailable, match="HTTP 503 Service Unavailable"):
        ask(server.url)
    assert len(server.asked) == http.ATTEMPTS


@pytest.mark.parametrize(("code", "error"), [(401, BadApiKey), (403, BadApiKey), (404, VendorRefused)])
def test_what_cannot_pass_is_asked_once(serve: Callable[..., Server], code: int, error: type[Exception]) -> None:
    server = serve(status(code))

    with pytest.raises(error):
        ask(server.url)
    assert len(server.asked) == 1


def test_errors_in_an_answer_of_status_200_are_retried_too(serve: Callable[..., Server]) -> None:
    server = serve(status(200))
    answers = iter([RateLimited("vendor", "MSFT", "slow down"), MalformedAnswer("vendor", "MSFT", "<html>"), None])

    def read(answer: Answer) -> bytes:
        error = next(answers)
        if error:
            raise error
        return answer.body

    assert ask(server.url, read) == b"ok"
    assert len(server.asked) == 3


@pytest.mark.parametrize("slow", [hang, drip])
def test_a_slow_vendor_is_bounded(serve: Callable[..., Server], slow: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ATTEMPTS", 1)
    server = serve(slow)
    began = time.monotonic()

    with pytest.raises(VendorUnavailable):
        ask(server.url)
    assert time.monotonic() - began < 4


def test_all_attempts_together_are_bounded(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_WITHIN_SECONDS", 1.5)
    monkeypatch.setattr(http, "ATTEMPTS", 100)
    began = time.monotonic()

    with pytest.raises(VendorUnavailable, match="ReadTimeout"):
        ask(serve(hang).url)
    assert time.monotonic() - began < 4


def test_retry_after_is_waited_for_within_bounds(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LONGEST_WAIT_SECONDS", 0.3)
    began = time.monotonic()

    assert ask(serve(status(429, Retry_After="86400"), status(200)).url) == b"ok"
    assert 0.3 <= time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("refusal", "met"),
    [
        (Deferred("vendor", "MSFT", "not now"), Deferred),
        (DailyBudgetExhausted("vendor", "MSFT", "no more"), DailyBudgetExhausted),
        (TimeoutError(), VendorUnavailable),
    ],
)
def test_without_a_grant_nothing_is_asked(
    serve: Callable[..., Server], refusal: Exception, met: type[Exception]
) -> None:
    server, budget = serve(status(200)), Grants(0, refusal)

    with pytest.raises(met, match=r"not now|no more|its rate leaves no room"):
        ask(server.url, budget=budget)
    assert server.asked == []
    assert budget.closed


@pytest.mark.parametrize("refusal", [Deferred("vendor", "MSFT", "not now"), TimeoutError()])
def test_every_retry_needs_a_grant_and_without_one_the_vendors_error_stands(
    serve: Callable[..., Server], refusal: Exception
) -> None:
    server = serve(status(503))

    with pytest.raises(VendorUnavailable, match="HTTP 503"):
        ask(server.url, budget=Grants(2, refusal))
    assert len(server.asked) == 2


def test_an_old_date_says_that_the_answer_was_composed_then(serve: Callable[..., Server]) -> None:
    seen: list[Answer] = []

    def read(answer: Answer) -> bytes:
        seen.append(answer)
        return answer.body

    def cached(handler: Handler) -> None:
        handler.date_time_string = lambda timestamp=None: "Fri, 15 May 2026 20:00:00 GMT"  # type: ignore[method-assign]
        status(200)(handler)

    ask(serve(cached).url, read)
    ask(serve(status(200)).url, read)

    assert seen[0].composed_at == datetime(2026, 5, 15, 20, 0, tzinfo=UTC) + http.DATE_LAGS_BY
    assert datetime.now(UTC) - seen[1].composed_at < timedelta(seconds=5)
    assert seen[1].composed_at <= seen[1].received_at


def test_a_date_that_lags_by_a_second_does_not_delay_the_newest_bar(serve: Callable[..., Server]) -> None:
    asked_at = datetime.now(UTC)

    def lag(handler: Handler) -> None:
        date = asked_at - timedelta(seconds=1)
        handler.date_time_string = lambda timestamp=None: f"{date:%a, %d %b %Y %H:%M:%S} GMT"  # type: ignore[method-assign]
        status(200)(handler)

    seen: list[datetime] = []

    def read(answer: Answer) -> bytes:
        seen.append(answer.composed_at)
        return answer.body

    ask(serve(lag).url, read)

    assert seen[0] >= asked_at


@pytest.mark.parametrize("failure", [status(401), status(503), hang, None])
def test_the_key_is_in_no_log_and_no_error(
    serve: Callable[..., Server], failure: Reply | None, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(failure or status(200))
    url = server.url if failure else "http://127.0.0.1:1"
    caplog.set_level(logging.DEBUG)

    with pytest.raises((BadApiKey, VendorUnavailable)) as caught:
        ask(url)

    assert any("CANARY%2FKEY%2B0001" in path for path in server.asked) is bool(failure)
    trace = "".join(str(error) for error in (caught.value, caught.value.__cause__, caught.value.__context__))
    for text in (caplog.text, trace):
        assert "CANARY" not in text
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
