"""A PostgreSQL proxy that loses the answer to one commit, or the commit itself."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit


class LossyProxy:
    """Forwards bytes on loopback until a client says COMMIT; then cuts that connection, once."""

    def __init__(self, upstream: tuple[str, int], *, deliver_commit: bool) -> None:
        self.commits_lost = 0
        self._upstream = upstream
        self._deliver_commit = deliver_commit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(20)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=[client], daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._upstream) as server, contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for side in ready:
                    data = side.recv(65536)
                    if not data:
                        return
                    if side is client and b"COMMIT" in data and not self.commits_lost:
                        self.commits_lost += 1
                        if self._deliver_commit:
                            server.sendall(data)
                            # Until the server has answered, it may not have done it yet.
                            server.recv(65536)
                        return
                    (server if side is client else client).sendall(data)


@contextlib.contextmanager
def lossy_proxy(dsn: str, password: str, *, deliver_commit: bool) -> Iterator[tuple[LossyProxy, str]]:
    """A proxy before the server of `dsn`; yields it and the DSN that goes through it."""
    parts = urlsplit(dsn)
    assert parts.hostname
    assert parts.port
    proxy = LossyProxy((parts.hostname, parts.port), deliver_commit=deliver_commit)
    try:
        yield proxy, f"postgresql://{parts.username}:{password}@127.0.0.1:{proxy.port}{parts.path}?sslmode=disable"
    finally:
        proxy.close()
