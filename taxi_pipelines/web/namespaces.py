"""`/namespaces`: what flows of a namespace share: values, secrets by name, and where their files are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.records import KvEntry, KvType
from taxi_pipelines.domain.text import namespace_chain, plain_text
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.service import Service
from taxi_pipelines.web.pages import ThePages, wants_part

router = APIRouter()

TEMPLATE = "namespace.html"
LONGEST_SHOWN = 300
"""Characters of a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A namespace in the tree of all; `name` is what its parent's lacks."""

    id: str
    name: str
    depth: int
    flows: int
    secrets: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A value, or the beginning of a long one. `own`: of the namespace itself, not of one above it."""

    entry: KvEntry
    text: str
    is_cut: bool
    own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretOf:
    """A secret's name and where it is kept; nowhere: in the service's environment."""

    key: str
    place: str
    own: bool


@router.get("/namespaces", **VIEWER)
def show_all(request: Request, pages: ThePages, service: TheService) -> Response:
    """Those that flows or secrets are in, and those above them."""
    return pages.show(request, "namespaces.html", places=_places(service.orchestrator.parts))


@router.get("/namespaces/{namespace}", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService, namespace: str) -> Response:
    """One of them; any name is one."""
    context = _context(service, namespace)
    if wants_part(request, "namespace-parts"):
        return pages.part(request, TEMPLATE, "parts", **context)
    return pages.show(request, TEMPLATE, **context)


def _places(parts: Parts) -> list[Place]:
    flows = Counter(flow.namespace for flow in parts.flows.listed())
    secrets = Counter(place for place, _ in parts.secrets.keys(None))
    names = {above for name in (*flows, *secrets) for above in namespace_chain(name)}
    return [
        Place(
            id=name,
            name=name.rpartition(".")[2],
            depth=name.count("."),
            flows=flows[name],
            secrets=secrets[name],
        )
        for name in sorted(names, key=lambda name: name.split("."))
    ]


def _context(service: Service, namespace: str) -> dict[str, Any]:
    parts = service.orchestrator.parts
    flows = [flow for flow in parts.flows.listed(namespace) if flow.namespace == namespace]
    return {
        "place": namespace,
        "above": [(name, f"/namespaces/{name}") for name in reversed(namespace_chain(namespace)[1:])],
        "flows": len(flows),
        "values": _values(service, namespace),
        "secrets": _secrets(parts, namespace),
        "types": [str(kind) for kind in KvType],
        "files": f"{parts.files_root}/{namespace.replace('.', '/')}/",
    }


def _values(service: Service, namespace: str) -> list[Value]:
    """Its own, then those of the namespaces above it that it has no own for: what `kv()` finds."""
    found: dict[str, Value] = {}
    for place in namespace_chain(namespace):
        for entry in service.orchestrator.values(place):
            text = plain_text(entry.value)
            value = Value(
                entry=entry, text=text[:LONGEST_SHOWN], is_cut=len(text) > LONGEST_SHOWN, own=place == namespace
            )
            found.setdefault(entry.key, value)
    return sorted(found.values(), key=lambda value: (not value.own, value.entry.key))


def _secrets(parts: Parts, namespace: str) -> list[SecretOf]:
    """Its own, then those above it, then those of the environment: what `secret()` finds."""
    found: dict[str, SecretOf] = {}
    for place in namespace_chain(namespace):
        for _, key in parts.secrets.keys(place):
            found.setdefault(key, SecretOf(key=key, place=place, own=place == namespace))
    for name in sorted(parts.environment):
        if name.startswith("SECRET_"):
            key = name.removeprefix("SECRET_")
            found.setdefault(key, SecretOf(key=key, place="", own=False))
    return list(found.values())
