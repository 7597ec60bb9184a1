"""`make chaos`: kills the load job, PostgreSQL and Kafka where it hurts, and proves that nothing is lost or doubled.

Boots a PostgreSQL and a Kafka of its own, produces messages whose outcome is known, strikes each fault while new
messages wait on both partitions of both topics, lets the next runs heal it, and compares everything with an
independent computation. Prints a table; writes chaos.json into the state folder; returns 1 when a check fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import get_args

from tests.chaos.campaign import Campaign
from tests.chaos.faults import FAULTS
from tests.chaos.loader import WritePath, end_loaders
from tests.chaos.messages import make_portions, write_down
from tests.chaos.producer import NotDelivered
from tests.chaos.report import Outcome, table, write_json
from tests.chaos.stack import Stack
from tests.local_stack import REPOSITORY, StackBroken

_POISON_MESSAGES = 50


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, metavar="FAULT", help=f"one of {', '.join(names)}")
    parser.add_argument("--path", choices=get_args(WritePath), help="driver: small batches; executors: large ones")
    parser.add_argument("--times", type=int, default=3, help="how often each fault strikes on each path")
    parser.add_argument("--messages", type=int, default=20_000, help="how many are produced in all, at least")
    parser.add_argument("--seed", type=int, default=20_200_102, help="of the messages and of random moments")
    return parser.parse_args(argv)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str]) -> int:
    """Runs the campaign; returns 0 when every check holds."""
    arguments = _parse(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    strikes = [
        (fault, path, repetition)
        for fault in FAULTS
        for path in fault.paths
        if (not arguments.only or fault.name in arguments.only) and arguments.path in (None, path)
        for repetition in range(arguments.times)
    ]
    if not strikes:
        sys.exit("Nothing to do: no fault of that name strikes on that path.")
    state = REPOSITORY / os.environ.get("MARKETPULSE_HOME", ".run")
    home = state / "chaos"
    logs = home / "loaders"
    stack = Stack(home / "stack")
    stack.remove()
    shutil.rmtree(home, ignore_errors=True)
    logs.mkdir(parents=True)
    portions = make_portions(len(strikes), arguments.messages, _POISON_MESSAGES, arguments.seed)
    write_down(portions, home / "expected.jsonl")
    began = time.monotonic()
    outcomes: list[Outcome] = []
    try:
        with stack:
            campaign = Campaign(stack, strikes, portions, logs, arguments.seed)
            for number, outcome in enumerate(campaign.outcomes(), start=1):
                outcomes.append(outcome)
                print(f"{number:>3}/{len(strikes)}  {outcome.line()}", flush=True)
    except (StackBroken, NotDelivered) as error:
        print(f"The chaos run cannot go on: {error}", file=sys.stderr)
    finally:
        end_loaders(logs)
    kinds = Counter(message.kind for portion in portions for message in portion)
    facts = {
        "seed": arguments.seed,
        "messages": sum(kinds.values()),
        "poison": sum(bool(message.reason) for portion in portions for message in portion),
        "kinds": dict(kinds),
        "seconds": round(time.monotonic() - began, 1),
    }
    write_json(state / "chaos.json", outcomes, facts)
    print(f"\n{table(outcomes)}\n")
    failed = sum(not outcome.holds for outcome in outcomes)
    print(f"{facts['messages']} messages, {facts['poison']} of them poison; {facts['seconds']} s")
    print(f"{len(outcomes)} of {len(strikes)} strikes, {failed} failed; JSON: {state / 'chaos.json'}; logs: {home}")
    if failed or len(outcomes) < len(strikes):
        return 1
    # The data of a failed run is kept: it shows what went wrong.
    stack.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
