"""How long each question of `reports/` takes on ten million bars, with what is shown before anything is chosen."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from statistics import quantiles

import psycopg
from psycopg import RawCursor

from tests.local_stack import TOOLS

_DATA = Path(__file__).with_name("ten_million_bars.sql")
_CALLS = 20
_AIRFLOW_PYTHON = str(TOOLS / "venvs/airflow/bin/python")
# Read where pydantic is; asked here.
_STATEMENTS = """
import json
from marketpulse.reports.catalogue import load_catalogue
catalogue = load_catalogue()
print(json.dumps({
    question.name: [
        question.statement({name: f"${number}" for number, name in enumerate(question.parameters, 1)}.__getitem__),
        [catalogue.parameters[name].default for name in question.parameters],
    ]
    for question in catalogue.questions.values()
}))
"""


def measure(environment: dict[str, str]) -> list[dict[str, object]]:
    """Fills the warehouse and asks each question as the reader; the slowest comes first."""
    subprocess.run([_AIRFLOW_PYTHON, "-m", "marketpulse.sync_instruments"], env=environment, check=True)
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    print("filling ten million bars …", flush=True)
    with psycopg.connect(dsn.replace("marketpulse_loader@", "marketpulse_owner@"), autocommit=True) as owner:
        owner.execute(_DATA.read_bytes())
        owner.execute("VACUUM ANALYZE")
        ((bars,),) = owner.execute("SELECT count(*) FROM market.bars_1m").fetchall()
    print(f"  {bars} bars", flush=True)
    found = subprocess.run([_AIRFLOW_PYTHON, "-c", _STATEMENTS], env=environment, check=True, stdout=subprocess.PIPE)
    results: list[dict[str, object]] = []
    with psycopg.connect(dsn.replace("marketpulse_loader@", "marketpulse_reader@"), autocommit=True) as reader:
        for name, (statement, values) in json.loads(found.stdout).items():
            rows, seconds = 0, []
            for _ in range(_CALLS):
                began = time.perf_counter()
                with RawCursor(reader) as cursor:
                    rows = len(cursor.execute(statement.encode(), values).fetchall())
                seconds.append(time.perf_counter() - began)
            median, p95 = quantiles(seconds, n=2)[0] * 1000, quantiles(seconds, n=20, method="inclusive")[-1] * 1000
            print(f"  {name}: {rows} rows, {median:.1f} ms, p95 {p95:.1f} ms", flush=True)
            results.append({"question": name, "rows": rows, "median ms": round(median, 1), "p95 ms": round(p95, 1)})
    return sorted(results, key=lambda result: -float(str(result["p95 ms"])))
