"""Strikes one fault after another, and measures what follows."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
from marketpulse_stack.health import find_problems
from marketpulse_stack.services import all_services
from marketpulse_stack.supervision import Supervisor

from tests.drill.faults import SOURCE, Fault
from tests.drill.report import DETECT_SECONDS, Outcome
from tests.drill.stack import SYMBOLS
from tests.drill.watch import Watch
from tests.running_stack import RunningStack

_MINUTE = timedelta(minutes=1)
#: A bar is due so long after its minute has ended: a poll and a load take a third of it.
_DUE_AFTER = timedelta(seconds=40)
#: The longest window of an alert on a counter is five minutes for pages, a quarter of an hour for tickets.
_CALM_SECONDS = 600.0
_RESOLVED_SECONDS = 1500.0
_GIVE_UP_SECONDS = 2 * DETECT_SECONDS
#: Until Alertmanager has sent what it shows, and what it would show beside it.
_SENT_SECONDS = 30.0
_PRESENT = "SELECT count(*) FROM market.bars_1m WHERE source = %s AND symbol = ANY(%s) AND ts >= %s AND ts < %s"
#: Offsets below the ledger that no range has, or more than one.
_UNCOVERED = """
    SELECT coalesce(sum(abs(o.next_offset - r.first_offset - r.covered)), 0)
      FROM ops.kafka_offsets o
      JOIN (SELECT topic, partition, min(start_offset) AS first_offset, sum(end_offset - start_offset) AS covered
              FROM ops.batch_ranges GROUP BY topic, partition) r USING (topic, partition)
"""


class Campaign:
    """One drill over a running stack.

    Args:
        stack: What is broken.
        watch: Sees its alerts.
    """

    def __init__(self, stack: RunningStack, watch: Watch) -> None:
        self._stack = stack
        self._watch = watch
        self._began = datetime.now(UTC).replace(second=0, microsecond=0) - 60 * _MINUTE
        self._mended: dict[int, float] = {}

    def outcomes(self, faults: Sequence[Fault]) -> Iterator[Outcome]:
        """Strikes each fault once the stack is calm; yields what came of it, its alert's end still unknown."""
        for fault in faults:
            _wait(functools.partial(self._is_calm, fault.alert), _CALM_SECONDS)
            yield self._strike(fault)

    def resolve(self, outcomes: Sequence[Outcome]) -> None:
        """Waits until the faults' alerts have ended, and notes when."""
        alerts = {outcome.alert for outcome in outcomes}
        _wait(lambda: alerts.isdisjoint(self._watch.now()), _RESOLVED_SECONDS)
        for outcome in outcomes:
            mended = self._mended[id(outcome)]
            of_it = [each for each in self._watch.firings() if each.alert == outcome.alert and each.began <= mended]
            if of_it and of_it[-1].ended:
                outcome.resolved = max(0.0, of_it[-1].ended - mended)

    def is_whole(self) -> bool:
        """Whether every service is ready, and every bar is there that is due."""
        try:
            return self._missing() == 0 and not any(self._problems().values())
        except psycopg.OperationalError:
            return False

    def _is_calm(self, alert: str) -> bool:
        return not self._watch.now("page") and alert not in self._watch.now() and self.is_whole()

    def _strike(self, fault: Fault) -> Outcome:
        outcome = Outcome(fault.name, fault.alert)
        sent = len(self._watch.messages)
        began = time.time()
        with fault.strike(self._stack):
            detected = _wait(lambda: self._firing_since(fault.alert, began) is not None, _GIVE_UP_SECONDS)
            if detected is not None:
                outcome.detected = (self._firing_since(fault.alert, began) or began) - began
                time.sleep(_SENT_SECONDS)
        self._mended[id(outcome)] = time.time()
        outcome.recovered = _wait(self.is_whole, _CALM_SECONDS)
        outcome.missing = -1 if outcome.recovered is None else self._missing() + self._uncovered()
        pages = {each.alert for each in self._watch.messages[sent:] if each.firing and each.severity == "page"}
        outcome.other_pages = sorted(pages - {fault.alert} - self._still_firing(began))
        return outcome

    def _firing_since(self, alert: str, moment: float) -> float | None:
        of_it = [each.began for each in self._watch.firings() if each.alert == alert and each.began >= moment]
        return of_it[0] if of_it else None

    def _still_firing(self, moment: float) -> set[str]:
        """What fired before: Alertmanager sends it once more when its group changes."""
        return {each.alert for each in self._watch.firings() if each.began < moment}

    def _missing(self) -> int:
        end = (datetime.now(UTC) - _DUE_AFTER).replace(second=0, microsecond=0)
        ((present,),) = self._stack.query(_PRESENT, SOURCE, list(SYMBOLS), self._began, end)
        return len(SYMBOLS) * ((end - self._began) // _MINUTE) - int(present)

    def _uncovered(self) -> int:
        ((messages,),) = self._stack.query(_UNCOVERED)
        return int(messages)

    def _problems(self) -> dict[str, str]:
        settings = self._stack.settings
        return find_problems(all_services(settings), Supervisor(settings).states())


def _wait(condition: Callable[[], bool], seconds: float) -> float | None:
    """Waits until a condition holds; returns after how many seconds, or nothing when it does not in time."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(0.5)
    return None
