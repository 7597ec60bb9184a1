"""The simulator as the stack runs it: a server process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
START_SECONDS = 60
STOP_SECONDS = 20
BARS = """symbol,ts_utc,open,high,low,close,volume
MSFT,2020-12-18T20:59:00Z,218.63,218.7500,218.63,218.75,14910
"""


@dataclass
class Server:
    """A running simulator and the file that it writes its log to."""

    process: subprocess.Popen[bytes]
    http: httpx.Client
    log: Path

    def stop(self) -> int:
        """Ends the server as its supervisor would, and returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


StartServer = Callable[..., Server]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(port: int) -> list[str]:
    application = ["simulator.app:create_app", "--factory"]
    return [sys.executable, "-m", "uvicorn", *application, "--host", "127.0.0.1", "--port", str(port)]


def environment(settings: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIM_")}
    return inherited | settings


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    servers: list[Server] = []

    def start_server(**settings: str) -> Server:
        port = free_port()
        log = tmp_path / f"{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port), cwd=REPOSITORY, env=environment(settings), stdout=output, stderr=subprocess.STDOUT
            )
        server = Server(process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20), log)
        servers.append(server)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            try:
                if server.http.get("/health").status_code == 200:
                    return server
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError(f"The simulator did not start:\n{log.read_text()}")

    yield start_server
    for server in servers:
        server.http.close()
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(STOP_SECONDS)


def test_it_serves_hides_keys_and_stops(start: StartServer) -> None:
    server = start()
    question = {"function": "CRYPTO_INTRADAY", "symbol": "BTC", "market": "USD", "interval": "1min"}
    answer = server.http.get("/query", params={**question, "apikey": "CANARY-KEY"})
    assert len(answer.json()["Time Series Crypto (1min)"]) == 100

    full = {**question, "outputsize": "full", "apikey": "CANARY-KEY"}
    server.http.get("/query", params=full)
    began = time.perf_counter()
    body = server.http.get("/query", params=full)
    # Measured 0.4 s over the loopback; the bound leaves room for a busy machine.
    assert time.perf_counter() - began < 3.0
    assert body.text.count('"5. volume"') == 43_200

    assert server.stop() in (0, -signal.SIGTERM)
    assert "CANARY-KEY" not in server.log.read_text()
    assert "CRYPTO_INTRADAY" in server.log.read_text()


def test_two_processes_are_one_market(start: StartServer) -> None:
    moment = {"SIM_CLOCK_START": "2026-05-15T18:30:00Z", "SIM_CLOCK_SPEED": "0.001", "SIM_SEED": "11"}
    question = {"function": "TIME_SERIES_INTRADAY", "symbol": "NVDA", "interval": "1min", "apikey": "k"}
    answers = {start(**moment).http.get("/query", params=question).text for _ in range(2)}
    assert len(answers) == 1


def test_it_replays_a_file(start: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(BARS)
    server = start(SIM_REPLAY_FILE=str(path), SIM_CLOCK_START="2020-12-19T01:05:00Z")
    question = {"function": "TIME_SERIES_INTRADAY", "symbol": "MSFT", "interval": "1min", "datatype": "csv"}
    lines = server.http.get("/query", params={**question, "apikey": "k"}).text.split("\r\n")
    assert lines[1:] == ["2020-12-18 15:59:00,218.63,218.7500,218.63,218.75,14910", ""]


def test_a_client_that_gives_up_on_a_hang_does_not_hold_up_the_stop(start: StartServer) -> None:
    server = start()
    assert server.http.post("/admin/faults", json={"kind": "hang", "seconds": 600}).status_code == 201
    with pytest.raises(httpx.ReadTimeout):
        server.http.get("/query", params={"function": "MARKET_STATUS", "apikey": "k"}, timeout=0.5)
    assert server.http.get("/health").status_code == 200
    server.http.close()
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10


def test_clearing_a_hang_lets_the_answer_go(start: StartServer) -> None:
    server = start()
    server.http.post("/admin/faults", json={"kind": "hang", "seconds": 600})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.http.get, "/query", params={"function": "MARKET_STATUS", "apikey": "k"})
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.5)
        assert server.http.get("/admin/faults").json()[0]["hits"] == 1
        assert server.http.delete("/admin/faults").json() == {"cleared": 1}
        assert answer.result(timeout=10).status_code == 200


def test_a_file_with_a_bad_line_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(BARS + "MSFT,2020-12-18T21:00:00Z,1,2,1,oops,3\n")
    finished = subprocess.run(
        command(free_port()),
        cwd=REPOSITORY,
        env=environment({"SIM_REPLAY_FILE": str(path)}),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert finished.returncode != 0
    assert "line 3: close 'oops' is not a plain decimal" in finished.stderr.splitlines()[-1]
