"""Which code made a number."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from marketpulse_spark.warehouse import sql_root


@functools.cache
def code_version() -> str:
    """The first 12 hexadecimal digits of the SHA-256 of this package's modules and of the SQL of `analytics`.

    A commit would not do: the code may be installed without one, or changed since.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in [*sorted(package.rglob("*.py")), *sorted((sql_root() / "analytics").rglob("*.sql"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
