"""`make drill`: breaks a running stack in every way that people get paged for, and measures what follows.

Boots a stack of its own, strikes one fault after another, and for each measures how long until the right alert fires,
whether any other page is sent, how long the stack needs to be well again once the fault has ended, and whether every
bar is there. Prints a table; writes drill.json into the state folder; returns 1 when something does not hold.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from tests.drill.campaign import Campaign
from tests.drill.faults import FAULTS
from tests.drill.report import Outcome, table, write_json
from tests.drill.stack import drilled_stack, has_small_disk
from tests.drill.watch import Watch
from tests.local_stack import REPOSITORY

_ON_A_SMALL_DISK = "disk full"


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="drill", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    names = [fault.name for fault in FAULTS]
    parser.add_argument("--only", action="append", choices=names, metavar="FAULT", help=f"one of {', '.join(names)}")
    return parser.parse_args(argv)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str]) -> int:
    """Runs the drill; returns 0 when everything holds."""
    arguments = _parse(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    faults = [fault for fault in FAULTS if not arguments.only or fault.name in arguments.only]
    if not has_small_disk():
        print(f"Left out: {_ON_A_SMALL_DISK}, because only root can mount a small file system.", flush=True)
        faults = [fault for fault in faults if fault.name != _ON_A_SMALL_DISK]
    outcomes: list[Outcome] = []
    with drilled_stack() as (stack, port):
        watch = Watch(port, f"http://127.0.0.1:{stack.settings.ports.alertmanager}")
        with watch.running():
            campaign = Campaign(stack, watch)
            for number, outcome in enumerate(campaign.outcomes(faults), start=1):
                outcomes.append(outcome)
                print(f"{number:>3}/{len(faults)}  {outcome}", flush=True)
            campaign.resolve(outcomes)
    write_json(REPOSITORY / os.environ.get("MARKETPULSE_HOME", ".run") / "drill.json", outcomes)
    print(f"\n{table(outcomes)}\n")
    for outcome in outcomes:
        for failure in outcome.failures:
            print(f"FAILED  {outcome.fault}: {failure}")
    return 1 if any(outcome.failures for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
