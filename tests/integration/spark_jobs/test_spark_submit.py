"""The wrapper spark-submit: the job as Airflow starts it, and the class-data archive that makes it start fast."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, bar
from tests.integration.spark_jobs.processes import LOAD_BARS, submit
from tests.integration.spark_jobs.warehouse import Warehouse
from tests.local_stack import REPOSITORY, TOOLS

BARS = [bar(number, f"{100 + number}", symbol=symbol) for number in range(9) for symbol in ("MSFT", "IBM")]


@pytest.fixture
def other_tools(tmp_path: Path) -> Path:
    """The tools at another place, with no archive yet."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "venvs").symlink_to(TOOLS / "venvs")
    return tools


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A job that does nothing: spark-submit's JVM starts all the same."""
    job = tmp_path / "nothing.py"
    job.write_text("print('did nothing')\n")
    return job


def test_the_job_loads_and_most_of_its_classes_come_from_the_archive(
    warehouse: Warehouse, default_feed: Feed, environment: dict[str, str], archive: None, tmp_path: Path
) -> None:
    default_feed.publish(BARS)
    log = tmp_path / "classes.log"
    done = submit(
        environment,
        LOAD_BARS,
        "--run-id",
        "scheduled__1",
        MARKETPULSE_SPARK_JAVA_OPTIONS=f"-Xlog:class+load:file={log}",
    )
    assert done.returncode == 0, done.stderr
    assert found(warehouse) == expected(BARS)
    assert warehouse.rows("SELECT run_id, state, writer FROM ops.batches") == [("scheduled__1", "succeeded", "driver")]
    sources = re.findall(r"source: (.*)", log.read_text())
    ours = sum(source == "shared objects file (top)" for source in sources)
    unshared = sum(not source.startswith("shared objects file") for source in sources)
    assert ours > 0.5 * len(sources), f"{ours} of {len(sources)} classes come from the project's archive"
    assert unshared < 0.25 * len(sources), f"{unshared} of {len(sources)} classes come from no archive"
    assert "[warning][cds" not in done.stderr


def test_archive_that_is_not_there_is_said_and_ends_the_job(
    environment: dict[str, str], other_tools: Path, nothing: Path
) -> None:
    done = submit(environment, nothing, MARKETPULSE_TOOLS=str(other_tools))
    assert done.returncode == 2
    assert "No class-data archive" in done.stderr
    assert "run spark_jobs/bin/train-archive" in done.stderr
    assert "did nothing" not in done.stdout


def test_archive_that_does_not_fit_is_said_in_the_log(
    environment: dict[str, str], other_tools: Path, nothing: Path, archive: None
) -> None:
    shutil.copytree(TOOLS / "spark-archive", other_tools / "spark-archive")
    done = submit(environment, nothing, MARKETPULSE_TOOLS=str(other_tools))
    assert "[warning][cds" in done.stderr
    assert done.returncode == 0, done.stderr
    assert "did nothing" in done.stdout


def test_unknown_profile_is_refused(environment: dict[str, str], nothing: Path) -> None:
    done = submit(environment, nothing, MARKETPULSE_SPARK_PROFILE="fast")
    assert done.returncode == 2
    assert "MARKETPULSE_SPARK_PROFILE is fast" in done.stderr


def test_refusal_is_one_line_with_the_runbook_and_exit_code_1(
    warehouse: Warehouse, default_feed: Feed, environment: dict[str, str], archive: None
) -> None:
    default_feed.publish(BARS)
    default_feed.load()
    warehouse.rows("UPDATE ops.kafka_offsets SET cluster_id = 'another'")
    done = submit(environment, LOAD_BARS, "--run-id", "x")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.search(r"^ClusterChanged: market\.actions\.v1\[0\].*See docs/runbooks/load-refused\.md\.$", said, re.M)
    assert "Traceback" not in said
    assert (REPOSITORY / "docs/runbooks/load-refused.md").exists()
    assert warehouse.rows("SELECT count(*) FROM ops.batches") == [(1,)]


def test_executors_load_the_same_as_the_driver(
    warehouse: Warehouse, default_feed: Feed, environment: dict[str, str], archive: None
) -> None:
    default_feed.publish([*BARS, (b"MSFT", b"nonsense")])
    done = submit(environment, LOAD_BARS, "--run-id", "x", "--driver-messages", "0")
    assert done.returncode == 0, done.stderr
    assert found(warehouse) == expected(BARS)
    assert warehouse.rows(
        "SELECT writer, count(*) FROM ops.dead_letters JOIN ops.batches USING (batch_id) GROUP BY 1"
    ) == [("executors", 1)]
    warehouse.assert_counts_agree()
