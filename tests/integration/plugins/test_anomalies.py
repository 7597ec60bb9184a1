"""What other parts have found becomes anomalies; and whether there are bars to look at is told without Spark."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import psycopg
import pytest
from marketpulse.anomalies import find_changed, merge_reported

from tests.integration.plugins.stored_bars import MINUTE, at, rows, store

DAY = date(2024, 6, 28)
OPENS = at("2024-06-28T13:30")
NOW = OPENS + 400 * MINUTE
EMPTY = "TRUNCATE analytics.anomalies, ops.detections, ops.detected_offsets, market.bar_disagreements, market.sessions"
FOUND = "SELECT kind, ts, detected_ts, ended_ts, score, state FROM analytics.anomalies ORDER BY kind, ts"


@pytest.fixture
def connection(instruments: None, owner_dsn: str) -> Iterator[psycopg.Connection]:
    """As the owner, with the sessions of three weeks and nothing that was found before."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(EMPTY)
        for ago in range(21):
            opens = OPENS - timedelta(days=ago)
            hours = (opens, opens + 390 * MINUTE)
            connection.execute(
                "INSERT INTO market.sessions VALUES ('XNYS', %s, tstzmultirange(tstzrange(%s, %s)))",
                (opens.date(), *hours),
            )
        yield connection
        connection.execute(EMPTY)


def cover(connection: psycopg.Connection, day: date, untraded: list[tuple[datetime, int]]) -> None:
    """What `check_completeness` leaves of a session: minutes that the vendor says nobody traded in."""
    minutes = "{" + ",".join(f"[{start},{start + count * MINUTE})" for start, count in untraded) + "}"
    connection.execute("DELETE FROM ops.untraded_minutes WHERE session = %s", (day,))
    if untraded:
        connection.execute("INSERT INTO ops.untraded_minutes VALUES ('IBM', 'a', %s, %s, now())", (day, minutes))
    number = sum(count for _, count in untraded)
    connection.execute(
        "INSERT INTO ops.coverage VALUES ('IBM', 'a', %s, '{}', 390, %s, %s, DEFAULT, '{}')"
        " ON CONFLICT (symbol, source, session) DO UPDATE SET present = excluded.present, untraded = excluded.untraded",
        (day, 390 - number, number),
    )


def with_history(connection: psycopg.Connection, sessions: int = 20, untraded: int = 0) -> None:
    """Sessions before in which single minutes were untraded."""
    for ago in range(1, sessions + 1):
        opens = OPENS - timedelta(days=ago)
        cover(connection, opens.date(), [(opens + 2 * number * MINUTE, 1) for number in range(untraded)])


def test_a_run_of_untraded_minutes_is_a_halt_until_the_next_trade(
    connection: psycopg.Connection, receiver: socket.socket
) -> None:
    with_history(connection)
    start = OPENS + 60 * MINUTE
    cover(connection, DAY, [(start, 15), (OPENS, 4)])
    assert merge_reported() == {"halt": 1}
    assert receiver.recv(100) == b"marketpulse.anomalies_found,kind=halt:1|c"
    # 390 / 392⁵ such runs of five in a session.
    score = pytest.approx(10.375, abs=0.001)
    assert rows(FOUND) == [("halt", start, start + 5 * MINUTE, None, score, "open")]
    store([("IBM", "a", start + 15 * MINUTE), ("IBM", "a", start + 16 * MINUTE)])
    assert merge_reported() == {}
    ended = ("halt", start, start + 5 * MINUTE, start + 16 * MINUTE, score, "ended")
    assert rows(FOUND) == [ended]
    # The vendor has the bars after all.
    cover(connection, DAY, [])
    assert merge_reported() == {}
    assert rows(FOUND) == [(*ended[:5], "withdrawn")]
    cover(connection, DAY, [(start, 15)])
    merge_reported()
    assert rows(FOUND) == [ended]


def test_where_minutes_are_often_untraded_it_takes_more_to_be_a_halt(connection: psycopg.Connection) -> None:
    with_history(connection, untraded=150)
    cover(connection, DAY, [(OPENS, 13)])
    assert merge_reported() == {}
    cover(connection, DAY, [(OPENS, 14)])
    assert merge_reported() == {"halt": 1}
    assert rows("SELECT evidence->>'minutes', detected_ts FROM analytics.anomalies") == [("14", OPENS + 14 * MINUTE)]


def test_too_little_history_decides_no_halt(connection: psycopg.Connection) -> None:
    with_history(connection, sessions=9)
    cover(connection, DAY, [(OPENS, 60)])
    assert merge_reported() == {}


def test_holes_are_taken_over_until_they_close(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO ops.gaps (symbol, source, session, minutes, missing_at)"
        " SELECT 'IBM', 'a', %s, hole, hole FROM (SELECT tstzmultirange(tstzrange(%s, %s)) AS hole) minutes",
        (DAY, OPENS, OPENS + 7 * MINUTE),
    )
    assert merge_reported() == {"missing_data": 1}
    assert [(row[0], row[1], *row[3:]) for row in rows(FOUND)] == [("missing_data", OPENS, None, 7, "open")]
    before = rows("SELECT xmin::text, anomalies::text FROM analytics.anomalies")
    assert merge_reported() == {}
    assert rows("SELECT xmin::text, anomalies::text FROM analytics.anomalies") == before
    connection.execute("UPDATE ops.gaps SET state = 'healed', closed_at = now(), missing_at = '{}'")
    merge_reported()
    assert [row[5] for row in rows(FOUND)] == ["ended"]
    assert rows("SELECT ended_ts = closed_at, evidence->'still_missing' FROM analytics.anomalies, ops.gaps") == [
        (True, 0)
    ]
    connection.execute("UPDATE ops.gaps SET state = 'vendor_has_none'")
    merge_reported()
    assert [row[5] for row in rows(FOUND)] == ["withdrawn"]


def test_minutes_in_a_row_in_which_vendors_disagree_are_one(connection: psycopg.Connection) -> None:
    disagree = "INSERT INTO market.bar_disagreements VALUES ('IBM', %s, 'a', 'b', 1, 1, 1, 1, 2, 2, 2, 2, %s)"
    for minute, ticks in ((0, 6), (1, 9), (2, 7), (4, 8)):
        connection.execute(disagree, (OPENS + minute * MINUTE, ticks))
    assert merge_reported() == {"vendor_disagreement": 2}
    found = "SELECT ts, other_source, session, score, state, evidence->'bars' FROM analytics.anomalies ORDER BY ts"
    assert rows(found) == [(OPENS, "b", DAY, 9, "open", 3), (OPENS + 4 * MINUTE, "b", DAY, 8, "open", 1)]
    connection.execute("UPDATE market.bar_disagreements SET resolved_at = now() WHERE ts > %s", (OPENS,))
    merge_reported()
    assert [row[4] for row in rows(found)] == ["open", "ended"]


def test_new_bars_of_a_session_are_to_be_looked_at_and_those_of_20_after_it(connection: psycopg.Connection) -> None:
    def load(offset: int, ts: datetime) -> None:
        connection.execute(
            "INSERT INTO raw.bars VALUES"
            " ('t', 0, %s, now(), 1, 'a', 'IBM', '1min', %s, '1', '1', '1', '1', '1', now(), 'run')",
            (offset, ts),
        )
        connection.execute(
            "INSERT INTO ops.kafka_offsets VALUES ('t', 0, 'c', 'i', %s) ON CONFLICT (topic, partition)"
            " DO UPDATE SET next_offset = excluded.next_offset",
            (offset + 1,),
        )

    connection.execute("TRUNCATE market.sessions")
    connection.execute("SELECT raw.ensure_day('bars', current_date)")
    store(("IBM", "a", OPENS - timedelta(days=ago)) for ago in range(60))
    assert find_changed(NOW) == 0
    load(0, OPENS)
    # It brings the sessions along.
    assert find_changed(NOW) == 1
    connection.execute("INSERT INTO ops.detected_offsets VALUES ('t', 0, 'i', 1)")
    assert find_changed(NOW) == 0
    load(1, OPENS + 390 * MINUTE)
    assert find_changed(NOW) == 0
    load(2, at("2024-05-28T13:30"))
    # Until the 26th of June: the 19th is a holiday.
    assert find_changed(NOW) == 21
    # A topic that was made anew counts from its start.
    connection.execute("UPDATE ops.detected_offsets SET topic_id = 'before', next_offset = 9")
    assert find_changed(NOW) == 22
