"""Checking values against models without rendering them: a template stands for whatever it will say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from taxi_pipelines.flowspec.common import Shape
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.problems import Path, nearest
from taxi_pipelines.task_types import FIXED

M = TypeVar("M", bound=BaseModel)


@cache
def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Every name a property may be written by → its field."""
    return {alias: field for name, field in model.model_fields.items() for alias in written_names(name, field)}


def written_names(name: str, field: FieldInfo) -> list[str]:
    """How a field is written in a flow, the usual way first."""
    if isinstance(field.validation_alias, AliasChoices):
        return [str(choice) for choice in field.validation_alias.choices]
    return [field.alias or name]


def has_template(value: object) -> bool:
    """Whether any text in it is a template."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(has_template(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(has_template(part) for part in value)


def check_model(document: Document, path: Path, value: object, model: type[M], *, also: Sequence[str] = ()) -> M | None:
    """Notes unknown, missing and wrong properties. The model, where all is right; None, too, where a template stands for a value.

    `also` are further names to offer for an unknown property.
    """
    if not isinstance(value, Mapping):
        document.problem(path, "a map is expected here", f"with {', '.join(fields_of(model))}")
        return None
    fields = fields_of(model)
    given = {
        key: part for key, part in value.items() if part is not None or key not in fields or fields[key].is_required()
    }
    try:
        return model.model_validate(given, by_alias=True, by_name=False)
    except ValidationError as error:
        for problem in _each_once(error, given, model):
            _note(document, path, problem, given, model, also)
        return None


def is_fixed(model: type[BaseModel], name: str) -> bool:
    """Whether no template may stand for the value of a property, by the name it is written by."""
    fields = fields_of(model)
    return issubclass(model, Shape) or (name in fields and FIXED in fields[name].metadata)


def _each_once(error: ValidationError, value: object, model: type[BaseModel]) -> list[Any]:
    """One complaint per place: a union complains once per branch, and of what is inside the branch that fits best, too."""
    found: dict[Path, Any] = {}
    for problem in error.errors(include_url=False):
        named = problem["type"] in ("missing", "extra_forbidden")
        if named or not has_template(problem["input"]) or is_fixed(model, str(next(iter(problem["loc"]), ""))):
            place = _inside(value, problem["loc"])
            found.setdefault((*place, problem["loc"][-1]) if problem["type"] == "missing" else place, problem)
    return [problem for place, problem in found.items() if not any(_is_above(place, other) for other in found)]


def _is_above(place: Path, other: Path) -> bool:
    return len(place) < len(other) and other[: len(place)] == place


def _inside(value: Any, loc: Sequence[str | int]) -> Path:
    """The parts of a place that are keys and indexes of the value; the others name a union's branches."""
    path: list[str | int] = []
    for part in loc:
        is_key = isinstance(value, Mapping) and part in value
        if is_key or (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            value = value[part]
            path.append(part)
    return tuple(path)


def _note(
    document: Document, path: Path, problem: Any, value: object, model: type[BaseModel], also: Sequence[str]
) -> None:
    inside = _inside(value, problem["loc"])
    place = (*path, *inside)
    around, field = _model_at(model, problem["loc"])
    last = str(problem["loc"][-1]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden":
        known = [*fields_of(around), *(also if around is model else ())]
        document.problem(place, f"unknown property {last!r}", nearest(last, known), at_key=True)
    elif problem["type"] == "missing":
        document.problem(place, f"{last!r} is missing", (field.description if field else None) or "")
    elif has_template(problem["input"]):
        document.problem(place, "no template can stand here", "it is needed before anything is rendered")
    else:
        document.problem(place, _said(problem), (field.description if field else None) or "")


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> tuple[type[BaseModel], FieldInfo | None]:
    """The model that the last named property of a place belongs to, and that property's field."""
    field: FieldInfo | None = None
    for part in loc:
        if field is not None and (inner := next(iter(models_in(field.annotation)), None)):
            if isinstance(part, int) or part == inner.__name__:
                continue
            model, field = inner, None
        field = fields_of(model).get(str(part), field)
    return model, field


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models a property may hold."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in models_in(part)]


def _said(problem: Any) -> str:
    said = str(problem["msg"]).removeprefix("Value error, ")
    given = problem["input"]
    shown = "" if isinstance(given, Mapping | list) else f"{_shown(given)}: "
    return f"{shown}{said[:1].lower()}{said[1:]}"


def _shown(given: object) -> str:
    text = repr(given) if not isinstance(given, bool) else str(given).lower()
    return text if len(text) <= 80 else f"{text[:79]}…"
