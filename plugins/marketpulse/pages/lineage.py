"""The page Lineage: which messages, batches, code and runs a row comes from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from marketpulse.lineage import LISTED, NotTraceable, tables, trace
from marketpulse.pages.access import User
from marketpulse.pages.rendering import page

router = APIRouter(prefix="/lineage")


@router.get("")
def show_lineage(
    request: Request,
    user: User,
    relation: Annotated[str, Query(max_length=100)] = "",
    key: Annotated[str, Query(max_length=2000)] = "",
) -> Response:
    """The form, and the answer where the address has a question: other pages link to that."""
    steps, problem = None, ""
    if relation or key:
        try:
            steps = trace(relation, key)
        except NotTraceable as error:
            problem = str(error)
    return page(
        request,
        "lineage.html",
        422 if problem else 200,
        relation=relation,
        key=key,
        tables=tables(),
        steps=steps,
        listed=LISTED,
        problem=problem,
        user=user.get_name(),
    )
