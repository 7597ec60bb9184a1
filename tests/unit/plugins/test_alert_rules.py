"""Alert rules: complete, tested, and of metrics that somebody sends."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards import panels

REPOSITORY = Path(__file__).parents[3]
MONITORING = REPOSITORY / "monitoring"
RULES = MONITORING / "prometheus" / "rules"
KINDS = ("fires", "stays quiet", "fires at the first occurrence", "recovers")
#: It never ends and has no cause.
WATCHDOG_KINDS = ("fires", "fires at the first occurrence")
LAYERS = {"monitoring", "service", "airflow", "pipeline", "machine"}
#: What the programs that are scraped say of themselves, by the job that scrapes them.
OF_JOBS = {
    "statsd_exporter_": "statsd-exporter",
    "alertmanager_": "alertmanager",
    "prometheus_": "prometheus",
    "pg_": "postgres-exporter",
}
#: What Prometheus knows of every job.
OF_ALL_JOBS = {"up", "process_start_time_seconds"}
_METRIC = re.compile(
    r"\b((?:airflow|marketpulse|statsd_exporter|alertmanager|prometheus|process|pg)[_:][a-z0-9_:]+|up)\b"
)


def _rules(kind: str) -> list[dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    return [rule for document in documents for group in document["groups"] for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in _rules("alert")}
RECORDED = {rule["record"] for rule in _rules("record")}


def _used(expression: str) -> set[str]:
    without_strings = re.sub(r'"[^"]*"', "", expression)
    return set(_METRIC.findall(without_strings))


def test_there_are_rules() -> None:
    assert len(ALERTS) >= 30
    assert len(ALERTS) == len(_rules("alert")), "two alerts have one name"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_who_what_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    labels, annotations = rule["labels"], rule["annotations"]

    assert labels["severity"] in {"page", "ticket"} | ({"heartbeat"} if name == "Watchdog" else set())
    assert labels["team"] in {"data", "platform"}
    assert labels["layer"] in LAYERS
    assert sorted(annotations) == ["description", "runbook", "summary"]
    kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
    assert annotations["runbook"] == f"docs/runbooks/{kebab}.md"
    assert (REPOSITORY / annotations["runbook"]).is_file()


def test_every_alert_has_every_kind_of_case() -> None:
    cases = [
        case["name"] for path in (RULES / "tests").glob("*.yml") for case in yaml.safe_load(path.read_text())["tests"]
    ]
    wanted = [f"{name} {kind}" for name in ALERTS for kind in (WATCHDOG_KINDS if name == "Watchdog" else KINDS)]

    assert sorted(cases) == sorted(wanted)


def test_cases_hold_what_their_names_say() -> None:
    for path in (RULES / "tests").glob("*.yml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            alert, kind = case["name"].split(" ", 1)
            fires = [bool(each["exp_alerts"]) for each in case["alert_rule_test"]]
            assert {each["alertname"] for each in case["alert_rule_test"]} == {alert}, case["name"]
            assert {"fires": fires == [True], "stays quiet": not any(fires), "recovers": fires[-1] is False}.get(
                kind, fires[-1]
            ), case["name"]
            assert kind != "recovers" or any(fires), case["name"]


def _sent_by_airflow() -> set[str]:
    """The Prometheus names of what Airflow says it sends, by the mapping."""
    template = files("airflow._shared.observability.metrics").joinpath("metrics_template.yaml").read_text()
    kinds = {"counter": "counter", "gauge": "gauge", "timer": "observer"}
    names: set[str] = set()
    for metric in yaml.safe_load(template)["metrics"]:
        name = metric["name"].replace("{job_name}", "schedulerjob")
        names |= _mapped(f"airflow.{name}", kinds[metric["type"]])
    return names


def _sent_by_the_pipeline() -> set[str]:
    """The Prometheus names of what our own code sends, by the mapping."""
    kinds = {"count": "counter", "incr": "counter", "gauge": "gauge", "timing": "observer"}
    call = re.compile(r'(?:metrics\.|_client\.|_)(count|incr|gauge|timing)\(\s*f?"([a-z_]+)[",]')
    names: set[str] = set()
    for folder in ("plugins", "spark_jobs", "deploy/local"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            # The loader names its counters by what a topic carries.
            text = [path.read_text().replace("{what}", what) for what in ("bars", "articles", "actions")]
            for method, name in call.findall("".join(text)):
                names |= _mapped(f"marketpulse.{name}", kinds[method])
    return names


def _mapped(name: str, kind: str) -> set[str]:
    for rule in yaml.safe_load((MONITORING / "statsd" / "mapping.yml").read_text())["mappings"]:
        match = re.search(rule["match"], name)
        if match and rule.get("match_metric_type", kind) == kind:
            if rule.get("action") == "drop":
                return set()
            full = rule["name"].replace("${1}", match[1] if match.groups() else "").replace(".", "_")
            return {full} | ({f"{full}_{part}" for part in ("bucket", "count", "sum")} if kind == "observer" else set())
    raise AssertionError(f"no rule of the mapping takes {name}")


def test_metrics_of_rules_are_sent() -> None:
    used = set().union(*(_used(rule["expr"]) for rule in [*_rules("alert"), *_rules("record")]))

    assert {"airflow_scheduler_heartbeat_total", "marketpulse_service_up", "up"} <= used
    assert _sent_by_nobody(used) == set()


def test_metrics_of_dashboards_are_sent() -> None:
    used = set().union(*(_used(query) for panel in panels() for query in panel.queries))

    assert {"airflow_scheduler_heartbeat_total", "marketpulse_kafka_backlog_messages", "pg_stat_activity_count"} <= used
    assert _sent_by_nobody(used) == set()


def _sent_by_nobody(used: set[str]) -> set[str]:
    jobs = {job["job_name"] for job in yaml.safe_load(_prometheus_template())["scrape_configs"]}
    of_jobs = {name for name in used for prefix, job in OF_JOBS.items() if name.startswith(prefix) and job in jobs}
    return used - of_jobs - _sent_by_airflow() - _sent_by_the_pipeline() - RECORDED - OF_ALL_JOBS


def _prometheus_template() -> str:
    return re.sub(r"\$\{\w+\}", "127.0.0.1:1", (MONITORING / "prometheus" / "prometheus.yml.tmpl").read_text())


def test_every_dag_is_missed_when_it_does_not_run_and_has_its_deadline() -> None:
    dags = {path.stem for path in (REPOSITORY / "dags").glob("*.py")}
    in_time = next(rule for rule in _rules("record") if rule["record"] == "marketpulse:dagrun_success_in_time:total")
    missed = [rule["expr"].split(" and ")[0] for name, rule in ALERTS.items() if name.endswith("RunsMissed")]

    assert _named_dags(in_time["expr"]) == sorted(dags)
    assert _named_dags(" ".join(missed)) == sorted(dags)


def _named_dags(expression: str) -> list[str]:
    return sorted(dag for named in re.findall(r'dag_id=~?"([^"]*)"', expression) for dag in named.split("|"))


def test_bounds_of_deadlines_are_those_of_the_dags() -> None:
    in_time = next(rule for rule in _rules("record") if rule["record"] == "marketpulse:dagrun_success_in_time:total")
    bounds = {
        dag: int(bound)
        for named, bound in re.findall(r'dag_id=~?"([^"]*)", le="(\d+)"', in_time["expr"])
        for dag in named.split("|")
    }
    unit = {"seconds": 1, "minutes": 60}
    for dag, bound in bounds.items():
        text = (REPOSITORY / "dags" / f"{dag}.py").read_text()
        found = re.search(r"alert_after\(DAG_ID, timedelta\((\w+)=(\d+)\)\)", text)
        assert found, dag
        assert bound == int(found[2]) * unit[found[1]], dag


def _budgets() -> dict[tuple[str, str], float]:
    """Seconds by dataset and hop."""
    rules = [rule for rule in _rules("record") if rule["record"] == "marketpulse:hop_budget_seconds"]
    return {
        (rule["labels"]["dataset"], rule["labels"]["hop"]): float(
            rule["expr"].removeprefix("vector(").removesuffix(")")
        )
        for rule in rules
    }


def test_every_hop_has_a_budget_that_its_buckets_know() -> None:
    hops = re.findall(r"\('([a-z]+)', \w+_seconds\)", (REPOSITORY / "sql/ops/batches/read_hops.sql").read_text())
    mapping = yaml.safe_load((MONITORING / "statsd" / "mapping.yml").read_text())["mappings"]
    buckets = next(rule for rule in mapping if rule["name"] == "marketpulse_hop_seconds")["histogram_options"][
        "buckets"
    ]

    assert len(hops) == 6
    assert sorted(_budgets()) == sorted((dataset, hop) for dataset in ("bars", "news") for hop in hops)
    assert set(_budgets().values()) <= set(buckets)


@pytest.mark.parametrize("dataset", ["bars", "news"])
def test_budgets_of_hops_add_up_to_the_total_at_the_most(dataset: str) -> None:
    budgets = {hop: seconds for (of, hop), seconds in _budgets().items() if of == dataset}
    total = budgets.pop("total")

    assert sum(budgets.values()) <= total


def test_the_total_budget_of_bars_is_the_objective_of_freshness() -> None:
    late = next(rule for rule in _rules("record") if rule["record"] == "marketpulse:freshness_late:bool")

    assert late["expr"] == f"marketpulse:freshness_seconds > bool {_budgets()['bars', 'total']:.0f}"
