"""What adapters share in reading an answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from marketpulse.bars import Bar
from marketpulse.redaction import Redactor

BAR_LENGTH = timedelta(minutes=1)
_SHOWN_CHARACTERS = 300
_SMALLEST = Decimal("1e-8")

T = TypeVar("T")
log = logging.getLogger(__name__)


def parse_json(body: bytes) -> Any:
    """The document, each number as a string of the digits that the vendor printed.

    Raises:
        ValueError: It is no JSON; says how it starts.
    """
    try:
        return json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        start = body[:60].decode("utf-8", "replace")
        raise ValueError(f"{len(body)} bytes that are not JSON, starting {start!r}") from None


def read_articles(rows: Any, read: Callable[[Any], T]) -> list[T]:
    """What `read` makes of each row of an answer; one that cannot be read does not hold up the others, and is logged.

    Raises:
        ValueError: It is no list, or none of its rows can be read.
    """
    if not isinstance(rows, list):
        raise ValueError("no list of articles")
    found: list[T] = []
    problem = ""
    for row in rows:
        try:
            found.append(read(row))
        except (ArithmeticError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            problem = f"article {str(row)[:200]}: {type(error).__name__} {error}"
            log.warning("left out: %s", problem)
    if problem and not found:
        raise ValueError(problem)
    return found


def plain_number(number: str) -> str:
    """The number as printed, unless it has an exponent or more than 8 decimals.

    Raises:
        ValueError: It is none.
        ArithmeticError: It is none.
    """
    whole, _, decimals = number.removeprefix("-").partition(".")
    if whole.isdigit() and len(decimals) <= 8 and (decimals.isdigit() or not decimals):
        return number
    value = Decimal(number)
    if not value.is_finite():
        raise ValueError(f"{number} is no number")
    return format(value.quantize(_SMALLEST), "f").rstrip("0").rstrip(".")


def score(number: str | None, lowest: int) -> str | None:
    """A score of an article in the contract's form, as printed where that fits; None stays None.

    Args:
        number: As the vendor printed it.
        lowest: What it may be at the least; 1 is the most.

    Raises:
        ValueError: It is no number, or lies outside.
        ArithmeticError: It is no number.
    """
    if number is None:
        return None
    text = plain_number(number)
    if not lowest <= Decimal(text) <= 1:
        raise ValueError(f"{number} is no score of {lowest} to 1")
    return text


def quoted(text: str, redact: Redactor) -> str:
    """The vendor's words for an error's detail, shortened and without the key."""
    return f'the vendor says "{redact(text)[:_SHOWN_CHARACTERS]}"'


def keep_finished(bars: Iterable[Bar], composed_at: datetime) -> list[Bar]:
    """Drop bars whose minute was not over when the vendor composed its answer; the next poll brings them."""
    newest = composed_at - BAR_LENGTH
    return [bar for bar in bars if bar.ts <= newest]


def within(bars: Iterable[Bar], start: datetime, end: datetime) -> list[Bar]:
    """The bars that begin in [start, end)."""
    return [bar for bar in bars if start <= bar.ts < end]
