"""Grafana's dashboards: written by their code, complete, and leading to what is there."""

from __future__ import annotations

import re
from itertools import combinations, groupby
from typing import Any

import pytest
import yaml
from marketpulse_stack.settings import REPOSITORY

from monitoring.grafana.source import __main__ as source
from monitoring.grafana.source.panels import RUNBOOKS
from tests.dashboards import FOLDER, OF_GRAFANA, Panel, boards, panels, variables

GRAFANA = REPOSITORY / "monitoring" / "grafana"
TITLES = {
    "Pipeline overview",
    "Airflow",
    "Kafka and Spark batches",
    "Data quality and completeness",
    "Vendors and budgets",
    "PostgreSQL",
}
COLUMNS = 24


def _provisioning(kind: str) -> Any:
    (path,) = (GRAFANA / "provisioning" / kind).glob("*.yml")
    return yaml.safe_load(path.read_text())


def test_the_files_are_what_the_code_makes() -> None:
    assert {path: path.read_text() for path in FOLDER.glob("*.json")} == source.files(), "run `make dashboards`"


def test_every_dashboard_is_there_once() -> None:
    assert {board["title"] for board in boards().values()} == TITLES
    assert {name: board["uid"] for name, board in boards().items()} == {name: name for name in boards()}
    # Grafana takes no longer ones.
    assert all(len(name) <= 40 for name in boards())


@pytest.mark.parametrize("panel", panels(), ids=str)
def test_a_panel_says_what_it_shows_and_what_to_do(panel: Panel) -> None:
    definition = panel.definition
    assert definition["description"].endswith(".")
    assert definition["fieldConfig"]["defaults"]["unit"]
    assert panel.queries
    assert all(target["legendFormat"] for target in definition["targets"])
    assert len({target["refId"] for target in definition["targets"]}) == len(panel.queries)
    assert definition["links"]
    for link in definition["links"]:
        folder, _, file = link["url"].rpartition("/")
        assert folder == RUNBOOKS
        assert link["title"] == f"Runbook: {file.removesuffix('.md')}"
        assert (REPOSITORY / "docs" / "runbooks" / file).is_file(), file


@pytest.mark.parametrize("name", boards())
def test_panels_of_a_dashboard_have_a_name_a_number_and_a_place_of_their_own(name: str) -> None:
    everything = boards()[name]["panels"]
    assert len({each["id"] for each in everything}) == len(everything)
    assert len({each["title"] for each in everything}) == len(everything)
    places = [each["gridPos"] for each in everything]
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)
    lines = groupby(sorted(places, key=lambda place: int(place["y"])), key=lambda place: place["y"])
    assert {y: sum(place["w"] for place in line) for y, line in lines} == {place["y"]: COLUMNS for place in places}


def test_variables_are_used_where_they_are_defined() -> None:
    used: dict[str, set[str]] = {name: set() for name in boards()}
    for panel in panels():
        used[panel.board] |= set(re.findall(r"\$(\w+)", " ".join(panel.queries))) - OF_GRAFANA.keys()
    assert used == {name: set(own) for name, own in variables().items()}
    assert used["marketpulse-airflow"] == {"dag_id"}


def test_the_data_source_is_the_one_that_panels_ask() -> None:
    provisioned = _provisioning("datasources")
    assert provisioned["apiVersion"] == 1
    (source_of_data,) = provisioned["datasources"]
    asked = [panel.definition["datasource"] for panel in panels()]
    asked += [target["datasource"] for panel in panels() for target in panel.definition["targets"]]
    asked += [variable["datasource"] for board in boards().values() for variable in board["templating"].get("list", [])]
    assert {(each["type"], each["uid"]) for each in asked} == {(source_of_data["type"], source_of_data["uid"])}
    template = (REPOSITORY / "monitoring" / "prometheus" / "prometheus.yml.tmpl").read_text()
    intervals = [int(seconds) for seconds in re.findall(r"scrape_interval: (\d+)s", template)]
    # With a shorter one, a rate would see one sample and be empty.
    assert source_of_data["jsonData"]["timeInterval"] == f"{max(intervals)}s"


def test_dashboards_are_provisioned_from_their_folder_and_not_edited_elsewhere() -> None:
    provisioned = _provisioning("dashboards")
    assert provisioned["apiVersion"] == 1
    (provider,) = provisioned["providers"]
    assert provider["type"] == "file"
    assert not provider["allowUiUpdates"]
    assert not any(board["editable"] for board in boards().values())
    assert f"`{provider['options']['path']}`" in (GRAFANA / "README.md").read_text()
