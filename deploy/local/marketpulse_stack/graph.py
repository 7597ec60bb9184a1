"""Runs steps in parallel, each as soon as those it needs are done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from marketpulse_stack.commands import CancelledError, cancel_all
from marketpulse_stack.console import step_done


@dataclass(frozen=True)
class Step:
    """One step of the set-up.

    Args:
        name: As shown, and as others name it in `after`.
        run: Does it; returns a note for the user.
        after: The steps that must be done before.
    """

    name: str
    run: Callable[[], str]
    after: tuple[str, ...] = ()


def run_steps(steps: Sequence[Step]) -> None:
    """Runs all steps; shows each with its seconds.

    The first failure ends the commands that other steps run, waits for these steps, and is raised.
    """
    waiting = {step.name: step for step in steps}
    _check(steps)
    done: set[str] = set()
    running: dict[Future[str], tuple[Step, float]] = {}
    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=max(1, len(steps))) as pool:
        try:
            while (waiting and failure is None) or running:
                if failure is None:
                    for step in [step for step in waiting.values() if done.issuperset(step.after)]:
                        del waiting[step.name]
                        running[pool.submit(step.run)] = (step, time.monotonic())
                # A time-out, so that the main thread notices Ctrl-C.
                finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in finished:
                    step, started = running.pop(future)
                    error = future.exception()
                    if error is None:
                        done.add(step.name)
                        step_done(step.name, time.monotonic() - started, future.result())
                    elif failure is None or isinstance(failure, CancelledError):
                        failure = error
                        cancel_all()
        except BaseException:
            cancel_all()
            raise
    if failure is not None:
        raise failure


def _check(steps: Sequence[Step]) -> None:
    """Refuses steps that could never all be run."""
    rest = {step.name: set(step.after) for step in steps}
    if len(rest) < len(steps):
        raise ValueError(f"two steps have one name: {sorted(step.name for step in steps)}")
    while ready := [name for name, after in rest.items() if not after & rest.keys()]:
        for name in ready:
            del rest[name]
    unknown = {name for step in steps for name in step.after} - {step.name for step in steps}
    if rest or unknown:
        raise ValueError(f"steps wait for each other ({sorted(rest)}) or for what is not there ({sorted(unknown)})")
