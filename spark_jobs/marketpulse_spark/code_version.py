"""Which code made a number, and which DAG had it made."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from marketpulse_spark.warehouse import sql_root


@functools.cache
def code_version() -> str:
    """The first 12 hexadecimal digits of the SHA-256 of this package's modules and of the SQL that they run.

    A commit would not do: the code may be installed without one, or changed since.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    statements = (path for path in sql_root().rglob("*.sql") if path.parent.name != "migrations")
    for path in [*sorted(package.rglob("*.py")), *sorted(statements)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def dag_id() -> str | None:
    """The DAG whose task started this process, as Airflow tells every process of a task; None for a person's."""
    return os.environ.get("AIRFLOW_CTX_DAG_ID")
