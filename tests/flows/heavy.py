"""Heavy task types of the corpus and of the engine's tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from taxi_pipelines.domain.records import Level
from taxi_pipelines.task_types import Properties, Role, TaskContext, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY, Registry
from tests.support.task_functions import ACT, TOUCH


class Files(Properties):
    """Reads a file, or writes one."""

    reads: str | None = Field(default=None, description="Which to read.")
    writes: str | None = Field(default=None, description="Which to write.")
    text: str = Field(default="", description="What to write.")


def files(values: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    it = Files.model_validate(values)
    if it.writes:
        (context.folder / it.writes).write_text(it.text)
    return {"text": (context.folder / it.reads).read_text()} if it.reads else {}


class Flood(Properties):
    """Says much."""

    lines: int = Field(description="How many lines.")


def flood(values: Mapping[str, Any], context: TaskContext) -> None:
    for number in range(Flood.model_validate(values).lines):
        context.log(Level.INFO, f"line {number}")


FLOOD = TypeSpec(name="test.Flood", title="Says much.", properties=Flood, run=f"{__name__}:flood")
FILES = TypeSpec(name="test.Files", title="Reads and writes.", properties=Files, run=f"{__name__}:files")
CATALOG = Registry((*(spec for role in Role for spec in REGISTRY.specs(role)), TOUCH, ACT, FILES, FLOOD))
"""Every type of this version, and heavy ones for tests."""
