"""Kills a scheduler that has stopped working, so that supervisord starts a new one.

A scheduler that hangs still has a process, so supervisord sees nothing wrong. Its heartbeat in Airflow's metadata
database tells. A heartbeat older than `LIMIT_SECONDS` gets its whole process group SIGKILL.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from dataclasses import dataclass

import psycopg

from marketpulse_stack.postgres import airflow_dsn
from marketpulse_stack.settings import Settings, load_settings
from marketpulse_stack.supervision import ServiceState, Supervisor

LIMIT_SECONDS = 60.0
# A new scheduler imports for a while before its first heartbeat, longer when the machine is busy.
FIRST_HEARTBEAT_SECONDS = 150.0
POLL_SECONDS = 5.0
SCHEDULER = "airflow-scheduler"
NEWEST_HEARTBEAT = "SELECT extract(epoch FROM max(latest_heartbeat)) FROM job WHERE job_type = 'SchedulerJob'"

log = logging.getLogger("scheduler-watchdog")


@dataclass(frozen=True)
class Observation:
    """What is known at one moment; all times are epoch seconds.

    Args:
        now: The moment.
        heartbeat: The newest heartbeat in the database, of whichever scheduler; 0 if there is none.
        started: When the present scheduler process was started.
        blind_until: Until when no heartbeat could be written or read: PostgreSQL was away, or the machine slept.
    """

    now: float
    heartbeat: float
    started: float
    blind_until: float


def is_stuck(seen: Observation) -> bool:
    """Whether the scheduler has to be killed. One that has only just started, or could not write, never is."""
    has_beaten = seen.heartbeat > seen.started
    limit = LIMIT_SECONDS if has_beaten else FIRST_HEARTBEAT_SECONDS
    return seen.now - max(seen.heartbeat, seen.started, seen.blind_until) > limit


def watch(settings: Settings) -> None:
    """Checks every few seconds, for ever."""
    supervisor = Supervisor(settings)
    blind_until, checked = time.time(), time.time()
    while True:
        now = time.time()
        if now - checked > 6 * POLL_SECONDS:
            log.warning("nothing was checked for %.0f s: the machine slept or was overloaded", now - checked)
            blind_until = now
        checked = now
        try:
            heartbeat = read_heartbeat(settings)
            scheduler = supervisor.state(SCHEDULER)
        except (psycopg.Error, OSError) as error:
            log.warning("cannot tell how the scheduler is: %s", str(error).strip())
            blind_until = time.time()
        else:
            if scheduler.state == "RUNNING":
                seen = Observation(now, heartbeat, float(scheduler.started), blind_until)
                if is_stuck(seen):
                    kill(scheduler, seen)
                    blind_until = time.time()
        time.sleep(POLL_SECONDS)


def read_heartbeat(settings: Settings) -> float:
    """The newest scheduler heartbeat, in epoch seconds."""
    with psycopg.connect(airflow_dsn(settings), connect_timeout=3, options="-c statement_timeout=5000") as connection:
        row = connection.execute(NEWEST_HEARTBEAT).fetchone()
    return float(row[0]) if row and row[0] is not None else 0.0


def kill(scheduler: ServiceState, seen: Observation) -> None:
    """Ends the scheduler's process group, its workers included; supervisord starts it again."""
    age = seen.now - max(seen.heartbeat, seen.started)
    log.error("the scheduler (process %d) has been silent for %.0f s: killing it", scheduler.pid, age)
    try:
        os.killpg(scheduler.pid, signal.SIGKILL)
    except ProcessLookupError:
        log.info("process %d has ended by itself", scheduler.pid)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    watch(load_settings(os.environ))
