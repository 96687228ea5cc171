"""`/tokens`: logins for programs. The text of one is answered when it is made, and never again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.routing import ADMIN, TheService
from taxi_pipelines.api.secret_bodies import NewToken, TokenBody, TokenOrder
from taxi_pipelines.errors import NotFound
from taxi_pipelines.tokens import make_token

router = APIRouter(tags=["System"])


@router.get("/tokens", summary="List tokens", **ADMIN)
def list_tokens(service: TheService) -> list[TokenBody]:
    """The oldest first."""
    return [TokenBody(id=one.id, role=one.role, created_at=one.created_at) for one in service.tokens.listed()]


@router.post("/tokens", summary="Make a token", **ADMIN)
def make(service: TheService, order: TokenOrder) -> NewToken:
    """Keep the text: only a hash of it stays here."""
    token, text = make_token(order.role, service.orchestrator.parts.clock())
    service.tokens.add(token)
    return NewToken(id=token.id, role=token.role, created_at=token.created_at, token=text)


@router.delete("/tokens/{id}", summary="Revoke a token", status_code=204, responses=errors(404), **ADMIN)
def revoke(service: TheService, id: Annotated[str, InPath(description="The token's id.")]) -> None:
    """It is refused from the next request on."""
    if not service.tokens.remove(id):
        raise NotFound(f"there is no token {id}", "/api/v1/tokens lists them")
