"""Every fault of `make chaos`: what it does to a run of the load job, and how it makes sure that it did.

A fault is a context: at its `yield` the damage is done and the next runs may heal it; what stands behind
happens after they have (a zombie wakes up).
"""

from __future__ import annotations

import contextlib
import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, get_args

from tests.chaos.loader import FaultMissed, Loader, WritePath
from tests.chaos.stack import Stack

_IN_TRANSACTION = ("mid_copy", "after_copy", "after_merge", "before_commit")
_SEEN_SECONDS = 30
_DATASET_LOCK = "FROM pg_locks WHERE locktype = 'advisory' AND granted"
_OTHER_LOADERS = (
    "SELECT count(DISTINCT application_name) - 1 FROM pg_stat_activity WHERE application_name LIKE 'load_bars%'"
)
_WAITS_FOR_A_ROW = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"


class Produce(Protocol):
    """Produces the next portion of messages."""

    def __call__(self, *, in_the_middle: Callable[[], None] | None = None) -> None:
        """See `producer.produce`."""


@dataclass(frozen=True)
class Episode:
    """One strike of a fault.

    Attributes:
        repetition: 0 for the first time: faults with variants take turns by it.
    """

    stack: Stack
    folder: Path
    path: WritePath
    repetition: int
    produce: Produce
    chance: random.Random

    def loader(self, fault_point: str = "", *, cores: int = 2) -> Loader:
        """Starts a run of the job."""
        return Loader(self.stack.environment, self.folder, self.path, fault_point=fault_point, cores=cores)

    def held_loader(self, fault_point: str, *, cores: int = 2) -> Loader:
        """Starts a run and waits until it holds at a fault point, which the database confirms."""
        before = self._committed()
        loader = self.loader(fault_point, cores=cores)
        try:
            loader.wait_until_held()
            self._confirm(fault_point, before, one_task=cores == 1)
        except BaseException:
            if loader.runs():
                loader.kill(everything=True)
            raise
        return loader

    def _confirm(self, fault_point: str, before: dict[tuple[str, int], int], *, one_task: bool) -> None:
        """Makes sure that the run stands where its fault point's name says."""
        after = self._committed()
        moved = {
            partition for topic, partition in after if after[topic, partition] != before.get((topic, partition), 0)
        }
        in_transaction = self.query("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'")
        if fault_point == "before_read":
            fits = not moved and not in_transaction
        elif fault_point in _IN_TRANSACTION:
            fits = len(moved) < 2 and in_transaction > 0
        elif fault_point == "after_range_commit" and self.path == "executors":
            fits = len(moved) == 1 if one_task else bool(moved)
        else:
            fits = len(moved) == 2
        if not fits:
            raise FaultMissed(
                f"{fault_point}: partitions {moved} are committed, {in_transaction} sessions hold a transaction"
            )

    def _committed(self) -> dict[tuple[str, int], int]:
        with self.stack.connect() as connection:
            rows = connection.execute("SELECT topic, partition, next_offset FROM ops.kafka_offsets")
            return {(topic, partition): next_offset for topic, partition, next_offset in rows}

    def query(self, statement: str) -> int:
        """The one number that a statement returns."""
        with self.stack.connect() as connection:
            row = connection.execute(statement.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def configure(self, setting: str) -> None:
        """Changes a setting of the server."""
        with self.stack.connect() as connection:
            connection.execute(setting.encode())
            connection.execute("SELECT pg_reload_conf()")

    def wait_for(self, statement: str, what: str) -> None:
        """Waits until a statement returns a number above zero."""
        deadline = time.monotonic() + _SEEN_SECONDS
        while not self.query(statement):
            if time.monotonic() > deadline:
                raise FaultMissed(f"{what} was not seen within {_SEEN_SECONDS} s")
            time.sleep(0.1)


@dataclass(frozen=True)
class Fault:
    """A fault and the write paths that it makes sense for."""

    name: str
    strike: Callable[[Episode], AbstractContextManager[None]]
    paths: tuple[WritePath, ...] = get_args(WritePath)


@contextlib.contextmanager
def _killed_at(episode: Episode, fault_point: str) -> Iterator[None]:
    episode.produce()
    # With one core the tasks come one after another: the second has not begun when the first has committed.
    cores = 1 if fault_point == "after_range_commit" else 2
    loader = episode.held_loader(fault_point, cores=cores)
    loader.kill(everything=episode.repetition % 2 == 1)
    yield


@contextlib.contextmanager
def _killed_at_any_moment(episode: Episode) -> Iterator[None]:
    episode.produce()
    loader = episode.loader()
    time.sleep(episode.chance.uniform(0.5, 8.0))
    if loader.runs():
        loader.kill(everything=episode.repetition % 2 == 1)
    yield


@contextlib.contextmanager
def _two_loaders(episode: Episode) -> Iterator[None]:
    episode.produce()
    loaders = [episode.loader(), episode.loader()]
    codes = [loader.wait() for loader in loaders]
    if all(codes):
        raise FaultMissed(f"Neither of two loaders succeeded: see {' and '.join(str(each.log) for each in loaders)}")
    yield


@contextlib.contextmanager
def _lock_lost(episode: Episode) -> Iterator[None]:
    """Two loaders at the same range: the first loses its lock, as by a fault of the network, and works on."""
    episode.produce()
    first = episode.loader("before_commit")
    episode.wait_for(f"SELECT count(*) {_DATASET_LOCK}", "the first loader's lock")
    second = episode.loader()
    first.wait_until_held()
    episode.wait_for(_OTHER_LOADERS, "the second loader")
    if episode.query(f"SELECT count(pg_terminate_backend(pid)) {_DATASET_LOCK}") != 1:
        raise FaultMissed("Nobody held the lock any more")
    if episode.repetition % 2 == 0:
        episode.wait_for(_WAITS_FOR_A_ROW, "a wait for the ledger's row")
    first.release()
    first.wait()
    second.wait()
    yield


@contextlib.contextmanager
def _zombie(episode: Episode, fault_points: tuple[str, ...]) -> Iterator[None]:
    """A loader stops breathing, another does its work, then the first goes on where it was."""
    episode.produce()
    zombie = episode.held_loader(fault_points[episode.repetition % len(fault_points)])
    zombie.freeze()
    zombie.release()
    try:
        yield
    finally:
        zombie.thaw()
        zombie.wait()


@contextlib.contextmanager
def _postgres_killed(episode: Episode) -> Iterator[None]:
    episode.produce()
    loader = episode.held_loader(_IN_TRANSACTION[episode.repetition % len(_IN_TRANSACTION)])
    episode.stack.kill_postgres()
    loader.release()
    if loader.wait() == 0:
        raise FaultMissed(f"The run succeeded without PostgreSQL: see {loader.log}")
    episode.stack.wait_for_postgres()
    yield


@contextlib.contextmanager
def _commit_answer_lost(episode: Episode) -> Iterator[None]:
    """The transaction is committed, but its connection ends before the answer: only the ledger can tell.

    A commit that waits for a standby is durable already; a server whose standby does not exist is stopped there.
    """
    episode.produce()
    loader = episode.held_loader("before_commit")
    episode.configure("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        loader.release()
        waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        episode.wait_for(f"SELECT count(*) {waiting}", "a commit that waits")
        episode.query(f"SELECT count(pg_terminate_backend(pid)) {waiting}")
    finally:
        episode.configure("ALTER SYSTEM RESET synchronous_standby_names")
    if loader.wait() != 0:
        raise FaultMissed(f"The run did not find its commit in the ledger: see {loader.log}")
    yield


@contextlib.contextmanager
def _kafka_killed(episode: Episode) -> Iterator[None]:
    """The broker dies between the plan of a batch and its reading, or before the plan."""
    episode.produce()
    if episode.repetition % 2 == 0:
        loader = episode.held_loader("before_read")
        episode.stack.kill_kafka()
        loader.release()
    else:
        episode.stack.kill_kafka()
        loader = episode.loader()
    loader.wait()
    episode.stack.wait_for_kafka()
    yield


@contextlib.contextmanager
def _kafka_killed_while_producing(episode: Episode) -> Iterator[None]:
    episode.produce(in_the_middle=episode.stack.kill_kafka)
    episode.stack.wait_for_kafka()
    yield


FAULTS = (
    *(
        Fault(point, functools.partial(_killed_at, fault_point=point))
        for point in ("before_read", *_IN_TRANSACTION, "after_range_commit", "before_exit")
    ),
    Fault("any_moment", _killed_at_any_moment),
    Fault("two_loaders", _two_loaders),
    Fault("lock_lost", _lock_lost),
    Fault("zombie_before_transaction", functools.partial(_zombie, fault_points=("before_read",))),
    Fault(
        "zombie_in_transaction", functools.partial(_zombie, fault_points=("before_commit", "after_copy", "after_merge"))
    ),
    Fault("postgres_killed", _postgres_killed),
    Fault("commit_answer_lost", _commit_answer_lost),
    Fault("kafka_killed", _kafka_killed),
    Fault("kafka_killed_while_producing", _kafka_killed_while_producing, paths=("driver",)),
)
