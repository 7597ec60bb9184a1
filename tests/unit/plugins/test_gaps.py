from __future__ import annotations

from datetime import UTC, datetime, timedelta

from marketpulse.gaps import MINUTE, Gap, spans

START = datetime(2026, 5, 15, tzinfo=UTC)


def gap(number: int, *minutes: int) -> Gap:
    return Gap(number, "BTCUSD", tuple(START + minute * MINUTE for minute in minutes))


def asked(*gaps: Gap, longest: int) -> list[tuple[int, int, list[int]]]:
    return [
        (int((start - START) / MINUTE), int((end - START) / MINUTE), [gap.gap_id for gap in together])
        for start, end, together in spans(gaps, timedelta(minutes=longest))
    ]


def test_gaps_that_one_answer_holds_are_asked_for_together_newest_first() -> None:
    old, middle, new = gap(1, 10, 11, 12), gap(2, 100, 130), gap(3, 140)

    assert asked(middle, old, new, longest=41) == [(100, 141, [3, 2]), (10, 13, [1])]
    assert asked(middle, old, new, longest=40) == [(140, 141, [3]), (100, 131, [2]), (10, 13, [1])]
    assert asked(middle, old, new, longest=131) == [(10, 141, [3, 2, 1])]


def test_a_gap_longer_than_an_answer_is_asked_for_whole() -> None:
    assert asked(gap(1, 0, 999), gap(2, 1005), longest=300) == [(1005, 1006, [2]), (0, 1000, [1])]


def test_overlapping_gaps_are_covered_whole() -> None:
    assert asked(gap(1, 0, 50), gap(2, 20, 40), longest=300) == [(0, 51, [1, 2])]


def test_no_gaps_are_no_question() -> None:
    assert asked(longest=300) == []
