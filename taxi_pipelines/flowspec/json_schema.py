"""JSON Schema of a flow, for editors: made from the models and types that validation uses.

It knows shapes, not references: that a task depends on one that is there, or that a template names an input, only
`read_flow` finds out. Nor does it ask for a type's required properties, for pluginDefaults may bring them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from taxi_pipelines.domain.flow import DEFAULTS, ERRORS, FINALLY, MAIN, THEN, Kind
from taxi_pipelines.flowspec.checking import fields_of, is_fixed, models_in, written_names
from taxi_pipelines.flowspec.common import (
    FLOW_ID,
    FLOW_KEYS,
    NAMESPACE,
    ConcurrencyShape,
    OutputShape,
    PluginDefault,
    Retry,
    Shape,
    SlaShape,
    TaskCommon,
    TriggerCommon,
)
from taxi_pipelines.flowspec.input_types import INPUT_TYPES, SAME_AS
from taxi_pipelines.flowspec.tasks import CASES, NEEDS_TASKS
from taxi_pipelines.task_types import Role, TypeCatalog, Typed, TypeSpec

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEMPLATE: Schema = {"type": "string", "pattern": r"\{[{%]", "description": "A template."}
_SCALARS = frozenset({"integer", "number", "boolean", "string"})
_COMMON: Mapping[Role, type[Shape]] = {Role.TASK: TaskCommon, Role.TRIGGER: TriggerCommon}
_INNER = frozenset({"anyOf", "items", "additionalProperties"})
_EXACT = frozenset({"enum", "const", "format"})


def json_schema(catalog: TypeCatalog) -> Schema:
    """The schema of a whole flow, every type included."""
    return _Maker(catalog).flow()


class _Maker:
    """Collects definitions while it makes them."""

    def __init__(self, catalog: TypeCatalog) -> None:
        self._catalog = catalog
        self._defs: dict[str, Schema] = {"template": TEMPLATE}
        self._made: dict[type[BaseModel], Schema] = {}

    def flow(self) -> Schema:
        for role in Role:
            self._define_role(role)
        self._defs["input"] = {"oneOf": [self._input(kind, model) for kind, model in INPUT_TYPES.items()]}
        self._defs["tasks"] = {"type": "array", "items": _ref("task"), "minItems": 1}
        self._defs["dagTasks"] = {"type": "array", "minItems": 1, "items": self._dag_item()}
        properties = {key: {"description": text, **self._flow_key(key)} for key, text in FLOW_KEYS.items()}
        return {
            "$schema": DIALECT,
            "title": "Flow",
            "description": "A flow of taxi-pipelines, in the language of Kestra 1.1.",
            "type": "object",
            "required": ["id", "namespace", MAIN],
            "properties": properties,
            "additionalProperties": False,
            "$defs": self._defs,
        }

    def _flow_key(self, key: str) -> Schema:
        """What may stand under a key of the flow itself."""
        models: Mapping[str, type[BaseModel]] = {
            "outputs": OutputShape,
            "sla": SlaShape,
            "pluginDefaults": PluginDefault,
            "taskDefaults": PluginDefault,
        }
        if key in models:
            return _or_null({"type": "array", "items": self._object(models[key])})
        plain: Mapping[str, Schema] = {
            "id": {"type": ["string", "integer"], "pattern": FLOW_ID},
            "namespace": {"type": "string", "pattern": NAMESPACE},
            "description": {"type": ["string", "number", "null"]},
            "labels": _or_null({"type": ["object", "array"]}),
            "variables": _or_null({"type": "object"}),
            "inputs": _or_null({"type": "array", "items": _ref("input")}),
            "triggers": _or_null({"type": "array", "items": _ref("trigger")}),
            MAIN: _ref("tasks"),
            ERRORS: _or_null(_ref("tasks")),
            FINALLY: _or_null(_ref("tasks")),
            "concurrency": _or_null(self._object(ConcurrencyShape)),
            "retry": _or_null(self._object(Retry)),
            "disabled": {"type": "boolean"},
            "revision": {"type": ["integer", "null"]},
        }
        return plain[key]

    def _define_role(self, role: Role) -> None:
        """`task`, `trigger`, …: any of its types, told apart by `type`."""
        specs = self._catalog.specs(role)
        kinds = []
        for spec in specs:
            self._defs[spec.name] = self._typed(spec)
            kinds.append(_ref(spec.name))
        names = {
            "type": "object",
            "required": ["type"],
            "properties": {"type": {"enum": sorted(self._catalog.names(role))}},
        }
        self._defs[_key(role)] = {**names, "oneOf": kinds} if kinds else {"type": "object"}

    def _typed(self, spec: TypeSpec) -> Schema:
        """One type: what all of its role may say, its own properties, its child tasks."""
        common = _COMMON.get(spec.role)
        own = self._object(spec.properties)
        shared = self._object(common) if common else {"properties": {}, "required": []}
        properties = {**shared["properties"], **own["properties"], **self._branches(spec)}
        properties["type"] = {"enum": [spec.name, *spec.aliases], "description": spec.title}
        if spec.kind is Kind.PAUSE:
            properties["onResume"] = {"type": "array", "items": _ref("input"), "description": "Inputs asked for."}
        required = sorted({"type", *shared["required"], *_needed(spec)})
        schema = {"title": spec.title, "type": "object", "properties": properties, "required": required}
        if spec.outputs:
            schema["description"] = "Outputs: " + " ".join(f"`{name}`: {text}" for name, text in spec.outputs.items())
        if spec.kind is Kind.SWITCH:
            schema["anyOf"] = [{"required": [CASES]}, {"required": [DEFAULTS]}]
        return {**schema, "additionalProperties": own["additionalProperties"]}

    def _branches(self, spec: TypeSpec) -> dict[str, Schema]:
        found: dict[str, Schema] = {}
        for key in spec.branches:
            tasks = _ref("dagTasks" if spec.kind is Kind.DAG and key == MAIN else "tasks")
            found[key] = {"type": "object", "additionalProperties": tasks} if key == CASES else tasks
        return found

    def _dag_item(self) -> Schema:
        return {
            "type": "object",
            "properties": {
                "task": _ref("task"),
                "dependsOn": {"type": "array", "items": {"type": ["string", "integer"]}},
            },
            "required": ["task"],
            "additionalProperties": False,
        }

    def _input(self, kind: str, model: type[BaseModel]) -> Schema:
        schema = self._object(model)
        names = [kind, *(other for other, same in SAME_AS.items() if same == kind)]
        properties = {**schema["properties"], "type": {"enum": names, "description": "Type of the value."}}
        either = [{"required": ["id"]}, {"required": ["name"]}]
        required = [name for name in schema["required"] if name not in ("id", "name")]
        return {**schema, "title": kind, "properties": properties, "required": required, "anyOf": either}

    def _object(self, model: type[BaseModel]) -> Schema:
        """A model's schema with every name its properties may be written by; nested models become definitions."""
        if model not in self._made:
            self._made[model] = self._new_object(model)
        return self._made[model]

    def _new_object(self, model: type[BaseModel]) -> Schema:
        made = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
        enums = {name: one for name, one in made.get("$defs", {}).items() if "enum" in one}
        properties: dict[str, Schema] = {}
        for name, field in model.model_fields.items():
            usual, *others = written_names(name, field)
            schema = self._property(made["properties"][usual], model, usual, enums)
            properties |= dict.fromkeys((usual, *others), schema)
        return {
            "type": "object",
            "properties": properties,
            "required": [
                written_names(name, field)[0] for name, field in model.model_fields.items() if field.is_required()
            ],
            "additionalProperties": model.model_config.get("extra") == "allow",
        }

    def _property(self, made: Schema, model: type[BaseModel], name: str, enums: Mapping[str, Schema]) -> Schema:
        """One property, from what pydantic makes of it; nested models become definitions of their own."""
        field = fields_of(model)[name]
        described = {"description": field.description or ""}
        typed = next((one for one in field.metadata if isinstance(one, Typed)), None)
        if typed:
            return {**described, **_of_role(typed)}
        for inner in models_in(field.annotation):
            if inner.__name__ not in self._defs:
                self._defs[inner.__name__] = {"title": inner.__doc__ or "", **self._object(inner)}
        schema = _tidy({key: part for key, part in made.items() if key != "description"}, enums)
        if not is_fixed(model, name):
            schema = _with_templates(schema)
            schema = schema if _takes_text(schema) else {"anyOf": [schema, _ref("template")]}
        return {**described, **schema}


def _tidy(schema: Any, enums: Mapping[str, Schema]) -> Any:
    """Without titles that only repeat a name; enumerations written out; numbers as good as text, as validation has it."""
    if isinstance(schema, list):
        return [_tidy(part, enums) for part in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in enums:
        whole = {**enums[name], **schema}
        return {key: part for key, part in whole.items() if key not in ("$ref", "title", "description")}
    tidy = {key: _tidy(part, enums) if key in _INNER else part for key, part in schema.items() if key != "title"}
    if tidy.get("type") == "string" and not _EXACT & tidy.keys():
        tidy["type"] = ["string", "number"]
    return tidy


def _needed(spec: TypeSpec) -> list[str]:
    """The child tasks a type cannot do without."""
    if spec.kind is Kind.IF:
        return [THEN]
    return [MAIN] if spec.kind in NEEDS_TASKS else []


def _of_role(typed: Typed) -> Schema:
    one = _ref(_key(typed.role))
    if typed.named:
        return {"type": "object", "additionalProperties": one}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _with_templates(schema: Any) -> Any:
    """The same, with a template allowed wherever a scalar is."""
    if isinstance(schema, list):
        return [_with_templates(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if str(schema.get("type")) in _SCALARS or {"enum", "const", "pattern"} & schema.keys():
        return {"anyOf": [schema, _ref("template")]}
    return {key: _with_templates(part) if key in _INNER else part for key, part in schema.items()}


def _takes_text(schema: Schema) -> bool:
    """Whether a template is fine anyway."""
    kinds = schema.get("type", [])
    return (
        not ({"type", "anyOf", "enum", "$ref"} & schema.keys())
        or "string" in (kinds if isinstance(kinds, list) else [])
        or any(branch == _ref("template") or _takes_text(branch) for branch in schema.get("anyOf", []))
    )


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _key(role: Role) -> str:
    return role.value.replace(" ", "")
