"""The page Dead letters: what waits, what it says, and what a person has done about it.

A decision is a row of `ops.redrives` before the DAG that carries it out is started: a start that is lost costs time
until the DAG's next hour, and nothing else.
"""

from __future__ import annotations

import logging
from typing import Annotated, Literal
from urllib.parse import urlencode

from airflow.api.common.trigger_dag import trigger_dag
from airflow.sdk.exceptions import AirflowException
from airflow.utils.types import DagRunTriggeredByType
from fastapi import APIRouter, Form, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.exc import SQLAlchemyError

from marketpulse import dead_letters
from marketpulse.dead_letters import LISTED, Selection
from marketpulse.pages.access import SAME_ORIGIN, User, may_trigger
from marketpulse.pages.rendering import page
from marketpulse.redriving import KeyUnknown, message_key

DAG_ID = "redrive_dead_letters"
SEE_OTHER = 303
#: A message of the pipeline has a few hundred characters; Kafka takes 8 MB.
LONGEST_TEXT = 1_000_000

log = logging.getLogger(__name__)
router = APIRouter(prefix="/dead-letters")
CHANGES = [SAME_ORIGIN, may_trigger(DAG_ID)]

Why = Annotated[str, Form(max_length=500)]
Name = Annotated[str, Query(max_length=100)]


@router.get("")
def show_groups(request: Request, user: User, done: int | None = None, started: bool = True) -> Response:
    """All letters, counted."""
    groups = dead_letters.groups()
    waiting = sum(group["letters"] for group in groups if group["state"] == "open")
    return page(
        request,
        "dead_letters.html",
        groups=groups,
        waiting=waiting,
        done=done,
        started=started,
        user=user.get_name(),
    )


@router.get("/group")
def show_group(request: Request, user: User, dataset: Name, reason: Name, state: Name) -> Response:
    """The letters of one group."""
    letters = dead_letters.letters(dataset, reason, state)
    return page(
        request,
        "group.html",
        dataset=dataset,
        reason=reason,
        state=state,
        letters=letters,
        listed=LISTED,
        user=user.get_name(),
    )


@router.post("", dependencies=CHANGES)
def decide(
    request: Request,
    user: User,
    action: Annotated[Literal["redrive", "discard"], Form()],
    why: Why = "",
    dataset: Annotated[str | None, Form()] = None,
    reason: Annotated[str | None, Form()] = None,
) -> Response:
    """Re-drive or discard a group, or every open letter."""
    selection = Selection(dataset=dataset or None, reason=reason or None)
    if action == "discard":
        return _done(request, dead_letters.discard(selection, user.get_name(), _given(why)))
    return _requested(request, user, dead_letters.request_redrive(selection, user.get_name()))


@router.get("/{topic}/{partition}/{offset}")
def show_letter(
    request: Request, user: User, topic: str, partition: int, offset: int, done: int | None = None, started: bool = True
) -> Response:
    """One letter with its history."""
    return _letter(request, Selection(topic, partition, offset), user, done=done, started=started)


@router.post("/{topic}/{partition}/{offset}", dependencies=CHANGES)
def decide_one(
    request: Request,
    user: User,
    topic: str,
    partition: int,
    offset: int,
    action: Annotated[Literal["redrive", "mend", "discard"], Form()],
    why: Why = "",
    text: Annotated[str, Form(max_length=LONGEST_TEXT)] = "",
) -> Response:
    """Re-drive one letter, mended or as it was, or discard it."""
    place = Selection(topic, partition, offset)
    if action == "discard":
        return _done(request, dead_letters.discard(place, user.get_name(), _given(why)), place)
    if action == "redrive":
        return _requested(request, user, dead_letters.request_redrive(place, user.get_name()), place)
    try:
        message_key(topic.split("@")[0], text.encode())
    except KeyUnknown as error:
        return _letter(request, place, user, text=text, problem=str(error), status_code=422)
    return _requested(request, user, dead_letters.request_redrive(place, user.get_name(), text), place)


def _letter(
    request: Request,
    place: Selection,
    user: User,
    *,
    text: str | None = None,
    problem: str = "",
    done: int | None = None,
    started: bool = True,
    status_code: int = 200,
) -> Response:
    letter = dead_letters.letter(place)
    if letter is None:
        raise HTTPException(
            404, "There is no such letter: its topic was retired, or the letter was too old to be kept."
        )
    return page(
        request,
        "dead_letter.html",
        status_code,
        letter=letter,
        history=dead_letters.history(place),
        text=text,
        problem=problem,
        done=done,
        started=started,
        user=user.get_name(),
    )


def _given(why: str) -> str:
    if not why.strip():
        raise HTTPException(422, "A letter is discarded for a reason: go back and say which.")
    return why.strip()


def _requested(request: Request, user: User, count: int, place: Selection | None = None) -> Response:
    started = True
    if count:
        try:
            trigger_dag(DAG_ID, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=user.get_name())
        except (AirflowException, SQLAlchemyError):
            # What is asked for is stored; the page says that it will take until the hour's run.
            log.exception("%s was not started for what %s asked for", DAG_ID, user.get_name())
            started = False
    return _done(request, count, place, started=started)


def _done(request: Request, count: int, place: Selection | None = None, *, started: bool = True) -> Response:
    """Back to where the form was, so that loading the page again decides nothing again."""
    if place:
        path = request.app.url_path_for(
            "show_letter", topic=place.topic, partition=place.partition, offset=place.offset
        )
    else:
        path = request.app.url_path_for("show_groups")
    answer = urlencode({"done": count, "started": str(started).lower()})
    return RedirectResponse(f"{request.scope['root_path']}{path}?{answer}", SEE_OTHER)
