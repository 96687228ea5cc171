"""A document → a `Flow`, with every problem noted on the way; a flow comes out only where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from taxi_pipelines.domain.flow import (
    ERRORS,
    FINALLY,
    MAIN,
    Concurrency,
    Flow,
    FlowOutput,
    RetryPolicy,
    Sla,
    Trigger,
)
from taxi_pipelines.domain.text import label_map, plain_text, reserved_labels
from taxi_pipelines.flowspec.checking import check_model
from taxi_pipelines.flowspec.common import (
    FLOW_ID,
    FLOW_KEYS,
    NAMESPACE,
    ConcurrencyShape,
    OutputShape,
    PluginDefault,
    Retry,
    SlaShape,
)
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.input_values import CONVERTERS as OUTPUT_TYPES
from taxi_pipelines.flowspec.inputs import build_inputs
from taxi_pipelines.flowspec.problems import FlowInvalid, Path, Problem, nearest
from taxi_pipelines.flowspec.references import Known, check_templates
from taxi_pipelines.flowspec.tasks import TaskBuilder
from taxi_pipelines.flowspec.triggers import TriggerBuilder
from taxi_pipelines.flowspec.typed import Types
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.task_types import TypeCatalog

M = TypeVar("M", bound=BaseModel)

_MEANT_ELSEWHERE = frozenset({"deleted", "tenantId", "updated", "created"})
"""What an export of Kestra's carries besides the flow."""

_ELSEWHERE = {
    "afterExecution": "there are no tasks after an execution's end: use `finally`, or another flow with a Flow trigger",
    "listeners": "Kestra removed listeners: use `errors`, `finally`, or another flow with a Flow trigger",
}


def parse_flow(text: str, catalog: TypeCatalog, *, file: str = "flow", revision: int = 0) -> Flow:
    """The flow a text describes. Raises FlowInvalid with every problem."""
    flow, problems = read_flow(text, catalog, file=file, revision=revision)
    if flow is None:
        raise FlowInvalid(problems)
    return flow


def read_flow(
    text: str, catalog: TypeCatalog, *, file: str = "flow", revision: int = 0
) -> tuple[Flow | None, list[Problem]]:
    """The flow, or None where there are problems, which come in the order of the text."""
    document = read_document(text, file)
    flow = None
    if isinstance(document.value, dict):
        flow = _Builder(document, catalog, revision).build(document.value)
    elif not document.problems:
        document.problem((), "a flow is a map", "it has at least id, namespace and tasks")
    problems = sorted(set(document.problems), key=lambda problem: (problem.line, problem.column, problem.message))
    return (None if problems else flow), problems


class _Builder:
    """Builds one flow."""

    def __init__(self, document: Document, catalog: TypeCatalog, revision: int) -> None:
        self._document = document
        self._catalog = catalog
        self._revision = revision

    def build(self, value: Mapping[str, Any]) -> Flow:
        self._check_keys(value)
        types = Types(document=self._document, catalog=self._catalog, defaults=self._plugin_defaults(value))
        tasks = TaskBuilder(self._document, types)
        branches = {branch: tasks.build_all((branch,), value.get(branch)) for branch in (MAIN, ERRORS, FINALLY)}
        if not value.get(MAIN):
            self._document.problem((MAIN,) if MAIN in value else (), "a flow needs at least one task under 'tasks'")
        tasks.check_ids()
        inputs = _ids_written(value.get("inputs"))
        flow = Flow(
            id=self._name(value, "id", FLOW_ID),
            namespace=self._name(value, "namespace", NAMESPACE),
            revision=self._revision,
            description=plain_text(value["description"]) if value.get("description") is not None else None,
            labels=self._labels(("labels",), value.get("labels")),
            inputs=build_inputs(self._document, ("inputs",), value.get("inputs")),
            variables=self._variables(value.get("variables")),
            branches={branch: built for branch, built in branches.items() if built},
            outputs=self._outputs(value.get("outputs")),
            triggers=self._triggers(value, types, inputs),
            concurrency=self._concurrency(value.get("concurrency")),
            retry=self._retry(value.get("retry")),
            slas=self._slas(value.get("sla")),
            disabled=self._flag(value, "disabled"),
            source=self._document.text,
        )
        known = Known(inputs=inputs, tasks=tasks.ids(), catalog=self._catalog)
        check_templates(self._document, known)
        return flow

    def _check_keys(self, value: Mapping[str, Any]) -> None:
        for key in value:
            if key not in FLOW_KEYS and key not in _MEANT_ELSEWHERE:
                hint = _ELSEWHERE.get(key) or nearest(key, FLOW_KEYS, show=len(FLOW_KEYS))
                self._document.problem((key,), f"unknown property {key!r}", hint, at_key=True)

    def _name(self, value: Mapping[str, Any], key: str, pattern: str) -> str:
        name = plain_text(value.get(key))
        if not name:
            self._document.problem((), f"{key!r} is missing", FLOW_KEYS[key])
        elif not re.fullmatch(pattern, name):
            self._document.problem((key,), f"{name!r} is not a valid {key}", f"it must match {pattern}")
        return name

    def _flag(self, value: Mapping[str, Any], key: str) -> bool:
        flag = value.get(key, False)
        if not isinstance(flag, bool):
            self._document.problem((key,), f"{flag!r} is neither true nor false")
        return flag is True

    def _plugin_defaults(self, value: Mapping[str, Any]) -> Sequence[PluginDefault]:
        keys = ("pluginDefaults", "taskDefaults")
        return [default for key in keys for default in self._models((key,), value.get(key), PluginDefault)]

    def _labels(self, path: Path, value: Any) -> dict[str, str]:
        if value is None:
            return {}
        try:
            labels = label_map(value)
        except ValueError as error:
            self._document.problem(path, str(error))
            return {}
        for key in reserved_labels(labels):
            self._document.problem((*path, key), f"{key!r}: labels that begin with `system.` are reserved")
        return labels

    def _variables(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value or {}, dict):
            self._document.problem(("variables",), "variables are a map of names to values")
            return {}
        return value or {}

    def _outputs(self, value: Any) -> tuple[FlowOutput, ...]:
        for path, item in self._items(("outputs",), value):
            kind = item.get("type") if isinstance(item, dict) else None
            if isinstance(kind, str) and kind not in OUTPUT_TYPES:
                self._document.problem(
                    (*path, "type"),
                    f"unknown output type {kind!r}",
                    nearest(kind, OUTPUT_TYPES, show=len(OUTPUT_TYPES)),
                )
        shapes = self._models(("outputs",), value, OutputShape)
        return tuple(FlowOutput(id=shape.id, type=shape.type, value=shape.value) for shape in shapes)

    def _triggers(self, value: Mapping[str, Any], types: Types, inputs: frozenset[str]) -> tuple[Trigger, ...]:
        builder = TriggerBuilder(document=self._document, types=types, inputs=inputs)
        return builder.build_all(self._items(("triggers",), value.get("triggers")))

    def _concurrency(self, value: Any) -> Concurrency | None:
        shape = None if value is None else check_model(self._document, ("concurrency",), value, ConcurrencyShape)
        return Concurrency(limit=shape.limit, behavior=shape.behavior) if shape else None

    def _retry(self, value: Any) -> RetryPolicy | None:
        shape = None if value is None else check_model(self._document, ("retry",), value, Retry)
        return shape.policy() if shape else None

    def _slas(self, value: Any) -> tuple[Sla, ...]:
        return tuple(
            Sla(
                id=shape.id,
                type=shape.type,
                behavior=shape.behavior,
                duration=shape.duration,
                assertion=shape.assert_,
                labels=label_map(shape.labels),
            )
            for shape in self._models(("sla",), value, SlaShape)
        )

    def _models(self, path: Path, value: Any, model: type[M]) -> list[M]:
        """Those items of a list that are sound."""
        found = [check_model(self._document, here, item, model) for here, item in self._items(path, value)]
        return [shape for shape in found if shape is not None]

    def _items(self, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        if isinstance(value, list):
            yield from (((*path, index), item) for index, item in enumerate(value))
        elif value is not None:
            self._document.problem(path, f"{path[-1]!r} is a list", "begin each item with a dash")


def _ids_written(inputs: Any) -> frozenset[str]:
    """Ids of all inputs, of those with problems, too."""
    items = inputs if isinstance(inputs, list) else []
    return frozenset(str(one.get("id", one.get("name"))) for one in items if isinstance(one, dict))
