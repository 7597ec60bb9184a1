"""What a reader of a report can choose, from `reports/parameters.yml`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from marketpulse.errors import MarketPulseError
from marketpulse.reports.located import parse

PARAMETERS_FILE = "reports/parameters.yml"
QUESTIONS_FOLDER = "reports/questions"
TEXT_LENGTH = 64

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Text = Annotated[str, Field(min_length=1)]
#: As it is bound to a statement.
Value = str | int | float


class WrongValue(MarketPulseError):
    """A reader chose what a parameter does not take; the message says what it takes."""

    def __init__(self, parameter: Parameter, expected: str) -> None:
        super().__init__(f"{parameter.title}: this is no value of it. Next: choose {expected}.")


class Parameter(BaseModel):
    """One thing to choose, the same in every question that has it.

    Attributes:
        name: As questions and dashboards call it.
        title: As readers see it.
        type: What its values are.
        default: What is shown before anything is chosen.
        choices: All its values; empty for any within the limits.
        choices_from: The question whose first column has its values, as a help to choose.
        minimum: Of a number; maximum likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Name
    title: Text
    type: Literal["text", "integer", "number"]
    default: Value
    choices: Annotated[tuple[Value, ...], Field(strict=False)] = ()
    choices_from: Name | None = None
    minimum: float = -math.inf
    maximum: float = math.inf

    def value_of(self, text: str) -> Value:
        """A value that was written down, ready to be bound.

        Raises:
            WrongValue: It is of another type, beyond the limits or not among the choices.
        """
        value = self._text(text) if self.type == "text" else self._number(text)
        if self.choices and value not in self.choices:
            raise WrongValue(self, "one of " + ", ".join(map(str, self.choices)))
        return value

    def _text(self, text: str) -> str:
        if not 1 <= len(text) <= TEXT_LENGTH or not text.isprintable():
            raise WrongValue(self, f"a text of 1 to {TEXT_LENGTH} letters, digits and signs")
        return text

    def _number(self, text: str) -> int | float:
        try:
            number = int(text) if self.type == "integer" else float(text)
        except ValueError:
            raise WrongValue(self, f"a number such as {self.default}") from None
        if not self.minimum <= number <= self.maximum:
            raise WrongValue(self, f"a number from {self.minimum:g} to {self.maximum:g}")
        return number


def load_parameters(root: Path) -> dict[str, Parameter]:
    """Read and check `reports/parameters.yml`.

    Returns:
        Name to parameter, in the order of the file.

    Raises:
        ReportError: The file breaks a rule.
    """
    document = parse(PARAMETERS_FILE, (root / PARAMETERS_FILE).read_text(encoding="utf-8"))
    if not isinstance(document.values, dict):
        raise document.error((), "is not a mapping", "give it the name of each parameter as a key")
    parameters: dict[str, Parameter] = {}
    for name in document.values:
        parameter = document.validated(Parameter, (name,), name=name)
        for key, value in [("default", parameter.default), *(("choices", choice) for choice in parameter.choices)]:
            try:
                taken = parameter.value_of(str(value))
            except WrongValue as error:
                raise document.error(
                    (name, key), f"{value!r} is not a value of {name}: {error}", "correct it"
                ) from error
            if type(taken) is not type(value):
                raise document.error((name, key), f"{value!r} is not of type {parameter.type}", "correct it")
        choices = f"{QUESTIONS_FOLDER}/{parameter.choices_from}.sql"
        if parameter.choices_from is not None and not (root / choices).exists():
            raise document.error((name, "choices_from"), f"there is no question {choices}", "add it or name another")
        parameters[name] = parameter
    return parameters
