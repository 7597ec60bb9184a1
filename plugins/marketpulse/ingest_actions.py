"""Asking one vendor for splits and dividends: what is new or changed is published."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

import psycopg

from marketpulse import metrics
from marketpulse.actions import ACTIONS_TOPIC, CorporateAction
from marketpulse.config import Instrument, load_instruments, load_sources
from marketpulse.outcome import Outcome
from marketpulse.publishing import ActionPublisher
from marketpulse.redaction import hide_from_airflow
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import VendorError
from marketpulse.sources.protocol import ActionSource, FetchedActions, open_source
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5

#: Kind and ex-date: what tells the actions of one share from a vendor apart.
Identity = tuple[str, date]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class ActionsResult(Outcome):
    """What asking one source did.

    Attributes:
        asked: Symbols that were asked for.
    """

    wanted: ClassVar[str] = "splits and dividends"

    asked: list[str] = field(default_factory=list)


def poll_actions(name: str, run_id: str) -> ActionsResult:
    """Ask a source of `config/sources.yml` for the splits and dividends of its shares.

    Args:
        name: The source.
        run_id: The Airflow run, for the messages.

    Raises:
        NotAcknowledged: Kafka did not take every message.
    """
    instruments = load_instruments()
    settings = load_sources(instruments)[name]
    hide_from_airflow(settings.api_key)
    result = ActionsResult()
    source = open_source(settings, ActionSource, Purpose.GAPS)
    shares = [instruments[symbol] for symbol in settings.symbols if instruments[symbol].kind == "equity"]
    result.asked = [share.symbol for share in shares]
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        known = read_known(connection, name)
    answers = asyncio.run(_fetch(source, shares, result))
    publisher = ActionPublisher(ACTIONS_TOPIC, run_id)
    for symbol, fetched in answers:
        news = select_news(fetched.actions, known.get(symbol, []))
        publisher.send(news, fetched.fetched_at)
        for action in news:
            log.info("%s: %s of %s: %s", symbol, action.kind, action.ex_date, action.value)
    result.published = publisher.finish().messages
    metrics.count("actions_published", result.published, source=name)
    return result


def read_known(connection: psycopg.Connection, source: str) -> dict[str, list[CorporateAction]]:
    """What the warehouse knows that a source says now, by symbol."""
    known: defaultdict[str, list[CorporateAction]] = defaultdict(list)
    rows = connection.execute(sql("market/corporate_actions/read_said.sql"), {"source": source})
    for symbol, kind, ex_date, effective_at, value, currency in rows:
        known[symbol].append(CorporateAction(source, symbol, kind, ex_date, effective_at, value, currency))
    return dict(known)


def select_news(said: Iterable[CorporateAction], known: Iterable[CorporateAction]) -> list[CorporateAction]:
    """What a vendor says differently from what is known of one share; what it no longer lists is withdrawn.

    A list without any action of a kind takes back none of it: a vendor that fails has been seen to answer so.

    Args:
        said: All that the vendor lists.
        known: What it is known to have said.
    """
    listed = {_identity(action): action for action in said}
    before = {_identity(action): action for action in known}
    news = [
        action
        for identity, action in listed.items()
        if identity not in before or _values(action) != _values(before[identity])
    ]
    for identity, action in before.items():
        withdrawn = action.withdrawn()
        if identity in listed or _values(action) == _values(withdrawn):
            continue
        if any(kind == action.kind for kind, _ in listed):
            news.append(withdrawn)
        else:
            log.warning("%s: no %s is listed any more; what is known stays", action.symbol, action.kind)
    return news


def _identity(action: CorporateAction) -> Identity:
    return action.kind, action.ex_date


def _values(action: CorporateAction) -> tuple[datetime, Decimal, str | None]:
    return action.effective_at, Decimal(action.value), action.currency


async def _fetch(
    source: ActionSource, shares: Sequence[Instrument], result: ActionsResult
) -> list[tuple[str, FetchedActions]]:
    """Ask for one share after the other: a daily question leaves the vendor's rate to the bars of the minute."""
    answers = []
    try:
        for share in shares:
            try:
                answers.append((share.symbol, await source.fetch_actions(share)))
            except VendorError as error:
                result.add_failure(share.symbol, error)
    finally:
        await source.close()
    return answers
