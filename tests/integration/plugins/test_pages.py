"""The pages on Airflow's real API server: who gets in, who may change something, what a page shows and does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from marketpulse import dead_letters
from marketpulse.dead_letters import Selection

from tests.integration.plugins.letters import BAD_BAR, FAR, GOOD_BAR, Owner, add_letters, message, states
from tests.local_stack import REPOSITORY

LIVE = "market.bars.v1"
PAGE = "/marketpulse/dead-letters"
LETTER = f"{PAGE}/{LIVE}/0/{FAR}"
LINEAGE = "/marketpulse/lineage"
PASSWORDS = {"ada": "of ada", "vic": "of vic"}
READING = [PAGE, f"{PAGE}/group?dataset=bars&reason=bad_price&state=open", LETTER, LINEAGE, "/marketpulse/pages.css"]


@pytest.fixture(scope="module")
def server(stack_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Airflow's API server as the stack starts it, with an admin ada and a viewer vic; yields its address."""
    folder = tmp_path_factory.mktemp("airflow")
    passwords, log = folder / "passwords.json", folder / "log"
    passwords.write_text(json.dumps(PASSWORDS))
    url = f"http://127.0.0.1:{stack_environment['AIRFLOW_PORT']}"
    environment = stack_environment | {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin,vic:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__METRICS__STATSD_ON": "False",
    }
    airflow = [str(Path(sys.executable).with_name("airflow"))]
    with log.open("wb") as output:
        for command in (["db", "migrate"], ["dags", "reserialize"]):
            subprocess.run([*airflow, *command], env=environment, stdout=output, stderr=output, check=True, timeout=180)
        process = subprocess.Popen([*airflow, "api-server"], env=environment, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 120
            while not _answers(url):
                assert process.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.5)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/v2/version", timeout=5).is_success
    except httpx.TransportError:
        return False


def signed_in(server: str, name: str) -> httpx.Client:
    """A browser's session of a person: the cookie, and what a browser sends with a form."""
    token = httpx.post(f"{server}/auth/token", json={"username": name, "password": PASSWORDS[name]}, timeout=20)
    token.raise_for_status()
    cookies = {"_token": token.json()["access_token"]}
    return httpx.Client(base_url=server, cookies=cookies, headers={"Origin": server}, timeout=20)


@pytest.fixture(scope="module")
def ada(server: str) -> Iterator[httpx.Client]:
    with signed_in(server, "ada") as client:
        yield client


@pytest.fixture(scope="module")
def vic(server: str) -> Iterator[httpx.Client]:
    with signed_in(server, "vic") as client:
        yield client


@pytest.fixture
def owner(task_environment: dict[str, str], owner_dsn: str) -> Iterator[Owner]:
    """With one letter."""
    with psycopg.connect(owner_dsn, autocommit=True, passfile=task_environment["PGPASSFILE"]) as connection:
        add_letters(connection, message(BAD_BAR))
        yield connection


@pytest.mark.parametrize("path", READING)
def test_without_a_login_nobody_sees_anything(server: str, owner: Owner, path: str) -> None:
    for cookies in ({}, {"_token": "forged"}):
        answer = httpx.get(server + path, cookies=cookies, timeout=20)
        assert answer.status_code in ((403, 401) if cookies else (401,))
        assert "bad_price" not in answer.text
        assert "MSFT" not in answer.text


@pytest.mark.parametrize("path", READING)
def test_who_is_signed_in_may_read(vic: httpx.Client, owner: Owner, path: str) -> None:
    answer = vic.get(path)
    assert answer.status_code == 200, answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", [PAGE, LETTER])
@pytest.mark.parametrize("action", ["redrive", "discard"])
def test_who_may_not_trigger_the_dag_changes_nothing(
    server: str, vic: httpx.Client, owner: Owner, path: str, action: str
) -> None:
    form = {"action": action, "why": "noise"}
    assert httpx.post(server + path, data=form, timeout=20).status_code == 401
    assert vic.post(path, data=form).status_code == 403
    assert states(owner) == {(LIVE, 0): "open"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_changes_nothing(ada: httpx.Client, owner: Owner, headers: dict[str, str]) -> None:
    assert ada.post(PAGE, data={"action": "redrive"}, headers=headers).status_code == 403
    assert states(owner) == {(LIVE, 0): "open"}


def test_a_mended_letter_is_requested_and_the_dag_started_by_name(ada: httpx.Client, owner: Owner) -> None:
    before = _runs(ada)
    text = json.dumps(GOOD_BAR, indent=2)

    answer = ada.post(LETTER, data={"action": "mend", "text": text})

    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{LETTER}?done=1&started=true"
    assert "Done for 1 letter." in ada.get(answer.headers["location"]).text
    (event,) = dead_letters.history(Selection(LIVE, 0, FAR))
    assert (event["state"], event["requested_by"], event["payload"].decode()) == ("requested", "ada", text)
    (run,) = _runs(ada)[len(before) :]
    assert (run["state"], run["triggering_user_name"]) == ("queued", "ada")
    assert "somebody else has decided" in _follow(ada, LETTER, action="redrive")
    assert len(_runs(ada)) == len(before) + 1, "nothing was asked for: nothing is started"


def _runs(client: httpx.Client) -> list[dict[str, str]]:
    answer = client.get("/api/v2/dags/redrive_dead_letters/dagRuns", params={"limit": 100, "order_by": "id"})
    answer.raise_for_status()
    runs: list[dict[str, str]] = answer.json()["dag_runs"]
    return runs


def _follow(client: httpx.Client, path: str, **form: str) -> str:
    answer = client.post(path, data=form, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_text_without_a_key_is_given_back_with_the_reason(ada: httpx.Client, owner: Owner) -> None:
    for text, problem in (("{oops", "no JSON"), ("", "no JSON"), ('{"symbol": ""}', "no symbol")):
        answer = ada.post(LETTER, data={"action": "mend", "text": text})
        assert answer.status_code == 422
        assert problem in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert f"\n{text.replace(chr(34), '&#34;')}</textarea>" in answer.text
    assert states(owner) == {(LIVE, 0): "open"}


def test_a_group_is_discarded_for_a_reason_and_others_stay(ada: httpx.Client, owner: Owner) -> None:
    add_letters(owner, message(BAD_BAR), message(BAD_BAR), after=1, reason="bad_field")
    group = {"dataset": "bars", "reason": "bad_field"}

    assert ada.post(PAGE, data=group | {"action": "discard", "why": " "}).status_code == 422
    assert "Done for 2 letters." in _follow(ada, PAGE, action="discard", why="a vendor's test", **group)

    assert states(owner) == {(LIVE, 0): "open", (LIVE, 1): "discarded", (LIVE, 2): "discarded"}
    assert "a vendor&#39;s test" in ada.get(f"{PAGE}/{LIVE}/0/{FAR + 1}").text
    assert "1 waits for a decision" in ada.get(PAGE).text


def test_what_a_vendor_wrote_stays_text(ada: httpx.Client, owner: Owner) -> None:
    evil = b"</textarea></pre><script>alert(1)</script>\x00\xff"
    add_letters(owner, evil, after=5, reason='"><img src=x onerror=alert(1)>')
    for path in (PAGE, f"{PAGE}/{LIVE}/0/{FAR + 5}"):
        page = ada.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
    assert r"&lt;script&gt;alert(1)&lt;/script&gt;␀\xff" in page.text
    reason = "'; DROP TABLE ops.redrives; --"
    assert (
        "There are none any more."
        in ada.get(f"{PAGE}/group", params={"dataset": "bars", "reason": reason, "state": "open"}).text
    )
    assert "Done for" not in _follow(ada, PAGE, action="redrive", dataset="bars", reason=reason)
    assert ada.get(f"{PAGE}/nowhere/0/0").status_code == 404
    assert ada.get(f"{PAGE}/{LIVE}/zero/0").status_code == 422
    assert ada.get(f"{PAGE}/%00/0/0").status_code == 422
    assert ada.get(f"{PAGE}/{LIVE}/0/{10**30}").status_code == 404


def test_the_lineage_of_a_row_is_shown_and_can_be_linked_to(ada: httpx.Client, owner: Owner) -> None:
    owner.execute("SELECT raw.ensure_day('bars', current_date)")
    owner.execute(
        "INSERT INTO raw.bars SELECT %s, 0, 12, now(), max(batch_id), 's', 'MSFT', '1min', '2024-03-01 14:30Z',"
        " '2', '2', '2', '2', '2', '2024-03-02Z', 'ingest <1>' FROM ops.batches",
        (LIVE,),
    )
    owner.execute("INSERT INTO market.bars_1m VALUES ('MSFT', 's', '2024-03-01 14:30Z', 2, 2, 2, 2, 2, '2024-03-02Z')")
    row = {"relation": "market.bars_1m", "key": '{"symbol": "MSFT", "source": "s", "ts": "2024-03-01 14:30Z"}'}

    shown = ada.get(LINEAGE, params=row).text

    for text in ("made", f"{LIVE}[0] 12", "ingest &lt;1&gt;", "load 1", "<option selected>market.bars_1m</option>"):
        assert text in shown
    assert "Nothing is known of it" in ada.get(LINEAGE, params=row | {"key": '{"symbol": "IBM"}'}).text
    for wrong, problem in (
        ({"key": "MSFT"}, "no JSON object"),
        ({"key": "[1]"}, "no JSON object"),
        ({"key": '{"ts": "soon"}'}, "invalid input syntax for type timestamp"),
        ({"relation": "ops.api_budget; --"}, "do not come from messages"),
        ({"relation": "a\0b"}, "NUL"),
    ):
        answer = ada.get(LINEAGE, params=row | wrong)
        assert (answer.status_code, problem in answer.text) == (422, True), answer.text


@pytest.mark.parametrize("route", ["dead-letters", "lineage"])
def test_each_page_is_in_the_navigation(ada: httpx.Client, route: str) -> None:
    plugins = {each["name"]: each for each in ada.get("/api/v2/plugins").json()["plugins"]}
    (view,) = (each for each in plugins["marketpulse_pages"]["external_views"] if each["url_route"] == route)
    assert view["destination"] == "nav"
    assert ada.get(view["href"]).status_code == 200
    assert ada.get("/api/v2/plugins/importErrors").json()["total_entries"] == 0


def test_the_plugin_costs_a_task_nothing() -> None:
    """Every task's process imports it."""
    script = (
        "import sys, airflow.sdk.plugins_manager\nbefore = set(sys.modules)\nimport marketpulse_pages\n"
        "print(sorted(set(sys.modules) - before))"
    )
    path = os.environ | {"PYTHONPATH": str(REPOSITORY / "plugins")}
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=path, check=True, timeout=60
    )
    assert finished.stdout.strip() == "['marketpulse_pages']"


def test_a_start_that_is_lost_loses_no_request(ada: httpx.Client, owner: Owner) -> None:
    """The last test of this server: it takes the DAG away."""
    assert ada.delete("/api/v2/dags/redrive_dead_letters").status_code == 204

    assert "could not be started" in _follow(ada, LETTER, action="redrive")

    assert states(owner) == {(LIVE, 0): "requested"}
