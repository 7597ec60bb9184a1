"""All that `reports/` says, read and checked at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from marketpulse.config import project_root
from marketpulse.reports.dashboards import Dashboard, load_dashboards
from marketpulse.reports.parameters import Parameter, load_parameters
from marketpulse.reports.questions import Question, load_questions


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Parameters, questions and dashboards by name, each sure to name only what there is."""

    parameters: Mapping[str, Parameter]
    questions: Mapping[str, Question]
    dashboards: Mapping[str, Dashboard]


def load_catalogue(root: Path | None = None) -> Catalogue:
    """Read and check everything; the columns of answers are for the warehouse to check (`answers.check_columns`).

    Raises:
        ReportError: A file breaks a rule.
    """
    root = root or project_root()
    parameters = load_parameters(root)
    questions = load_questions(parameters, root)
    return Catalogue(parameters, questions, load_dashboards(parameters, questions, root))
