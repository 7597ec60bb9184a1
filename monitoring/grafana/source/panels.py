"""What dashboards are made of: panels that answer one question each, and say what to do about the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import GraphThresholdsStyleMode, VisibilityMode

TAG = "marketpulse"
PROMETHEUS = models.DataSourceRef(type_val="prometheus", uid="marketpulse-prometheus")
#: Grafana serves what is mounted there (monitoring/grafana/README.md): the runbooks of the release that runs.
RUNBOOKS = "/public/runbooks"
#: The whole width is 24.
WIDTH = 8
HEIGHT = 8

#: An expression and the name of its series.
Query = tuple[str, str]
_Panel = TypeVar("_Panel", bargauge.Panel, stat.Panel, statetimeline.Panel, timeseries.Panel)


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    runbooks: Sequence[str],
    alarm: float | None = None,
    width: int = WIDTH,
) -> timeseries.Panel:
    """Values over time, from zero on; `alarm` is where an alert begins to count, drawn as a line."""
    panel = _filled(timeseries.Panel(), title, description, queries, unit, runbooks, width)
    panel.min(0).fill_opacity(8).show_points(VisibilityMode.NEVER)
    if alarm is not None:
        panel.thresholds(_thresholds({alarm: "red"}))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel


def number(
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    runbooks: Sequence[str],
    steps: Mapping[float, str],
    width: int = WIDTH,
) -> stat.Panel:
    """The value now, in the colour of the highest step that it reaches; green below."""
    panel = _filled(stat.Panel(), title, description, queries, unit, runbooks, width)
    return panel.thresholds(_thresholds(steps))


def ranking(
    title: str, description: str, *queries: Query, unit: str, runbooks: Sequence[str], width: int = WIDTH
) -> bargauge.Panel:
    """The values at the end of the time shown, side by side."""
    panel = _filled(bargauge.Panel(), title, description, queries, unit, runbooks, width, instant=True)
    return panel.min(0)


def timeline(
    title: str, description: str, *queries: Query, unit: str, runbooks: Sequence[str], width: int = WIDTH
) -> statetimeline.Panel:
    """Since when something is up (1) or down (0)."""
    panel = _filled(statetimeline.Panel(), title, description, queries, unit, runbooks, width)
    states = {"1": ("up", "green", 0), "0": ("down", "red", 1)}
    results = {
        value: models.ValueMappingResult(text=text, color=color, index=index)
        for value, (text, color, index) in states.items()
    }
    return panel.mappings([models.ValueMap(options=results)]).show_value(VisibilityMode.NEVER)


def events(series: str, by: str, window: str = "$__range") -> str:
    """How often a counter counted in a window; one that is born in it counts by its value, which increase() misses."""
    return f"sum by ({by}) (({series} unless {series} offset {window}) or increase({series}[{window}]))"


def quantile(share: float, histogram: str, by: str, window: str = "$__rate_interval") -> str:
    """A quantile of a histogram; `histogram` is its selector without `_bucket`."""
    name, brace, labels = histogram.partition("{")
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({name}_bucket{brace}{labels}[{window}])))"


def choice(name: str, label: str, metric: str) -> dashboard.QueryVariable:
    """A variable for one, several or all values that a label of a metric has."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(f"label_values({metric}, {name})")
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .current(models.VariableOption(selected=True, text="All", value="$__all"))
    )


def board(
    uid: str,
    title: str,
    description: str,
    rows: Mapping[str, Sequence[Builder[models.Panel]]],
    variables: Sequence[dashboard.QueryVariable] = (),
) -> models.Dashboard:
    """A dashboard: each row is a question, and its panels answer it."""
    others = dashboard.DashboardLink("Dashboards").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("utc")
        .time("now-3h", "now")
        .refresh("30s")
        .readonly()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(others.as_dropdown(True).keep_time(True))
        .variables(list(variables))
    )
    for question, panels in rows.items():
        builder.with_row(dashboard.Row(question))
        for panel in panels:
            builder.with_panel(panel)
    built = builder.build()
    for number_of_panel, each in enumerate(built.panels or [], start=1):
        each.id_val = number_of_panel
    return built


def _filled(
    panel: _Panel,
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    runbooks: Sequence[str],
    width: int,
    *,
    instant: bool = False,
) -> _Panel:
    panel.title(title).description(description).datasource(PROMETHEUS).unit(unit).span(width).height(HEIGHT)
    for letter, (expression, name) in zip("ABCD", queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).datasource(PROMETHEUS).expr(expression).legend_format(name)
        panel.with_target(target.instant() if instant else target.range())
    return panel.links(
        [
            dashboard.DashboardLink(f"Runbook: {name}")
            .type(models.DashboardLinkType.LINK)
            .url(f"{RUNBOOKS}/{name}.md")
            .target_blank(True)
            for name in runbooks
        ]
    )


def _thresholds(steps: Mapping[float, str]) -> dashboard.ThresholdsConfig:
    lowest = models.Threshold(value=None, color="green")
    higher = [models.Threshold(value=value, color=color) for value, color in steps.items()]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps([lowest, *higher])
