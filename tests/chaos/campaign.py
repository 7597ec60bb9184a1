"""Strikes one fault after another, lets the next runs heal each, and checks everything after each."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checks import Checker
from tests.chaos.expectation import Place
from tests.chaos.faults import Episode, Fault
from tests.chaos.loader import FaultMissed, Loader, LoaderHangs, WritePath, end_loaders
from tests.chaos.messages import Message
from tests.chaos.producer import produce
from tests.chaos.report import Outcome
from tests.chaos.stack import Stack

_RUNS_TO_HEAL = 2


@dataclass
class Campaign:
    """One chaos run over a running stack that holds nothing yet.

    Attributes:
        strikes: Fault, path and repetition of each episode.
        portions: New messages for each episode.
        logs: Where the loaders write.
        delivered: Every message that Kafka has acknowledged, by its place.
    """

    stack: Stack
    strikes: Sequence[tuple[Fault, WritePath, int]]
    portions: Sequence[Sequence[Message]]
    logs: Path
    seed: int
    delivered: dict[Place, Message] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.checker = Checker(self.stack, self.logs)

    def outcomes(self) -> Iterator[Outcome]:
        """Runs the episodes, and yields what came of each."""
        chance = random.Random(self.seed)  # noqa: S311 - reproducible, not secret
        for (fault, path, repetition), portion in zip(self.strikes, self.portions, strict=True):
            produce_portion = self._producer(portion)
            episode = Episode(self.stack, self.logs, path, repetition, produce_portion, chance)
            yield self._run(fault, episode)

    def _producer(self, portion: Sequence[Message]) -> Callable[..., None]:
        def produce_portion(*, in_the_middle: Callable[[], None] | None = None) -> None:
            new = produce(self.stack.bootstrap, portion, in_the_middle=in_the_middle)
            places = {(place.topic, place.partition) for place in new}
            if len(places) < 4 or new.keys() & self.delivered.keys():
                raise FaultMissed(f"{len(new)} messages went to {places} only, or to places that were taken")
            self.delivered |= new

        return produce_portion

    def _run(self, fault: Fault, episode: Episode) -> Outcome:
        runs, seconds, error = None, 0.0, ""
        try:
            with fault.strike(episode):
                began = time.monotonic()
                runs = self._heal(episode.path)
                seconds = time.monotonic() - began
        except (FaultMissed, LoaderHangs) as failure:
            error = f"{type(failure).__name__}: {failure}"
            end_loaders(self.logs)
            self._heal(episode.path)
        findings = self.checker.check(self.delivered)
        return Outcome(fault.name, episode.path, episode.repetition, runs, seconds, error, findings)

    def _heal(self, path: WritePath) -> int | None:
        """Runs the job until it succeeds, at most twice; returns how many runs it took."""
        for run in range(1, _RUNS_TO_HEAL + 1):
            if Loader(self.stack.environment, self.logs, path).wait() == 0:
                return run
        return None
