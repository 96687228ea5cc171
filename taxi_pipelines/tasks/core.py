"""Small types that the engine performs itself: log lines, values, labels, variables, and ways to end an execution."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import is_true, label_map, plain_text, reserved_labels
from taxi_pipelines.task_types import Effects, Facts, Properties, TypeSpec

_PLUGIN = "io.kestra.plugin.core."
_OLD = "io.kestra.core.tasks."


class Log(Properties):
    """A line in the log."""

    message: Any = Field(description="One line, or a list of several.")
    level: Level = Field(default=Level.INFO, description="TRACE, DEBUG, INFO, WARN or ERROR.")


class Return(Properties):
    """A value."""

    format: Any = Field(default=None, description="What is put out as `value`, and logged.")


class Echo(Properties):
    """A value in the log."""

    format: Any = Field(description="The line to log.")
    level: Level = Field(default=Level.INFO, description="TRACE, DEBUG, INFO, WARN or ERROR.")


class OutputValues(Properties):
    """Values."""

    values: dict[str, Any] = Field(description="Names and values to put out.")


class Fail(Properties):
    """A failure."""

    condition: Any = Field(default=None, description="Fails only where its rendered text is true; always if not given.")
    error_message: str = Field(default="Task failure", description="The reason to give.")


class Exit(Properties):
    """An end."""

    state: Literal["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELED", "CANCELLED"] = Field(
        default="SUCCESS", description="The state the execution ends in."
    )


class Assert(Properties):
    """A demand."""

    conditions: list[Any] = Field(description="Each rendered text must be true.")
    error_message: str | None = Field(default=None, description="What to say where one is not.")


class Labels(Properties):
    """Labels."""

    labels: dict[str, Any] | list[dict[str, Any]] | str = Field(
        description="A map, a list of key and value, or text that is one of them in JSON."
    )


class SetVariables(Properties):
    """Variables."""

    variables: dict[str, Any] = Field(description="Names and values.")
    overwrite: bool = Field(default=True, description="Whether a variable that is there may be replaced.")


def perform_log(properties: Log, facts: Facts) -> Effects:
    """Logs each line."""
    lines = properties.message if isinstance(properties.message, list) else [properties.message]
    return Effects(logs=tuple((properties.level, plain_text(line)) for line in lines))


def perform_return(properties: Return, facts: Facts) -> Effects:
    """Puts the value out."""
    return Effects(outputs={"value": properties.format}, logs=((Level.DEBUG, plain_text(properties.format)),))


def perform_echo(properties: Echo, facts: Facts) -> Effects:
    """Logs the line."""
    return Effects(logs=((properties.level, plain_text(properties.format)),))


def perform_output_values(properties: OutputValues, facts: Facts) -> Effects:
    """Puts the values out under `values`."""
    return Effects(outputs={"values": dict(properties.values)})


def perform_fail(properties: Fail, facts: Facts) -> Effects:
    """Fails, unless its condition is false."""
    if "condition" in properties.model_fields_set and not is_true(properties.condition):
        return Effects()
    return _failed(properties.error_message)


def perform_exit(properties: Exit, facts: Facts) -> Effects:
    """Ends the execution."""
    state = State("CANCELLED" if properties.state == "CANCELED" else properties.state)
    return Effects(exit_state=state, logs=((Level.INFO, f"the execution ends here, in state {state}"),))


def perform_assert(properties: Assert, facts: Facts) -> Effects:
    """Fails where a condition does not hold, with how many and which."""
    failed = [number for number, condition in enumerate(properties.conditions, 1) if not is_true(condition)]
    if not failed:
        return Effects(outputs={"failed": 0, "success": len(properties.conditions)})
    which = ", ".join(map(str, failed))
    said = properties.error_message or f"{len(failed)} of {len(properties.conditions)} conditions do not hold: {which}"
    return _failed(said)


def perform_labels(properties: Labels, facts: Facts) -> Effects:
    """Adds labels to the execution."""
    try:
        labels = label_map(json.loads(properties.labels) if isinstance(properties.labels, str) else properties.labels)
    except (ValueError, RecursionError):
        return _failed("labels are neither a map nor a list of {key, value}")
    if reserved := reserved_labels(labels):
        return _failed(f"labels that begin with `system.` are reserved: {', '.join(reserved)}")
    return Effects(labels=labels)


def perform_set_variables(properties: SetVariables, facts: Facts) -> Effects:
    """Sets variables of the execution."""
    taken = sorted(set(properties.variables) & set(facts.variables))
    if taken and not properties.overwrite:
        return _failed(f"variables are set already: {', '.join(taken)}")
    return Effects(variables=dict(properties.variables))


def _failed(reason: str) -> Effects:
    return Effects(state=State.FAILED, error=reason, logs=((Level.ERROR, reason),))


CORE = (
    TypeSpec(
        name=f"{_PLUGIN}log.Log",
        aliases=(f"{_OLD}log.Log", "io.kestra.core.tasks.debugs.Log", "log"),
        title="Writes to the log.",
        properties=Log,
        perform=perform_log,
        example="type: log\nmessage: Hello {{ inputs.name }}",
    ),
    TypeSpec(
        name=f"{_PLUGIN}debug.Return",
        aliases=(f"{_OLD}debugs.Return", "return"),
        title="Puts out a value.",
        properties=Return,
        outputs={"value": "The rendered format."},
        perform=perform_return,
        example='type: return\nformat: "{{ inputs.taxi }}_tripdata"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}debug.Echo",
        aliases=(f"{_OLD}debugs.Echo", "echo"),
        title="Writes a value to the log.",
        properties=Echo,
        perform=perform_echo,
        example='type: echo\nformat: "{{ taskrun.id }}"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}output.OutputValues",
        aliases=("outputValues",),
        title="Puts out several values.",
        properties=OutputValues,
        outputs={"values": "The rendered values by name."},
        perform=perform_output_values,
        example="type: outputValues\nvalues:\n  taxi: green",
    ),
    TypeSpec(
        name=f"{_PLUGIN}execution.Fail",
        aliases=(f"{_OLD}executions.Fail", "fail"),
        title="Fails.",
        properties=Fail,
        perform=perform_fail,
        example='type: fail\ncondition: "{{ outputs.count.value == 0 }}"\nerrorMessage: no rows',
    ),
    TypeSpec(
        name=f"{_PLUGIN}execution.Exit",
        aliases=("exit",),
        title="Ends the execution.",
        properties=Exit,
        perform=perform_exit,
        example="type: exit\nstate: WARNING",
    ),
    TypeSpec(
        name=f"{_PLUGIN}execution.Assert",
        aliases=("assert",),
        title="Fails unless all conditions hold.",
        properties=Assert,
        outputs={"failed": "How many do not hold.", "success": "How many hold."},
        perform=perform_assert,
        example='type: assert\nconditions:\n  - "{{ outputs.load.rows > 0 }}"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}execution.Labels",
        aliases=(f"{_OLD}executions.Labels", "labels"),
        title="Adds labels to the execution.",
        properties=Labels,
        perform=perform_labels,
        example='type: labels\nlabels:\n  file: "{{ render(vars.file) }}"',
    ),
    TypeSpec(
        name=f"{_PLUGIN}execution.SetVariables",
        aliases=("setVariables",),
        title="Sets variables of the execution.",
        properties=SetVariables,
        perform=perform_set_variables,
        example="type: setVariables\nvariables:\n  stage: loaded",
    ),
)
"""Every small type but those of the key-value store."""
