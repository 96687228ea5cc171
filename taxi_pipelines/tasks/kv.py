"""The key-value store's types. They are light: what they set is stored in the same transaction as their end."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from taxi_pipelines.domain.records import KvDeletion, KvEntry, KvType, Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import namespace_chain, plain_text
from taxi_pipelines.task_types import DurationText, Effects, Facts, Properties, TypeSpec

_PLUGIN = "io.kestra.plugin.core.kv."
_DURATION = TypeAdapter(timedelta)


class Set(Properties):
    """A value to keep."""

    key: str = Field(min_length=1, description="Its name.")
    value: Any = Field(description="What to keep.")
    namespace: str | None = Field(default=None, description="Where; the flow's namespace if not given.")
    kv_type: KvType | None = Field(default=None, description="Its type; text stays text where none is given.")
    overwrite: bool = Field(default=True, description="Whether a value that is there may be replaced.")
    ttl: DurationText | None = Field(default=None, description="How long to keep it, as an ISO 8601 duration.")
    kv_description: str | None = Field(default=None, description="What it is for.")


class Get(Properties):
    """A value to read."""

    key: str = Field(min_length=1, description="Its name.")
    namespace: str | None = Field(default=None, description="Where; the flow's namespace and its parents if not given.")
    error_on_missing: bool = Field(default=False, description="Whether a missing key is a failure.")


class GetKeys(Properties):
    """Names to list."""

    prefix: str | None = Field(default=None, description="What they begin with.")
    namespace: str | None = Field(default=None, description="Where; the flow's namespace if not given.")


class Delete(Properties):
    """A value to remove."""

    key: str = Field(min_length=1, description="Its name.")
    namespace: str | None = Field(default=None, description="Where; the flow's namespace if not given.")
    error_on_missing: bool = Field(default=False, description="Whether a missing key is a failure.")


def perform_set(properties: Set, facts: Facts) -> Effects:
    """Keeps the value."""
    namespace = properties.namespace or facts.namespace
    if not properties.overwrite and facts.kv(namespace, properties.key):
        return _failed(f"the key {properties.key!r} is there already in {namespace}")
    try:
        kind, value = typed_value(properties.value, properties.kv_type)
        expires_at = facts.now + _DURATION.validate_python(properties.ttl) if properties.ttl else None
    except (ValueError, RecursionError) as error:
        return _failed(f"{properties.key!r} cannot be kept: {error}")
    entry = KvEntry(
        namespace=namespace,
        key=properties.key,
        type=kind,
        value=value,
        description=properties.kv_description,
        expires_at=expires_at,
        updated_at=facts.now,
    )
    return Effects(kv=(entry,))


def perform_get(properties: Get, facts: Facts) -> Effects:
    """Puts the value out; null where it is missing."""
    places = [properties.namespace] if properties.namespace else list(namespace_chain(facts.namespace))
    found = next((entry for place in places if (entry := facts.kv(place, properties.key))), None)
    if found is None and properties.error_on_missing:
        return _failed(f"no key {properties.key!r} in {', '.join(places)}")
    return Effects(outputs={"value": found.value if found else None})


def perform_get_keys(properties: GetKeys, facts: Facts) -> Effects:
    """Puts the names out."""
    keys = facts.kv_keys(properties.namespace or facts.namespace)
    return Effects(outputs={"keys": [key for key in keys if key.startswith(properties.prefix or "")]})


def perform_delete(properties: Delete, facts: Facts) -> Effects:
    """Removes the value."""
    namespace = properties.namespace or facts.namespace
    there = facts.kv(namespace, properties.key) is not None
    if not there and properties.error_on_missing:
        return _failed(f"no key {properties.key!r} in {namespace}")
    return Effects(outputs={"deleted": there}, kv=(KvDeletion(namespace=namespace, key=properties.key),))


def typed_value(value: Any, wanted: KvType | None) -> tuple[KvType, Any]:
    """The value as the type keeps it. Raises ValueError where it is not of that type."""
    kind = wanted or _type_of(value)
    match kind:
        case KvType.STRING:
            return kind, plain_text(value)
        case KvType.NUMBER:
            return kind, _number(value)
        case KvType.BOOLEAN:
            if str(value).lower() not in ("true", "false"):
                raise ValueError(f"{value!r} is neither true nor false")
            return kind, str(value).lower() == "true"
        case KvType.DATETIME:
            return kind, datetime.fromisoformat(str(value)).isoformat().replace("+00:00", "Z")
        case KvType.DATE:
            return kind, date.fromisoformat(str(value)).isoformat()
        case KvType.DURATION:
            try:
                _DURATION.validate_python(value)
            except ValidationError as error:
                raise ValueError(f"{value!r} is not an ISO 8601 duration") from error
            return kind, str(value)
        case KvType.JSON:
            return kind, json.loads(value) if isinstance(value, str) else value


def _number(value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    number = int(text) if re.fullmatch(r"[+-]?[0-9]{1,1000}", text) else float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number


def _type_of(value: Any) -> KvType:
    if isinstance(value, bool):
        return KvType.BOOLEAN
    if isinstance(value, (int, float)):
        return KvType.NUMBER
    return KvType.STRING if isinstance(value, str) else KvType.JSON


def _failed(reason: str) -> Effects:
    return Effects(state=State.FAILED, error=reason, logs=((Level.ERROR, reason),))


KV = (
    TypeSpec(
        name=f"{_PLUGIN}Set",
        aliases=("kv.set",),
        title="Keeps a value under a key.",
        properties=Set,
        perform=perform_set,
        example="type: kv.set\nkey: gcp_project_id\nvalue: my-project",
    ),
    TypeSpec(
        name=f"{_PLUGIN}Get",
        aliases=("kv.get",),
        title="Reads the value of a key.",
        properties=Get,
        outputs={"value": "The value; null where there is none."},
        perform=perform_get,
        example="type: kv.get\nkey: gcp_project_id",
    ),
    TypeSpec(
        name=f"{_PLUGIN}GetKeys",
        aliases=("kv.keys",),
        title="Lists keys.",
        properties=GetKeys,
        outputs={"keys": "The names."},
        perform=perform_get_keys,
        example="type: kv.keys\nprefix: gcp_",
    ),
    TypeSpec(
        name=f"{_PLUGIN}Delete",
        aliases=("kv.delete",),
        title="Removes a key.",
        properties=Delete,
        outputs={"deleted": "Whether it was there."},
        perform=perform_delete,
        example="type: kv.delete\nkey: gcp_project_id",
    ),
)
"""Every type of the key-value store."""
