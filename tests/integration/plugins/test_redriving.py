"""What people decide about dead letters is carried out once, recorded, and survives a crash."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest
from marketpulse import dead_letters, redriving
from marketpulse.checks import run_checks
from marketpulse.dead_letters import Selection
from marketpulse.publishing import REQUIRED_SETTINGS
from marketpulse.redriving import LettersWait, publish_requested
from marketpulse.warehouse import connect

from tests.integration.plugins.conftest import Topic
from tests.integration.plugins.letters import BAD_BAR, FAR, GOOD_BAR, Owner, add_letters, load_up_to, message, states

LIVE = "market.bars.v1"
FIRST = Selection(LIVE, 0, FAR)
OTHER_BAR = BAD_BAR | {"symbol": "IBM"}


@pytest.fixture
def owner(task_environment: dict[str, str], owner_dsn: str) -> Iterator[Owner]:
    with psycopg.connect(owner_dsn, autocommit=True, passfile=task_environment["PGPASSFILE"]) as connection:
        yield connection


def places(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT to_topic, to_partition, to_offset FROM ops.redrives WHERE state = 'published' ORDER BY redrive_id"
    ).fetchall()


def test_a_mended_letter_goes_to_its_topic_and_is_recorded(owner: Owner, live_topic: Topic) -> None:
    add_letters(owner, message(BAD_BAR), message(OTHER_BAR))

    assert dead_letters.request_redrive(FIRST, "ada", json.dumps(GOOD_BAR, indent=2)) == 1
    assert states(owner) == {(LIVE, 0): "requested", (LIVE, 1): "open"}
    assert publish_requested("redrive 1") == {LIVE: 1}

    assert live_topic.read() == [GOOD_BAR]
    (event,) = dead_letters.history(FIRST)
    assert (event["state"], event["requested_by"], event["run_id"]) == ("published", "ada", "redrive 1")
    assert json.loads(event["payload"]) == GOOD_BAR
    assert states(owner)[LIVE, 0] == "published"
    ((_, partition, offset),) = places(owner)
    load_up_to(owner, LIVE, partition, offset + 1)
    assert states(owner) == {(LIVE, 0): "loaded", (LIVE, 1): "open"}
    assert publish_requested("redrive 2") == {}
    assert live_topic.read() == []


def test_a_group_or_all_go_as_they_were_received(owner: Owner, live_topic: Topic, news_topic: Topic) -> None:
    add_letters(owner, message(BAD_BAR), message(OTHER_BAR))
    add_letters(owner, message(BAD_BAR), after=2, reason="bad_field")
    add_letters(owner, message({"article_id": "a"}), topic="market.news.v1", dataset="news")

    assert dead_letters.request_redrive(Selection(dataset="bars", reason="bad_price"), "ada") == 2
    assert publish_requested("redrive 1") == {LIVE: 2}
    assert sorted(each["symbol"] for each in live_topic.read()) == ["IBM", "MSFT"]
    assert dead_letters.request_redrive(Selection(), "bob") == 2
    assert publish_requested("redrive 2") == {LIVE: 1, "market.news.v1": 1}
    assert live_topic.read() == [BAD_BAR]
    assert news_topic.read() == [{"article_id": "a"}]


def test_many_letters_go_in_several_transactions(owner: Owner, live_topic: Topic) -> None:
    add_letters(owner, *(message(BAD_BAR | {"close": str(1000 + number)}) for number in range(1101)))

    assert dead_letters.request_redrive(Selection(), "ada") == 1101
    assert publish_requested("redrive 1") == {LIVE: 1101}

    assert sorted(int(each["close"]) for each in live_topic.read()) == list(range(1000, 2101))
    assert len(set(places(owner))) == 1101


def test_people_who_decide_at_once_decide_once(owner: Owner) -> None:
    add_letters(owner, *(message(BAD_BAR) for _ in range(50)))
    together = threading.Barrier(6)

    def decide(person: int) -> int:
        together.wait(30)
        if person % 3 == 2:
            return dead_letters.discard(Selection(), f"person {person}", "noise")
        return dead_letters.request_redrive(Selection(), f"person {person}")

    with ThreadPoolExecutor(6) as pool:
        decided = [done.result(60) for done in [pool.submit(decide, person) for person in range(6)]]

    assert sum(decided) == 50
    assert owner.execute("SELECT count(*) FROM ops.redrives").fetchone() == (50,)
    assert "open" not in states(owner).values()


def test_two_runs_at_once_publish_each_message_once(owner: Owner, live_topic: Topic) -> None:
    add_letters(owner, *(message(BAD_BAR | {"close": str(1000 + number)}) for number in range(700)))
    dead_letters.request_redrive(Selection(), "ada")
    together = threading.Barrier(2)

    def publish(run_id: str) -> int:
        together.wait(30)
        return publish_requested(run_id).total()

    with ThreadPoolExecutor(2) as pool:
        published = list(pool.map(publish, ("redrive 1", "redrive 2"), timeout=60))

    assert sum(published) == 700
    assert sorted(int(each["close"]) for each in live_topic.read()) == list(range(1000, 1700))


def test_a_crash_after_kafka_publishes_the_same_bytes_once_more(
    owner: Owner, live_topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the second is a duplicate to the loader: tests/integration/spark_jobs/test_redriven.py."""
    add_letters(owner, message(BAD_BAR))
    dead_letters.request_redrive(FIRST, "ada", json.dumps(GOOD_BAR))

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(redriving, "_records", crash)
        with pytest.raises(Crash):
            publish_requested("redrive 1")

    assert states(owner) == {(LIVE, 0): "requested"}
    assert publish_requested("redrive 2") == {LIVE: 1}
    assert live_topic.read() == [GOOD_BAR, GOOD_BAR]
    (event,) = dead_letters.history(FIRST)
    assert event["run_id"] == "redrive 2"


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"<html>502 Bad Gateway</html>", "the message is no JSON"),
        (b"\xff\xfe", "the message is no JSON"),
        (b"[1]", "the message has no symbol"),
        (b'{"symbol": 5}', "the message has no symbol"),
        (None, "the message is no JSON"),
    ],
)
def test_without_a_key_a_request_is_refused_and_its_letter_open_again(
    owner: Owner, live_topic: Topic, payload: bytes | None, why: str
) -> None:
    add_letters(owner, payload, message(BAD_BAR))
    dead_letters.request_redrive(Selection(), "ada")

    assert publish_requested("redrive 1") == {LIVE: 1}

    assert live_topic.read() == [BAD_BAR]
    assert states(owner)[LIVE, 0] == "open"
    (event,) = dead_letters.history(FIRST)
    assert event["state"] == "refused"
    assert event["reason"].startswith(why)
    assert dead_letters.discard(FIRST, "bob", "nothing to mend") == 1
    assert [each["state"] for each in dead_letters.history(FIRST)] == ["discarded", "refused"]


def test_a_message_that_is_bad_again_names_its_origin(owner: Owner, live_topic: Topic) -> None:
    add_letters(owner, message(BAD_BAR))
    dead_letters.request_redrive(FIRST, "ada")
    publish_requested("redrive 1")
    ((_, partition, offset),) = places(owner)
    owner.execute(
        "INSERT INTO ops.dead_letters"
        " SELECT topic, %s, %s, now(), batch_id, reason, detail, payload FROM ops.dead_letters",
        (partition, offset),
    )
    load_up_to(owner, LIVE, partition, offset + 1)

    again = dead_letters.letter(Selection(LIVE, partition, offset))

    assert again is not None
    assert (again["state"], again["origin_topic"], again["origin_partition"], again["origin_offset"]) == (
        *("open", LIVE, 0, FAR),
    )
    assert states(owner)[LIVE, 0] == "bad_again"
    assert dead_letters.request_redrive(FIRST, "bob") == 0, "the new letter stands for it"


def test_a_letter_of_a_retired_topic_goes_to_the_topic_of_today(owner: Owner, live_topic: Topic) -> None:
    retired = f"{LIVE}@abc@20260101T000000"
    add_letters(owner, message(BAD_BAR), topic=retired)
    add_letters(owner, message(BAD_BAR), topic="market.bars.v0", after=7)
    dead_letters.request_redrive(Selection(), "ada")

    assert publish_requested("redrive 1") == {LIVE: 1}

    assert live_topic.read() == [BAD_BAR]
    assert states(owner) == {(retired, 0): "published", ("market.bars.v0", 7): "open"}
    (event,) = dead_letters.history(Selection("market.bars.v0", 0, FAR + 7))
    assert event["reason"] == "market.bars.v0 is no topic that is published to. Next: discard the letter."


def test_retiring_a_topic_takes_its_letters_along_and_opens_what_was_not_loaded(owner: Owner) -> None:
    add_letters(owner, message(BAD_BAR), message(BAD_BAR), message(BAD_BAR))
    owner.execute("INSERT INTO ops.kafka_offsets VALUES (%s, 0, 'c', 'id', 11)", (LIVE,))
    load_up_to(owner, LIVE, 0, 11)
    owner.execute(
        "INSERT INTO ops.redrives"
        "       (topic, partition, kafka_offset, state, requested_by, to_topic, to_partition, to_offset)"
        " VALUES (%(t)s, 0, %(far)s, 'published', 'ada', %(t)s, 0, 10),"
        "       (%(t)s, 0, %(far)s + 1, 'published', 'ada', %(t)s, 0, 11)",
        {"t": LIVE, "far": FAR},
    )
    assert sorted(states(owner).values()) == ["loaded", "open", "published"]

    row = owner.execute("SELECT ops.retire_topic(%s)", (LIVE,)).fetchone()

    assert row is not None
    assert states(owner) == {(row[0], 0): "loaded", (row[0], 1): "open", (row[0], 2): "open"}
    (event,) = dead_letters.history(Selection(row[0], 0, FAR + 1))
    assert event["reason"] == "its topic was retired before it was loaded"


def test_what_kafka_does_not_take_stays_requested(
    owner: Owner, live_topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_letters(owner, message(BAD_BAR))
    dead_letters.request_redrive(Selection(), "ada")
    with monkeypatch.context() as patch:
        nobody = {"bootstrap.servers": "127.0.0.1:9", "log_level": 0}
        patch.setenv("AIRFLOW_CONN_KAFKA_DEFAULT", json.dumps({"conn_type": "kafka", "extra": nobody}))
        patch.setitem(REQUIRED_SETTINGS, "delivery.timeout.ms", 1000)
        with pytest.raises(LettersWait, match=r"market\.bars\.v1: 1 messages not acknowledged"):
            publish_requested("redrive 1")

    assert states(owner) == {(LIVE, 0): "requested"}
    assert publish_requested("redrive 2") == {LIVE: 1}
    assert live_topic.read() == [BAD_BAR]


def test_the_warning_counts_what_still_waits(owner: Owner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    add_letters(owner, *(message(BAD_BAR) for _ in range(4)))
    owner.execute("INSERT INTO ops.kafka_offsets VALUES (%s, 0, 'c', 'id', %s)", (LIVE, FAR + 9))
    owner.execute(
        "INSERT INTO ops.batch_ranges SELECT max(batch_id), %s, 0, %s, %s, 4, 4, 0, 0 FROM ops.batches",
        (LIVE, FAR, FAR + 9),
    )
    warned = partial(_warned, caplog)

    assert warned() == 4
    dead_letters.discard(FIRST, "ada", "noise")
    assert warned() == 3
    owner.execute(
        "INSERT INTO ops.redrives"
        "       (topic, partition, kafka_offset, state, requested_by, to_topic, to_partition, to_offset)"
        " VALUES (%(t)s, 0, %(far)s + 1, 'published', 'ada', %(t)s, 0, %(far)s + 8),"
        "       (%(t)s, 0, %(far)s + 2, 'published', 'ada', %(t)s, 0, %(far)s + 9)",
        {"t": LIVE, "far": FAR},
    )
    assert warned() == 2, "one is loaded, one is not yet"


def _warned(caplog: pytest.LogCaptureFixture) -> int:
    caplog.clear()
    run_checks(["ops/kafka_offsets/checks.sql"])
    (line,) = [each for each in caplog.messages if "no_message_was_a_dead_letter_lately" in each]
    return int(line.split("found ")[1].split()[0])


def test_the_loader_can_add_to_the_history_and_not_rewrite_it(owner: Owner) -> None:
    add_letters(owner, message(BAD_BAR))
    dead_letters.request_redrive(FIRST, "ada")
    for statement in (
        "UPDATE ops.redrives SET requested_by = 'bob'",
        "UPDATE ops.redrives SET payload = NULL",
        "DELETE FROM ops.redrives",
    ):
        with (
            connect(statement_seconds=5, lock_seconds=5) as loader,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            loader.execute(statement.encode())
