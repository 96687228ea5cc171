"""Rendering of properties, just before a task runs: texts are templates, structures are rendered through and through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from taxi_pipelines.domain.flow import Task
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flowspec.expressions import Environment, compile_template
from taxi_pipelines.task_types import Properties, TypeSpec

_DURATION = TypeAdapter(timedelta)
_LONGEST_SHOWN = 100

P = TypeVar("P", bound=Properties)


class PropertyInvalid(UsageError):
    """A property's rendered value is not what the task type takes."""

    code = "property-invalid"


@dataclass(frozen=True, slots=True)
class Rendering:
    """Renders with one context and environment."""

    context: Mapping[str, Any]
    environment: Environment

    def text(self, value: object) -> str:
        """A value as text; a template is rendered once. Raises ExpressionFailed."""
        if isinstance(value, str):
            return compile_template(value).render(self.context, self.environment) if "{" in value else value
        return plain_text(value)

    def deep(self, value: Any) -> Any:
        """The same structure with every text rendered, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.deep(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.deep(part) for part in value]
        return value

    def duration(self, value: object) -> timedelta:
        """An ISO 8601 duration. Raises PropertyInvalid."""
        text = self.text(value).strip()
        try:
            return _DURATION.validate_python(text)
        except ValidationError as error:
            raise PropertyInvalid(f"{text!r} is not an ISO 8601 duration", "write it as PT30S or P1D") from error

    def properties(self, task: Task, spec: TypeSpec) -> Any:
        """A task's own properties as its type's model, all rendered but those it renders itself. Raises PropertyInvalid."""
        values = {
            key: value if key in spec.unrendered else self.deep(value)
            for key, value in task.properties.items()
            if value is not None
        }
        return validated(spec.properties, values)


def validated(model: type[P], values: Mapping[str, Any]) -> P:
    """The model of these values. Raises PropertyInvalid naming the first that is wrong.

    A long value is not shown, not even in part: a part of a secret would not be known as one.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in problem["loc"])
        shown = json.dumps(problem["input"], default=str, ensure_ascii=False)
        if len(shown) > _LONGEST_SHOWN:
            shown = f"(a value of {len(shown):,} characters)"
        said = str(problem["msg"]).removeprefix("Value error, ")
        raise PropertyInvalid(f"property {place} = {shown} is not valid", said[:1].lower() + said[1:]) from error
