"""What a person on call would see: every alert that Alertmanager shows, and every message that it sends."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_POLL_SECONDS = 1.0
#: Says that alerts arrive; it always fires.
_HEARTBEAT = "heartbeat"


@dataclass(frozen=True)
class Message:
    """One alert of a notification.

    Attributes:
        at: When it arrived, in seconds since 1970.
        firing: Whether it fires; otherwise it has ended.
    """

    at: float
    alert: str
    severity: str
    firing: bool


@dataclass
class Firing:
    """One alert from its first sight to its last; seconds since 1970, `ended` 0 while it fires."""

    alert: str
    severity: str
    began: float
    ended: float = 0.0


class Watch:
    """Receives Alertmanager's notifications, and asks it every second what fires and is not inhibited.

    Args:
        port: Where notifications arrive, on 127.0.0.1.
        alertmanager: Alertmanager's address.
    """

    def __init__(self, port: int, alertmanager: str) -> None:
        self._port = port
        self._client = httpx.Client(base_url=alertmanager, timeout=5, trust_env=False)
        self._ended = threading.Event()
        self._seen: dict[str, list[Firing]] = {}
        self.messages: list[Message] = []

    def firings(self) -> list[Firing]:
        """Every alert that was seen, in the order of their beginning."""
        return sorted((each for of_one in list(self._seen.values()) for each in of_one), key=lambda each: each.began)

    def now(self, severity: str = "") -> list[str]:
        """The alerts that fire, of one severity or of any."""
        fires = (each for each in self.firings() if not each.ended)
        return sorted({each.alert for each in fires if severity in ("", each.severity)})

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Watches."""
        server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=self._poll)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            server.shutdown()
            for thread in threads:
                thread.join()
            server.server_close()
            self._client.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        messages = self.messages

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for alert in body["alerts"]:
                    labels = alert["labels"]
                    fires = alert["status"] == "firing"
                    messages.append(Message(time.time(), labels["alertname"], labels["severity"], fires))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                """Says nothing: the drill prints what it found."""

        return Handler

    def _poll(self) -> None:
        while not self._ended.wait(_POLL_SECONDS):
            with contextlib.suppress(httpx.HTTPError):
                self._note(self._active())

    def _active(self) -> dict[str, tuple[str, str]]:
        shown = {"active": "true", "inhibited": "false", "silenced": "false"}
        alerts = self._client.get("/api/v2/alerts", params=shown).raise_for_status().json()
        labels = {each["fingerprint"]: each["labels"] for each in alerts}
        return {
            fingerprint: (each["alertname"], each["severity"])
            for fingerprint, each in labels.items()
            if each["severity"] != _HEARTBEAT
        }

    def _note(self, active: dict[str, tuple[str, str]]) -> None:
        now = time.time()
        for fingerprint, (alert, severity) in active.items():
            of_one = self._seen.setdefault(fingerprint, [])
            if not of_one or of_one[-1].ended:
                of_one.append(Firing(alert, severity, now))
        for fingerprint, of_one in self._seen.items():
            if fingerprint not in active and not of_one[-1].ended:
                of_one[-1].ended = now
