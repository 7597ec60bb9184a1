"""How long Airflow takes from a minute's tick to its first task, and from one task to the next."""

from __future__ import annotations

import time
from statistics import median

import psycopg

_SECONDS = 260

_QUERY = """
SELECT 'tick to first task (ingest_bars)' AS what,
       extract(epoch FROM min(t.start_date) - r.run_after)::float8 AS seconds
  FROM dag_run r JOIN task_instance t USING (dag_id, run_id)
 WHERE r.dag_id = 'ingest_bars' AND r.state = 'success' AND t.start_date IS NOT NULL GROUP BY r.id
UNION ALL
SELECT 'published to load_bars running',
       extract(epoch FROM t.start_date - (SELECT max(e.timestamp) FROM asset_event e
                                            JOIN dagrun_asset_event d ON d.event_id = e.id
                                           WHERE d.dag_run_id = r.id))::float8
  FROM dag_run r JOIN task_instance t USING (dag_id, run_id)
 WHERE r.dag_id = 'load_bars' AND t.task_id = 'load_bars' AND r.run_type = 'asset_triggered'
   AND t.start_date IS NOT NULL
UNION ALL
SELECT 'task to task (load_bars to check_bars)', extract(epoch FROM c.start_date - l.end_date)::float8
  FROM task_instance l JOIN task_instance c USING (dag_id, run_id)
 WHERE l.dag_id = 'load_bars' AND l.task_id = 'load_bars' AND c.task_id = 'check_bars'
   AND c.start_date IS NOT NULL AND l.state = 'success'
"""


def measure(environment: dict[str, str]) -> list[dict[str, object]]:
    """Lets a whole stack run for some minutes and reads the delays from Airflow's metadata."""
    print(f"letting the stack run for {_SECONDS} s …", flush=True)
    time.sleep(_SECONDS)

    dsn = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    seconds: dict[str, list[float]] = {}
    with psycopg.connect(dsn.replace("+psycopg2", "").replace("+psycopg", "")) as connection:
        for what, value in connection.execute(_QUERY):
            if value is not None:
                seconds.setdefault(what, []).append(value)
    return [
        {
            "what": what,
            "median_seconds": round(median(values), 2),
            "worst_seconds": round(max(values), 2),
            "runs": len(values),
        }
        for what, values in seconds.items()
    ]
