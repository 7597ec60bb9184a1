"""What the loader wrote, as rows to compare."""

from __future__ import annotations

import time
from typing import Any

import psycopg

SYMBOLS = ("MSFT", "IBM", "BTCUSD", "BRK.B")
#: Every table that must come out the same however messages were ordered and batched.
MARKET_TABLES = (
    "market.bars_1m",
    "market.bar_revisions",
    "ops.bar_confirmations",
    "ops.action_observations",
    "analytics.indicators_1m",
)
#: The same of news.
NEWS_TABLES = ("ops.article_observations", "market.articles", "analytics.sentiment_1h")
LOADED_TABLES = (
    *MARKET_TABLES,
    *NEWS_TABLES,
    "raw.bars",
    "raw.actions",
    "raw.news",
    "ops.redrives",
    "ops.dead_letters",
    "ops.batch_ranges",
    "ops.batches",
    "ops.kafka_offsets",
)

Rows = list[tuple[Any, ...]]


class Warehouse:
    """The warehouse as its owner sees it."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def rows(self, query: str, *parameters: Any) -> Rows:
        """The rows of a query; none for a statement without any."""
        cursor = self._connection.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """Empties what a load writes, and lists the instruments that tests use."""
        self.rows(f"TRUNCATE {', '.join(LOADED_TABLES)}, ops.source_watermarks")
        self.rows("DELETE FROM market.instruments")
        self.rows(
            "INSERT INTO market.instruments"
            " SELECT symbol, symbol, 'equity', 'XNYS', 'USD' FROM unnest(%s::text[]) symbol",
            list(SYMBOLS),
        )

    def dump(self, *tables: str, with_versions: bool = False) -> dict[str, Rows]:
        """All rows of tables in order, to the last bit; with_versions adds what changes when a row is rewritten."""
        versions = "xmin::text, ctid::text, " if with_versions else ""
        return {table: self.rows(f"SELECT {versions}t::text FROM {table} t ORDER BY t::text") for table in tables}

    def market(self) -> dict[str, Rows]:
        """The tables of MARKET_TABLES."""
        return self.dump(*MARKET_TABLES)

    def assert_counts_agree(self) -> None:
        """Messages, ranges, ledger, raw rows and dead letters tell one story."""
        disagree = self.rows(
            """
            SELECT o.topic, o.partition, o.next_offset, r.ends, r.messages, r.offsets, w.bars, r.good, d.letters, r.bad
              FROM ops.kafka_offsets o
              LEFT JOIN (SELECT topic, partition, max(end_offset) AS ends, sum(messages) AS messages,
                                sum(end_offset - start_offset) AS offsets, sum(messages - dead_letters) AS good,
                                sum(dead_letters) AS bad, max(end_offset) - min(start_offset) AS span
                           FROM ops.batch_ranges GROUP BY 1, 2) r USING (topic, partition)
              LEFT JOIN (SELECT topic, partition, count(*) AS bars
                           FROM (SELECT topic, partition FROM raw.bars
                                 UNION ALL SELECT topic, partition FROM raw.actions
                                 UNION ALL SELECT topic, partition FROM raw.news) m GROUP BY 1, 2) w
                     USING (topic, partition)
              LEFT JOIN (SELECT topic, partition, count(*) AS letters FROM ops.dead_letters GROUP BY 1, 2) d
                     USING (topic, partition)
             WHERE (r.ends IS NOT NULL AND r.ends <> o.next_offset)
                OR r.messages <> r.offsets OR r.span <> r.offsets
                OR coalesce(w.bars, 0) <> coalesce(r.good, 0) OR coalesce(d.letters, 0) <> coalesce(r.bad, 0)
            """
        )
        assert disagree == []
        observed, kept = self.rows(
            """
            SELECT (SELECT count(*)
                      FROM (SELECT DISTINCT symbol, source, ts, open::numeric, high::numeric, low::numeric,
                                   close::numeric, volume::numeric, fetched_at FROM raw.bars) o),
                   (SELECT count(*) FROM market.bars_1m) + (SELECT count(*) FROM market.bar_revisions)
                 + (SELECT count(*) FROM ops.bar_confirmations)
            """
        )[0]
        assert observed == kept, "each observation is a version or a confirmation, once"
        assert self.leftovers() == []

    def leftovers(self) -> Rows:
        """Tables and locks that a finished load has left behind, a moment after its connections were closed."""
        deadline = time.monotonic() + 5
        while (found := self._leftovers()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found

    def _leftovers(self) -> Rows:
        return self.rows(
            "SELECT 'table', n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname LIKE 'pg\\_temp%%'"
            " UNION ALL SELECT 'lock', locktype, mode FROM pg_locks WHERE locktype = 'advisory'"
        )
