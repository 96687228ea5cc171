"""`/flows/{namespace}/{id}/revisions`: when a flow's text was changed, and how any two of its texts differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.errors import NotFound
from taxi_pipelines.web.flow_diff import Changed, changed_lines, diff_lines
from taxi_pipelines.web.flow_frame import frame_of
from taxi_pipelines.web.pages import ThePages

router = APIRouter()

COUNTED = 50
"""Of so many of the newest it is said how much they changed; it takes comparing their texts."""


@router.get("/flows/{namespace}/{id}/revisions", **VIEWER)
def show(
    request: Request,
    pages: ThePages,
    service: TheService,
    namespace: str,
    id: str,
    before: Annotated[int | None, Query(alias="from", ge=1)] = None,
    after: Annotated[int | None, Query(alias="to", ge=1)] = None,
) -> Response:
    """All of them, the newest first, and two of them compared: the last change where none are asked for."""
    frame = frame_of(service, namespace, id)
    revisions = service.orchestrator.parts.flows.revisions(namespace, id)
    by_number = {one.revision: one for one in revisions}
    new = _revision(by_number, after or frame.stored.revision)
    old = _revision(by_number, before) if before else by_number.get(new.revision - 1)
    return pages.show(
        request,
        "revisions.html",
        frame=frame,
        tab="revisions",
        revisions=revisions[::-1],
        changed=_changed(revisions),
        old=old,
        new=new,
        lines=diff_lines(old.source, new.source) if old else [],
    )


def _revision(known: Mapping[int, StoredFlow], number: int) -> StoredFlow:
    if number not in known:
        raise NotFound(f"there is no revision {number}", f"there are 1 to {max(known)}")
    return known[number]


def _changed(revisions: Sequence[StoredFlow]) -> dict[int, Changed]:
    """By number, of those that have one before them."""
    pairs = list(pairwise(revisions))[-COUNTED:]
    return {new.revision: changed_lines(old.source, new.source) for old, new in pairs}
