"""Tasks that touch the world, run by real workers: their specs, and flows of one task."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from taxi_pipelines.executors.worker import Context
from taxi_pipelines.files.local import LocalFiles
from taxi_pipelines.task_types import TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY, Registry


@dataclass(slots=True)
class Extended(Context):
    """A `WorkerContext`, as the worker itself is to be one."""

    @property
    def secrets(self) -> tuple[str, ...]:
        return self.order.secrets

    @property
    def cache(self) -> Path:
        return Path(self.order.files_root).parent / "cache"

    @property
    def block_private_hosts(self) -> bool:
        return "TAXI_BLOCK_PRIVATE_HOSTS" in os.environ

    def file_size(self, uri: str) -> int | None:
        return LocalFiles(Path(self.order.files_root)).size(uri)

    def remove_file(self, uri: str) -> bool:
        return LocalFiles(Path(self.order.files_root)).delete(uri) > 0


def __getattr__(name: str) -> Callable[[Mapping[str, Any], Context], Mapping[str, Any]]:
    """`module:function`, called with a `WorkerContext`."""
    module, _, function = name.partition(":")
    if not function:
        raise AttributeError(name)

    def run(values: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        extended = Extended(*(getattr(context, one.name) for one in fields(context)))
        try:
            return getattr(import_module(module), function)(values, extended)
        finally:
            context._made = extended._made

    return run


def with_types(*families: Iterable[TypeSpec]) -> Registry:
    """All types of this version, and these."""
    own = [replace(spec, run=f"{__name__}:{spec.run}") if spec.run else spec for family in families for spec in family]
    return REGISTRY.extended(own)


def one_task(*tasks: dict[str, Any], **more: Any) -> str:
    """A flow of these tasks; one without an id is `t`."""
    return json.dumps({"id": "f", "namespace": "a.b", "tasks": [{"id": "t", **task} for task in tasks], **more})
