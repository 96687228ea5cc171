"""`/namespaces/{namespace}/secrets`: their names, and the ways to set and to forget one; no answer has a value."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.routing import ADMIN, VIEWER, ThePage, TheService
from taxi_pipelines.api.secret_bodies import SecretName, SecretPage, SecretValue
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.flowspec.common import NAMESPACE

router = APIRouter(tags=["Namespaces"])

Namespace = Annotated[str, InPath(description="The namespace.", pattern=NAMESPACE)]
Key = Annotated[str, InPath(description="The secret's name.")]


@router.get("/namespaces/{namespace}/secrets", summary="List the secrets of a namespace", **VIEWER)
def list_secrets(service: TheService, page: ThePage, namespace: Namespace) -> SecretPage:
    """Names of that namespace alone, never values."""
    keys = [key for _, key in service.orchestrator.parts.secrets.keys(namespace)]
    part = keys[page.offset : page.offset + page.limit]
    return SecretPage(results=[SecretName(key=key) for key in part], total=len(keys))


@router.get("/namespaces/{namespace}/inherited-secrets", summary="List inherited secrets", **VIEWER)
def list_inherited(service: TheService, namespace: Namespace) -> dict[str, list[str]]:
    """Names by namespace, of that one and those above it: where flows of it look for secrets."""
    secrets = service.orchestrator.parts.secrets
    found = {place: [key for _, key in secrets.keys(place)] for place in namespace_chain(namespace)}
    return {place: keys for place, keys in found.items() if keys}


@router.put("/namespaces/{namespace}/secrets", summary="Keep a secret", **ADMIN)
def set_secret(service: TheService, namespace: Namespace, secret: SecretValue) -> list[SecretName]:
    """Instead of what is there under that name. It is kept encrypted, and is not answered."""
    service.orchestrator.set_secret(namespace, secret.key, secret.value.get_secret_value())
    return [SecretName(key=secret.key)]


@router.delete(
    "/namespaces/{namespace}/secrets/{key}",
    summary="Forget a secret",
    status_code=204,
    responses=errors(404),
    **ADMIN,
)
def delete_secret(service: TheService, namespace: Namespace, key: Key) -> None:
    """For good."""
    service.orchestrator.delete_secret(namespace, key)
