"""Which splits a batch brings news of, and what they divide."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from marketpulse_spark.schemas import ACTIONS
from marketpulse_spark.splits import Split, share_bases

DAY = dt.datetime(2024, 3, 1, 5, tzinfo=dt.UTC)


def said(days: int, ratio: str, second: int = 0, **changes: Any) -> dict[str, Any]:
    """A split that is effective `days` after DAY, of which a source told `second` seconds after DAY."""
    effective_at = DAY + dt.timedelta(days=days)
    return {
        "symbol": "MSFT",
        "ex_date": effective_at.date(),
        "effective_at": effective_at,
        "ratio": ratio,
        "source": "alpha_vantage",
        "fetched_at": DAY + dt.timedelta(seconds=second),
    } | changes


def messages(splits: Iterable[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"kind": "split", "value": each["ratio"], **each} for each in splits], schema=ACTIONS)


def splits_of(stored: list[dict[str, Any]], news: list[dict[str, Any]], symbol: str = "MSFT") -> list[Split]:
    return list(share_bases(stored, messages(news)).of_symbol(symbol))


def known(days: int, before: str, after: str) -> Split:
    return Split(DAY + dt.timedelta(days=days), Decimal(before), Decimal(after))


def test_stored_splits_are_known_before_and_after() -> None:
    assert splits_of([said(5, "3"), said(0, "2")], []) == [known(0, "2", "2"), known(5, "3", "3")]
    assert not known(0, "2", "2").is_changed


@pytest.mark.parametrize(
    ("stored", "news", "wanted"),
    [
        ([], [said(0, "2")], known(0, "1", "2")),
        ([said(0, "2")], [said(0, "3", 1)], known(0, "2", "3")),
        ([said(0, "2", 1)], [said(0, "3")], known(0, "2", "2")),
        ([said(0, "2")], [said(0, "1", 1)], known(0, "2", "1")),
        ([said(0, "2", 1)], [said(0, "3", 1)], known(0, "2", "3")),
        ([said(0, "3", 1)], [said(0, "2", 1)], known(0, "3", "3")),
        ([said(0, "2")], [said(0, "4", 1, source="b"), said(0, "5", 2), said(0, "6", 1)], known(0, "2", "5")),
        ([said(0, "2")], [said(0, "2.0000", 9)], known(0, "2", "2.0000")),
    ],
    ids=["new", "revised", "older news", "withdrawn", "same second", "same second, stored", "newest counts", "same"],
)
def test_the_newest_observation_counts(stored: list[Any], news: list[Any], wanted: Split) -> None:
    assert splits_of(stored, news) == [wanted]


def test_a_split_that_moves_is_taken_back_where_it_was() -> None:
    moved = said(0, "2", 1, effective_at=DAY + dt.timedelta(hours=1))
    at = dt.timedelta(hours=1)
    assert splits_of([said(0, "2")], [moved]) == [known(0, "2", "1"), Split(DAY + at, Decimal(1), Decimal(2))]


def test_a_split_withdrawn_long_ago_and_dead_letters_and_dividends_are_none() -> None:
    paid = {"symbol": "MSFT", "kind": "dividend", "ex_date": DAY.date(), "effective_at": DAY, "value": "9"}
    news = pa.Table.from_pylist([{"reason": "bad_json"}, paid | {"fetched_at": DAY}], schema=ACTIONS)
    bases = share_bases([said(0, "1")], news)
    assert list(bases.of_symbol("MSFT")) == []
    assert bases.changed() == []


def test_bases_are_numbered_and_divided_by_the_ratios_between() -> None:
    bases = share_bases([said(0, "2"), said(1, "0.1"), said(2, "1.5")], messages([said(1, "0.2", 1)]))
    start = int(DAY.timestamp() * 1_000_000)
    times = np.array([start - 1, start, start + 1, start + 2 * 86_400_000_000], np.int64)
    assert bases.numbers("MSFT", times).tolist() == [0, 1, 1, 3]
    assert bases.numbers("IBM", times).tolist() == [0, 0, 0, 0]
    assert [bases.divisor("MSFT", own, 3) for own in range(4)] == [0.6, 0.3, 1.5, 1.0]
    assert [bases.is_changed("MSFT", own, 3) for own in range(4)] == [True, True, False, False]
    assert bases.changed() == [("MSFT", DAY + dt.timedelta(days=1))]


def test_two_ex_dates_at_one_instant_are_one_border() -> None:
    other = said(0, "3", ex_date=dt.date(2024, 2, 29))
    assert splits_of([said(0, "2"), other], []) == [known(0, "6", "6")]
