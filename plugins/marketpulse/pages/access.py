"""Who may see a page, and who may change something by it: Airflow's own answer.

Airflow does not protect the applications of plugins: without these, a page would answer anybody.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from fastapi import Depends, HTTPException, Request, status
from fastapi.params import Depends as Dependency

#: 401 for a request without a valid token or cookie.
SIGNED_IN: Dependency = Depends(get_user)
#: Who asks.
User = GetUserDep


def may_trigger(dag_id: str) -> Dependency:
    """403 for people who may not start that DAG."""
    needed: Dependency = Depends(requires_access_dag("POST", DagAccessEntity.RUN, dag_id))
    return needed


def _from_a_page_of_ours(request: Request) -> None:
    """403 for a form on another site, which a browser would send with our cookie.

    The cookie is `SameSite=Lax`, which already keeps it out of most such requests. A client that sends neither header
    is no browser. Source: Valsorda, Cross-Site Request Forgery (2025).
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    same = (
        site in ("same-origin", "none")
        if site
        else not origin or urlsplit(origin).netloc == request.headers.get("host")
    )
    if not same:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "This form was sent by another site.")


SAME_ORIGIN: Dependency = Depends(_from_a_page_of_ours)
