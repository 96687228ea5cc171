"""Performing light tasks without an engine: some facts, and the effects of a type by its short name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from taxi_pipelines.domain.records import KvEntry, KvType
from taxi_pipelines.task_types import Effects, Facts
from taxi_pipelines.tasks.registry import REGISTRY

NOW = datetime(2024, 1, 31, 12, tzinfo=UTC)
KEPT = {
    ("a.b", "own"): KvEntry(namespace="a.b", key="own", type=KvType.STRING, value="mine", updated_at=NOW),
    ("a", "above"): KvEntry(namespace="a", key="above", type=KvType.NUMBER, value=5, updated_at=NOW),
}
FACTS = Facts(
    namespace="a.b",
    flow_id="f",
    execution_id="e",
    now=NOW,
    labels={"x": "1"},
    variables={"set": 1},
    kv=lambda namespace, key: KEPT.get((namespace, key)),
    kv_keys=lambda namespace: [key for place, key in KEPT if place == namespace],
)


def perform(name: str, **properties: Any) -> Effects:
    """What a task does with these properties, rendered already."""
    spec = REGISTRY.find(name)
    assert spec and spec.perform
    return spec.perform(spec.properties.model_validate(properties), FACTS)
