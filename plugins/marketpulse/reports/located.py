"""YAML whose values know their lines, so that an error can name one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from marketpulse.errors import MarketPulseError

Model = TypeVar("Model", bound=BaseModel)
#: Keys and positions that lead to a value.
Path = tuple[str | int, ...]


class ReportError(MarketPulseError):
    """A file of `reports/` is wrong; names the file, the line, the reason and the fix."""

    def __init__(self, file: str, line: int, problem: str, fix: str) -> None:
        super().__init__(f"{file}:{line}: {problem}. Fix: {fix}.")


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML document and where its values stand.

    Attributes:
        file: Its path in the repository.
        values: What it says.
        lines: Path of each value to its line, from 1 on.
    """

    file: str
    values: Any
    lines: Mapping[Path, int]

    def error(self, path: Path, problem: str, fix: str) -> ReportError:
        """What to raise about a value; one that is missing stands where it should be."""
        known = next(path[:length] for length in range(len(path), -1, -1) if path[:length] in self.lines)
        return ReportError(self.file, self.lines[known], problem, fix)

    def validated(self, model: type[Model], path: Path = (), **given: Any) -> Model:
        """A value of the document as the model has it.

        Args:
            model: What it should be.
            path: Which value; all of them for an empty one.
            given: Fields that the file does not say.

        Raises:
            ReportError: It breaks a rule.
        """
        values = self.values
        for key in path:
            values = values[key]
        if not isinstance(values, dict):
            keys = [name for name in model.model_fields if name not in given]
            raise self.error(path, "is not a mapping", "give it the keys " + ", ".join(keys))
        if spoken_for := given.keys() & values.keys():
            key = min(spoken_for)
            raise self.error((*path, key), f"{key} is not said here", "remove the key")
        try:
            return model.model_validate({**values, **given})
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            fix = "remove the key or correct its name" if first["type"] == "extra_forbidden" else f"correct {place}"
            raise self.error((*path, *first["loc"]), f"{place}: {first['msg']}", fix) from None


def parse(file: str, text: str) -> Located:
    """Read YAML.

    Args:
        file: Its path in the repository, for errors.
        text: From the file's first line on.

    Raises:
        ReportError: It is no YAML, or says a key twice.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[Path, int] = {(): 1}
        lines.update(_lines(file, node, ()) if node else ())
        return Located(file, loader.construct_document(node) if node else None, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ReportError(file, line, f"is not valid YAML: {error.problem}", "check indentation and quotes") from error
    finally:
        loader.dispose()


def _lines(file: str, node: Any, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield from _lines(file, item, (*path, position))
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                raise ReportError(file, key.start_mark.line + 1, f"{key.value} is said twice", "remove one of the two")
            seen.add(key.value)
            yield from _lines(file, value, (*path, key.value))
            # A value may start below its key; an error about it names the key's line.
            yield (*path, key.value), key.start_mark.line + 1
