"""Ports and disk, with real sockets and the real disk."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from marketpulse_stack.errors import NotEnoughDiskError, PortInUseError
from marketpulse_stack.preflight import check_disk, check_ports


def test_taken_port_is_named_with_its_process_and_the_variable_to_set() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(PortInUseError) as caught:
            check_ports([("KAFKA_PORT", port, "tcp")])
    text = str(caught.value)
    assert f"ort {port} is in use by " in text
    assert f"(process {os.getpid()})" in text
    assert "Set KAFKA_PORT" in text
    check_ports([("KAFKA_PORT", port, "tcp")])


def test_listener_on_all_interfaces_counts_too() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))  # noqa: S104
        listener.listen()
        with pytest.raises(PortInUseError):
            check_ports([("AIRFLOW_PORT", listener.getsockname()[1], "tcp")])


def test_taken_udp_port_is_found_and_all_are_named_in_one_message() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as first, socket.socket(type=socket.SOCK_DGRAM) as second:
        for udp in (first, second):
            udp.bind(("127.0.0.1", 0))
        wanted = [("STATSD_PORT", first.getsockname()[1], "udp"), ("OTHER_PORT", second.getsockname()[1], "udp")]
        with pytest.raises(PortInUseError, match="Set STATSD_PORT and OTHER_PORT"):
            check_ports(wanted)


def test_full_disk_is_named_with_what_is_free(tmp_path: Path) -> None:
    check_disk([tmp_path / "not" / "yet" / "there"], gigabytes=0)
    with pytest.raises(NotEnoughDiskError, match=r"GB are free at .*; 1e\+06 GB are needed"):
        check_disk([tmp_path], gigabytes=1_000_000)
