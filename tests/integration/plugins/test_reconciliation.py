"""Two vendors' bars compared in PostgreSQL: what disagrees, what no longer does, and which price is served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from marketpulse import reconciliation
from marketpulse.reconciliation import Reconciled, reconcile_vendors

from tests.integration.plugins.stored_bars import MINUTE, at, rows
from tests.local_stack import REPOSITORY

T = at("2026-05-15T14:30")
A, C, D = "alpha_vantage", "coinbase", "twelve_data"


class Loader:
    """Brings bars in as the loader does: message, bar and ledger in one transaction."""

    def __init__(self, owner_dsn: str) -> None:
        self._dsn = owner_dsn
        self._next = {"market.bars.v1": 0, "market.bars.backfill.v1": 0}
        self._loaded_at = datetime.now(UTC)

    def load(
        self,
        source: str,
        closes: Sequence[float],
        *,
        start: datetime = T,
        symbol: str = "AAPL",
        topic: str = "market.bars.v1",
        fetched_at: datetime | None = None,
        topic_id: str = "first",
    ) -> None:
        """Bars of successive minutes, each with one price for open, high, low and close."""
        with psycopg.connect(self._dsn) as connection:
            connection.execute("SELECT raw.ensure_day('bars', %s)", (self._loaded_at.date(),))
            for number, close in enumerate(closes):
                bar = (symbol, source, start + number * MINUTE, close, close, close, close, 100, fetched_at or T)
                connection.execute(
                    "INSERT INTO raw.bars (topic, partition, kafka_offset, kafka_ts, batch_id, source, symbol,"
                    " interval, ts, open, high, low, close, volume, fetched_at, run_id)"
                    " SELECT %s, 0, %s, %s, 1, %s, %s, '1min', %s, %s, %s, %s, %s, 1, %s, 'run'",
                    (topic, self._next[topic], self._loaded_at, source, symbol, bar[2], *4 * [str(close)], bar[8]),
                )
                connection.execute(
                    "INSERT INTO market.bars_1m (symbol, source, ts, open, high, low, close, volume, fetched_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                    " ON CONFLICT (symbol, source, ts) DO UPDATE SET open = excluded.open, high = excluded.high,"
                    " low = excluded.low, close = excluded.close, fetched_at = excluded.fetched_at",
                    bar,
                )
                self._next[topic] += 1
            connection.execute(
                "INSERT INTO ops.kafka_offsets (topic, partition, cluster_id, topic_id, next_offset)"
                " VALUES (%s, 0, 'cluster', %s, %s) ON CONFLICT (topic, partition)"
                " DO UPDATE SET next_offset = excluded.next_offset, topic_id = excluded.topic_id",
                (topic, topic_id, self._next[topic]),
            )

    def make_topic_anew(self, topic: str) -> None:
        """Its offsets start again at 0; the old messages are kept under another name."""
        self._next[topic] = 0
        with psycopg.connect(self._dsn) as connection:
            connection.execute("UPDATE raw.bars SET topic = %s || '@old' WHERE topic = %s", (topic, topic))


@pytest.fixture
def loader(instruments: None, owner_dsn: str) -> Loader:
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE market.bar_disagreements, ops.reconciled_offsets, market.source_ranks, market.reconciliation"
        )
    return Loader(owner_dsn)


def disagreements() -> list[tuple[object, ...]]:
    return rows(
        "SELECT ts, source, other_source, close, other_close, ticks_apart, resolved_at IS NULL"
        " FROM reports.vendor_disagreements ORDER BY ts, source, other_source"
    )


def consensus(symbol: str = "AAPL") -> list[tuple[object, ...]]:
    return rows(
        "SELECT source, close::float, contested, sources FROM market.consensus_bars_1m"
        f" WHERE symbol = '{symbol}' ORDER BY ts"
    )


def test_bars_that_agree_within_the_tolerance_and_bars_of_one_vendor_alone_are_nothing(loader: Loader) -> None:
    loader.load(A, [100, 100, 100])
    loader.load(D, [100.05, 99.95])

    assert reconcile_vendors() == Reconciled(minutes=2, found=0, changed=0, resolved=0)
    assert disagreements() == []
    assert consensus() == [(A, 100, False, 2), (A, 100, False, 2), (A, 100, False, 1)]


def test_bars_that_disagree_are_kept_with_both_values_once(loader: Loader) -> None:
    loader.load(D, [100.06, 100])
    loader.load(A, [100, 100])

    assert reconcile_vendors() == Reconciled(minutes=2, found=1, changed=0, resolved=0)
    found = [(T, A, D, Decimal(100), Decimal("100.06"), Decimal(6), True)]
    assert disagreements() == found
    before = rows("SELECT xmin::text, d::text FROM market.bar_disagreements d")
    assert reconcile_vendors() == Reconciled(minutes=0, found=0, changed=0, resolved=0)
    assert rows("SELECT xmin::text, d::text FROM market.bar_disagreements d") == before


@pytest.mark.parametrize("field", ["open", "high", "low"])
def test_every_price_is_compared_and_volumes_are_not(loader: Loader, owner_dsn: str, field: str) -> None:
    loader.load(A, [100, 100])
    loader.load(D, [100, 100])
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(f"UPDATE market.bars_1m SET {field} = {field} + 1 WHERE (source, ts) = (%s, %s)", (D, T))
        connection.execute("UPDATE market.bars_1m SET volume = 7 WHERE (source, ts) = (%s, %s)", (D, T + MINUTE))

    reconcile_vendors()

    assert [(ts, apart) for ts, *_, apart, _ in disagreements()] == [(T, 100)]


def test_a_correction_that_is_fetched_early_and_loaded_late_resolves(loader: Loader) -> None:
    loader.load(A, [100])
    loader.load(D, [101])
    reconcile_vendors()
    loader.load(A, [200], start=T + 60 * MINUTE, fetched_at=T + timedelta(days=1))
    reconcile_vendors()

    # Fetched a day before what was compared last.
    loader.load(D, [100.01], topic="market.bars.backfill.v1", fetched_at=T + timedelta(hours=1))

    assert reconcile_vendors() == Reconciled(minutes=1, found=0, changed=0, resolved=1)
    assert disagreements() == [(T, A, D, Decimal(100), Decimal(101), Decimal(100), False)]
    assert consensus()[0] == (A, 100, False, 2)

    loader.load(D, [102], fetched_at=T + timedelta(hours=2))

    assert reconcile_vendors() == Reconciled(minutes=1, found=0, changed=1, resolved=0)
    assert disagreements() == [(T, A, D, Decimal(100), Decimal(102), Decimal(200), True)]


def test_another_tolerance_has_everything_compared_again(
    loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loader.load(A, [100, 100])
    loader.load(D, [100.04, 100.2])
    assert reconcile_vendors().found == 1
    (tmp_path / "config").mkdir()
    for name in ("sql", "contracts", "config/instruments.yml"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    sources = (REPOSITORY / "config/sources.yml").read_text()

    for ticks, expected in ((3, Reconciled(2, 1, 0, 0)), (30, Reconciled(2, 0, 0, 2))):
        changed = sources.replace("tolerance_ticks: 5", f"tolerance_ticks: {ticks}")
        (tmp_path / "config/sources.yml").write_text(changed)
        monkeypatch.setenv("MARKETPULSE_ROOT", str(tmp_path))
        assert reconcile_vendors() == expected


def test_a_topic_that_was_made_anew_loses_no_comparison(loader: Loader) -> None:
    loader.load(A, [100, 100])
    reconcile_vendors()
    loader.load(D, [101])
    loader.make_topic_anew("market.bars.v1")
    loader.load(D, [102], start=T + MINUTE, topic_id="second")

    assert reconcile_vendors().found == 2


def test_a_run_that_fails_is_made_up_by_the_next(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    loader.load(A, [100])
    reconcile_vendors()
    loader.load(D, [101])
    with monkeypatch.context() as broken:
        broken.setattr(reconciliation, "Reconciled", None)
        with pytest.raises(TypeError):
            reconcile_vendors()
    assert disagreements() == []

    assert reconcile_vendors() == Reconciled(minutes=1, found=1, changed=0, resolved=0)


def test_the_price_of_two_that_disagree_is_the_one_nearer_to_the_last_they_agreed_on(loader: Loader) -> None:
    #                   agreed  bad tick  the other's  for good
    loader.load(A, [100, 150, 100.1, *7 * [200]])
    loader.load(D, [100, 100.1, 50, *7 * [100.1]])
    reconcile_vendors()

    assert consensus() == [
        (A, 100, False, 2),
        (D, 100.1, True, 2),
        (A, 100.1, True, 2),
        # The minute of agreement lies five minutes back at the most.
        *3 * [(D, 100.1, True, 2)],
        *4 * [(A, 200, True, 2)],
    ]


def test_of_three_the_median_is_served_and_no_vendor_decides(loader: Loader) -> None:
    for source, prices in ((A, [100, 100]), (C, [100.02, 300]), (D, [100.04, 100.02])):
        loader.load(source, prices, symbol="BTCUSD")

    reconcile_vendors()

    assert consensus("BTCUSD") == [(None, 100.02, False, 3), (None, 100.02, True, 3)]
    assert [(ts, one, other) for ts, one, other, *_ in disagreements()] == [(T + MINUTE, A, C), (T + MINUTE, C, D)]


def test_the_tick_of_an_instrument_is_its_own(loader: Loader) -> None:
    for symbol in ("BTCUSD", "LTCUSD"):
        loader.load(A, [100], symbol=symbol)
        loader.load(C, [104], symbol=symbol)

    reconcile_vendors()

    assert rows("SELECT symbol, ticks_apart FROM market.bar_disagreements") == [("LTCUSD", Decimal(400))]
