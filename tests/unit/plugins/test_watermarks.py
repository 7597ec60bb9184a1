from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from marketpulse.bars import Bar
from marketpulse.watermarks import Watermark, advance, select_new

START = datetime(2026, 5, 15, 13, 30, tzinfo=UTC)
OVERLAP = 20


def bar(minute: int, close: int = 100) -> Bar:
    price = str(close)
    return Bar("alpha_vantage", "MSFT", "1min", START + timedelta(minutes=minute), price, price, price, price, "1")


def poll(known: Watermark | None, answer: list[Bar]) -> tuple[list[Bar], Watermark | None]:
    new = select_new(answer, known)
    return new, advance(known, new, OVERLAP, START) if new else known


def test_a_first_fetch_takes_everything_and_remembers_the_newest() -> None:
    new, known = poll(None, [bar(minute) for minute in range(100)])

    assert len(new) == 100
    assert known is not None
    assert known.newest == bar(99).ts
    assert sorted(known.recent)[0] == "2026-05-15T14:50:00Z"
    assert len(known.recent) == OVERLAP


def test_the_same_answer_again_brings_nothing() -> None:
    answer = [bar(minute) for minute in range(100)]
    _, known = poll(None, answer)

    assert poll(known, answer)[0] == []


def test_a_correction_within_the_overlap_is_published_once() -> None:
    answer = [bar(minute) for minute in range(30)]
    _, known = poll(None, answer)
    answer[15] = bar(15, close=101)

    new, known = poll(known, answer)

    assert new == [bar(15, close=101)]
    assert known is not None
    assert known.newest == bar(29).ts
    assert poll(known, answer)[0] == []


def test_a_bar_that_comes_late_is_published() -> None:
    _, known = poll(None, [bar(minute) for minute in range(30) if minute != 25])

    assert poll(known, [bar(minute) for minute in range(30)])[0] == [bar(25)]


def test_a_bar_older_than_the_overlap_is_left_alone() -> None:
    _, known = poll(None, [bar(minute) for minute in range(30)])

    assert poll(known, [bar(2, close=101)])[0] == []


@given(
    closes=st.lists(st.integers(1, 3), min_size=1, max_size=60),
    outages=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    corrections=st.sets(st.tuples(st.integers(0, 59), st.integers(4, 9)), max_size=5),
)
def test_whatever_the_outages_every_bar_is_published_with_its_last_values(
    closes: list[int], outages: list[int], corrections: set[tuple[int, int]]
) -> None:
    """Polls at any distance, each answered with all bars so far, and corrections within the overlap of the next."""
    truth = {minute: bar(minute, close) for minute, close in enumerate(closes)}
    published: dict[datetime, Bar] = {}
    messages = versions = 0
    known: Watermark | None = None
    end = 0
    for step in [*outages, len(truth)]:
        end = min(end + step, len(truth))
        for minute, close in corrections:
            if known and minute < end and truth[minute].ts >= known.newest - timedelta(minutes=OVERLAP // 2):
                truth[minute] = bar(minute, close)
        new, known = poll(known, [truth[minute] for minute in range(end)])
        messages += len(new)
        versions += sum(published.get(one.ts) != one for one in new)
        published.update({one.ts: one for one in new})

    assert published == {one.ts: one for one in truth.values()}
    assert messages == versions
