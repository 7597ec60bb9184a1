"""A short `make chaos`, and proof that each of its checks can fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.campaign import Campaign
from tests.chaos.faults import FAULTS
from tests.chaos.loader import WritePath
from tests.chaos.messages import make_portions
from tests.chaos.report import Outcome, table
from tests.chaos.stack import Stack

STRIKES: tuple[tuple[str, WritePath], ...] = (
    ("before_commit", "driver"),
    ("after_range_commit", "executors"),
    ("postgres_killed", "driver"),
)
ONE_BAR = "(symbol, source, ts) = (SELECT symbol, source, ts FROM market.bars_1m LIMIT 1)"
# One after another, each found by its own check.
DAMAGE = {
    "left_over": "CREATE TABLE market.staging ()",
    "indicators": f"UPDATE analytics.indicators_1m SET sma_60 = coalesce(sma_60, 0) + 1e-9 WHERE {ONE_BAR}",
    "bars": f"UPDATE market.bars_1m SET volume = volume + 0.00000001 WHERE {ONE_BAR}",
    "ledger": "UPDATE ops.batch_ranges SET applied = applied - 1, duplicates = duplicates + 1"
    " WHERE (topic, partition, start_offset) = ('market.bars.v1', 0, 0)",
    "doubled": "INSERT INTO raw.bars SELECT topic, partition, kafka_offset, kafka_ts + interval '1 microsecond',"
    " batch_id, source, symbol, interval, ts, open, high, low, close, volume, fetched_at, run_id"
    " FROM raw.bars LIMIT 1",
    "lost": "DELETE FROM ops.dead_letters WHERE ctid = (SELECT ctid FROM ops.dead_letters LIMIT 1)",
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    folder = tmp_path_factory.mktemp("chaos")
    faults = {fault.name: fault for fault in FAULTS}
    strikes = [(faults[name], path, 0) for name, path in STRIKES]
    portions = make_portions(len(strikes), messages=1_500, poison_messages=50, seed=7)
    with Stack(folder / "stack") as stack:
        yield Campaign(stack, strikes, portions, folder, seed=7)


@pytest.fixture(scope="module")
def outcomes(campaign: Campaign) -> list[Outcome]:
    return list(campaign.outcomes())


def test_every_fault_heals_and_nothing_is_lost_or_doubled(outcomes: list[Outcome]) -> None:
    assert [(outcome.fault, outcome.path) for outcome in outcomes] == list(STRIKES)
    assert all(outcome.holds for outcome in outcomes), table(outcomes) + str(outcomes)


def test_every_check_finds_the_damage_it_is_for(campaign: Campaign, outcomes: list[Outcome]) -> None:
    intact = list(DAMAGE)
    for column, damage in DAMAGE.items():
        with campaign.stack.connect() as connection:
            assert connection.execute(damage.encode()).rowcount in (1, -1)
        intact.remove(column)
        findings = campaign.checker.check(campaign.delivered)
        assert getattr(findings, column), column
        assert {name: getattr(findings, name) for name in intact} == {name: [] for name in intact}
