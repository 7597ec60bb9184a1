"""How long a minute's spark-submit takes, tuned against untuned: the real job over 500 new messages."""

from __future__ import annotations

import subprocess
import time
from statistics import median

from tests.bench import backlog
from tests.bench.stack import JOB, SPARK_SUBMIT

_MESSAGES = 500


def measure(environment: dict[str, str], topic: backlog.Backlog, rounds: int) -> list[dict[str, object]]:
    """Measures both in turn and returns medians."""
    seconds: dict[str, list[float]] = {"plain": [], "minute": []}
    backlog.empty_tables(environment)
    _submit(environment, "minute")
    for number in range(rounds):
        for profile in seconds:
            topic.add(_MESSAGES)
            seconds[profile].append(_submit(environment, profile))
            print(f"  round {number + 1}: {profile}: {seconds[profile][-1]:.1f} s", flush=True)
    untuned = median(seconds["plain"])
    return [
        {
            "what": name,
            "seconds": round(median(seconds[profile]), 2),
            "ratio": round(median(seconds[profile]) / untuned, 2),
        }
        for profile, name in (("plain", "spark-submit untuned"), ("minute", "spark-submit tuned (default)"))
    ]


def _submit(environment: dict[str, str], profile: str) -> float:
    started = time.monotonic()
    subprocess.run(
        [SPARK_SUBMIT, JOB, "--run-id", "bench"],
        env=environment | {"MARKETPULSE_SPARK_PROFILE": profile},
        capture_output=True,
        check=True,
    )
    return time.monotonic() - started
