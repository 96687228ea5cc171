"""`/namespaces`: those that flows are in, and the values kept in each."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.bodies import Keys, KvKey, KvValue, NamespaceBody, NamespacePage, writable
from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.forms import text_of
from taxi_pipelines.api.routing import ADMIN, VIEWER, ThePage, TheService, sending
from taxi_pipelines.domain.records import KvType
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.errors import UsageError

router = APIRouter(tags=["Namespaces"])

Namespace = Annotated[str, InPath(description="The namespace.")]
Key = Annotated[str, InPath(description="The key.")]
VALUE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {}, "example": {"rows": 10}},
            "text/plain": {"schema": {"type": "string"}, "example": "hello"},
        },
    }
}


@router.get("/namespaces/search", summary="Search namespaces", **VIEWER)
def search(
    service: TheService, page: ThePage, q: Annotated[str, Query(description="What the name contains.")] = ""
) -> NamespacePage:
    """Those of flows, and those above them, by name."""
    flows = service.orchestrator.parts.flows.listed()
    names = sorted({name for flow in flows for name in namespace_chain(flow.namespace) if q.lower() in name.lower()})
    part = names[page.offset : page.offset + page.limit]
    return NamespacePage(results=[NamespaceBody(id=name) for name in part], total=len(names))


@router.get("/namespaces/{namespace}", summary="Get a namespace", **VIEWER)
def get_namespace(namespace: Namespace) -> NamespaceBody:
    """A namespace needs no making: any name is one."""
    return NamespaceBody(id=namespace)


@router.get("/namespaces/{namespace}/kv", summary="List the keys of a namespace", **VIEWER)
def list_keys(service: TheService, namespace: Namespace) -> list[KvKey]:
    """Of that namespace alone, without values."""
    return [
        KvKey(
            namespace=entry.namespace,
            key=entry.key,
            type=entry.type,
            description=entry.description,
            update_date=entry.updated_at,
            expiration_date=entry.expires_at,
        )
        for entry in service.orchestrator.values(namespace)
    ]


@router.get("/namespaces/{namespace}/kv/{key}", summary="Get a value", responses=errors(404), **VIEWER)
def get_value(service: TheService, namespace: Namespace, key: Key) -> KvValue:
    """With its type."""
    entry = service.orchestrator.value(namespace, key)
    return KvValue(type=entry.type, value=entry.value)


@router.put("/namespaces/{namespace}/kv/{key}", summary="Keep a value", status_code=204, **sending(ADMIN, VALUE_BODY))
async def set_value(
    service: TheService,
    request: Request,
    namespace: Namespace,
    key: Key,
    type: Annotated[KvType | None, Query(description="Keep the body's text as a value of this type.")] = None,
    ttl: Annotated[str | None, Header(description="How long to keep it, as P1D.")] = None,
) -> None:
    """JSON, whose type is kept; as `text/plain`, what is no JSON is a text. With a type, the body is that value's text."""
    text = await text_of(request)
    value = text if type else _value(text, request.headers.get("content-type", ""))
    if type is KvType.JSON:
        _value(text, "application/json")  # says better than the type does what is wrong with it
    await run_in_threadpool(service.orchestrator.set_value, namespace, key, value, type=type, ttl=ttl)


@router.delete("/namespaces/{namespace}/kv/{key}", summary="Delete a value", **ADMIN)
def delete_value(service: TheService, namespace: Namespace, key: Key) -> bool:
    """Whether it was there."""
    return service.orchestrator.parts.kv.delete(namespace, key)


@router.delete("/namespaces/{namespace}/kv", summary="Delete several values", **ADMIN)
def delete_values(service: TheService, namespace: Namespace, wanted: Keys) -> Keys:
    """Answers those that were there."""
    kv = service.orchestrator.parts.kv
    return Keys(keys=[key for key in wanted.keys if kv.delete(namespace, key)])


def _value(body: str, kind: str) -> object:
    try:
        return writable(json.loads(body))
    except (ValueError, RecursionError) as error:
        if kind.startswith("text/plain"):
            return body
        raise UsageError(f"the body is not JSON: {error}", 'a text is written "in quotes"') from error
