"""Secrets and keys by namespace, and the environment of templates that belong to no execution: triggers, with all they give."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import NotFound
from taxi_pipelines.flowspec.expressions import Environment


def find_secret(parts: Parts, namespace: str, name: str) -> str | None:
    """A namespace's secret, its parents', or that of the environment: `SECRET_K` in base64, line wraps allowed (S11)."""
    for place in namespace_chain(namespace):
        if (value := parts.secrets.get(place, name)) is not None:
            return value
    given = parts.environment.get(f"SECRET_{name.upper()}")
    if given is None:
        return None
    try:
        return base64.b64decode("".join(given.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise NotFound(f"SECRET_{name.upper()} is not base64", "encode it: base64 -w0 < FILE") from error


def no_key(places: list[str], key: str) -> NotFound:
    """What to say of a key that is nowhere."""
    hint = f"set it with: taxi kv set {key} VALUE --namespace {places[0]}"
    return NotFound(f"no key {key!r} in {', '.join(places)}", hint)


def no_secret(namespace: str, name: str) -> NotFound:
    """What to say of a secret that is nowhere."""
    return NotFound(f"no secret {name!r}", f"set it with: taxi secret set {name} --namespace {namespace}")


def trigger_environment(parts: Parts, flow: Flow, now: datetime, *, secrets: list[str] | None = None) -> Environment:
    """What templates of a flow's triggers may ask. Secrets only where there is a list to note down what is to be hidden."""

    def kv(key: str, namespace: str | None, required: bool) -> object:
        places = [namespace] if namespace else namespace_chain(flow.namespace)
        for place in places:
            if entry := parts.kv.get(place, key, now):
                return entry.value
        if required:
            raise no_key(places, key)
        return None

    def secret(name: str) -> str:
        value = find_secret(parts, flow.namespace, name)
        if value is None:
            raise no_secret(flow.namespace, name)
        if secrets is not None:
            secrets.append(value)
        return value

    return Environment(
        now=now,
        zone=parts.zone,
        random=parts.random,
        kv=kv,
        secret=None if secrets is None else secret,
        limits=parts.limits,
    )
