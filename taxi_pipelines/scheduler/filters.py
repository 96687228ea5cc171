"""Tests of single fields of an execution: the `where` of a Flow trigger's preconditions."""

from __future__ import annotations

import re

from taxi_pipelines.domain.text import is_true
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.conditions import Asked
from taxi_pipelines.tasks.triggers import ExecutionFilter, Filter


def passes(wanted: ExecutionFilter, asked: Asked) -> bool:
    """Whether the execution that has ended is meant."""
    tests = (_passes(one, asked) for one in wanted.filters)
    return all(tests) if wanted.operand == "AND" else any(tests)


def _passes(it: Filter, asked: Asked) -> bool:
    value = it.value or ""
    if it.field == "EXPRESSION":
        rendered = asked.rendering.text(value)
        return is_true(rendered) if it.type != "IS_FALSE" else not is_true(rendered)
    found = {"FLOW_ID": asked.ended.flow_id, "NAMESPACE": asked.ended.namespace, "STATE": str(asked.ended.state)}[
        it.field
    ]
    match it.type:
        case "EQUAL_TO":
            return found == value
        case "NOT_EQUAL_TO":
            return found != value
        case "IN":
            return found in (it.values or [])
        case "NOT_IN":
            return found not in (it.values or [])
        case "STARTS_WITH":
            return found.startswith(value)
        case "ENDS_WITH":
            return found.endswith(value)
        case "CONTAINS":
            return value in found
        case "REGEX":
            return _fits(value, found)
        case "IS_NULL" | "IS_FALSE":
            return False
        case "IS_NOT_NULL" | "IS_TRUE":
            return True


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a regular expression: {error}", "mend it") from error
