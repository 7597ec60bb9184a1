"""The columns of analytics.indicators_1m and of the view that analysts read: those that the job computes."""

from __future__ import annotations

import psycopg
from marketpulse_spark.transforms.bars import KEY
from marketpulse_spark.transforms.indicators import INDICATORS

from tests.unit.spark_jobs.test_add_an_indicator import MIGRATION, sections

_COLUMNS = (
    "SELECT column_name FROM information_schema.columns WHERE (table_schema, table_name) = (%s, %s)"
    " ORDER BY ordinal_position"
)


def columns(owner: psycopg.Connection, schema: str) -> list[str]:
    return [name for (name,) in owner.execute(_COLUMNS, [schema, "indicators_1m"])]


def test_table_and_view_have_every_indicator(owner: psycopg.Connection) -> None:
    assert sorted(columns(owner, "analytics")) == sorted([*KEY, *INDICATORS])
    assert columns(owner, "reports") == ["name", "kind", "currency", "close", "volume", *columns(owner, "analytics")]


def test_the_migration_of_the_how_to_adds_its_column_to_both(owner: psycopg.Connection) -> None:
    before = {schema: columns(owner, schema) for schema in ("analytics", "reports")}
    with owner.transaction(force_rollback=True):
        owner.execute(sections()[MIGRATION].encode())
        for schema, known in before.items():
            assert columns(owner, schema) == [*known, "efficiency_ratio_10"]
