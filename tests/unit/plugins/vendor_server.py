"""A vendor on 127.0.0.1 that answers as a test says, over real HTTP; and leave to ask it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from marketpulse.sources.http import ANSWER_WITHIN_SECONDS


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


Reply = Callable[[Asked], tuple[int, bytes]]


@dataclass
class Vendor:
    """Where it listens, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def vendor(reply: Reply) -> Iterator[Vendor]:
    """Runs a vendor that gives each request the status and body of `reply`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            asked = Asked(address.path, dict(parse_qsl(address.query)), dict(self.headers))
            listening.asked.append(asked)
            status, body = reply(asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    listening = Vendor(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield listening
    finally:
        server.shutdown()
        server.server_close()


class Grants:
    """A budget of so many requests; what it says when they are spent."""

    def __init__(self, requests: int = 1000, then: Exception | None = None) -> None:
        self._left = requests
        self._then = then
        self.closed = False

    async def take(self, symbol: str, within_seconds: float) -> None:
        assert 0 < within_seconds <= ANSWER_WITHIN_SECONDS
        self._left -= 1
        if self._left < 0 and self._then:
            raise self._then

    async def close(self) -> None:
        self.closed = True
