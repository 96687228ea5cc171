"""What every flow and every task may say besides its type's own properties, as models: shapes and documentation in one place."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from taxi_pipelines.domain.flow import ConcurrencyBehavior, RetryBehavior, RetryPolicy, RetryType
from taxi_pipelines.domain.states import State
from taxi_pipelines.task_types import Duration, DurationText, Role, Typed

ID = r"^[a-zA-Z0-9][a-zA-Z0-9_-]*$"
FLOW_ID = r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$"
NAMESPACE = r"^[a-z0-9][a-z0-9._-]*$"
INPUT_ID = r"^[a-zA-Z0-9][.a-zA-Z0-9_-]*$"

LogLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] | None


Scalar = str | int | float | bool | None
LabelsShape = dict[str, Scalar] | list[dict[str, Scalar]]
"""A map, or a list of key and value."""


class Shape(BaseModel):
    """Base of the models here: what is said before anything is rendered. Only where text belongs may it be a template."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, coerce_numbers_to_str=True
    )


class Retry(Shape):
    """When to try again."""

    type: RetryType = Field(description="constant, exponential or random.")
    interval: Duration = Field(
        default=timedelta(seconds=1),
        validation_alias=AliasChoices("interval", "minInterval"),
        description="Pause before the next attempt; the first one, or the shortest.",
    )
    max_interval: Duration | None = Field(default=None, description="The longest pause.")
    delay_factor: float = Field(default=2.0, gt=0, description="By how much exponential pauses grow.")
    max_attempts: int | None = Field(
        default=None,
        ge=1,
        validation_alias=AliasChoices("maxAttempts", "maxAttempt"),
        description="How many attempts in all, the first included.",
    )
    max_duration: Duration | None = Field(default=None, description="For how long attempts may begin.")
    warning_on_retry: bool = Field(default=False, description="Whether success after a retry is only a WARNING.")
    behavior: RetryBehavior = Field(
        default=RetryBehavior.RETRY_FAILED_TASK, description="RETRY_FAILED_TASK or CREATE_NEW_EXECUTION."
    )

    def policy(self) -> RetryPolicy:
        """The same for the domain."""
        return RetryPolicy(
            type=self.type,
            interval=self.interval,
            max_interval=self.max_interval,
            delay_factor=self.delay_factor,
            max_attempts=self.max_attempts,
            max_duration=self.max_duration,
            warning_on_retry=self.warning_on_retry,
            behavior=self.behavior,
        )


class TaskCommon(Shape):
    """What every task may say."""

    id: str = Field(pattern=ID, description="Name of the task, unique in the flow.")
    type: str = Field(description="What it does.")
    description: str | None = Field(default=None, description="What it is for.")
    disabled: bool = Field(default=False, description="Whether it is left out.")
    timeout: DurationText | None = Field(
        default=None, description="How long an attempt may take, as an ISO 8601 duration."
    )
    retry: Retry | None = Field(default=None, description="When to try again after a failure.")
    run_if: str | bool | int | None = Field(default=None, description="It is SKIPPED where the rendered text is false.")
    allow_failure: bool = Field(default=False, description="Whether its failure is only a WARNING.")
    allow_warning: bool = Field(default=False, description="Whether its WARNING is a SUCCESS.")
    log_level: LogLevel = Field(default=None, description="The quietest lines to keep.")
    log_to_file: bool = Field(default=False, description="Whether its log goes to a file.")
    worker_group: dict[str, Any] | None = Field(
        default=None, description="Accepted, without effect: there is one group."
    )


class DagItem(Shape):
    """A task of a Dag."""

    task: dict[str, Any] = Field(description="The task.")
    depends_on: list[str] = Field(default=[], description="Ids of tasks of the Dag to wait for.")


class ConcurrencyShape(Shape):
    """How many executions at a time."""

    limit: int = Field(ge=1, description="How many executions may be live at a time.")
    behavior: ConcurrencyBehavior = Field(
        default=ConcurrencyBehavior.QUEUE, description="What becomes of the others: QUEUE, CANCEL or FAIL."
    )


class SlaShape(Shape):
    """A promise about executions."""

    id: str = Field(description="Its name.")
    type: Literal["MAX_DURATION", "EXECUTION_ASSERTION"] = Field(description="What is promised.")
    behavior: Literal["FAIL", "CANCEL", "NONE"] = Field(description="What to do where it is broken.")
    duration: Duration | None = Field(default=None, description="For MAX_DURATION.")
    assert_: str | None = Field(default=None, alias="assert", description="For EXECUTION_ASSERTION: what must hold.")
    labels: LabelsShape = Field(default={}, description="Labels to add where it is broken.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = "duration" if self.type == "MAX_DURATION" else "assert"
        if (self.duration if needed == "duration" else self.assert_) is None:
            raise ValueError(f"{needed!r} is missing: it belongs to {self.type}")
        return self


class OutputShape(Shape):
    """An output of a flow."""

    id: str = Field(pattern=INPUT_ID, description="Its name.")
    type: str = Field(default="STRING", description="An input type.")
    value: Any = Field(description="A template.")
    description: str | None = Field(default=None, description="What it is.")
    display_name: str | None = Field(default=None, description="How it is called on pages.")


class TriggerCommon(Shape):
    """What every trigger may say."""

    id: str = Field(pattern=ID, description="Name of the trigger, unique in the flow.")
    type: str = Field(description="What sets it off.")
    description: str | None = Field(default=None, description="What it is for.")
    disabled: bool = Field(default=False, description="Whether it is left out.")
    conditions: Annotated[list[dict[str, Any]], Typed(Role.CONDITION)] = Field(
        default=[], description="What must hold, too, for an execution to start."
    )
    inputs: dict[str, Any] = Field(default={}, description="Values for the flow's inputs.")
    labels: LabelsShape = Field(default={}, description="Labels of the executions it starts.")
    stop_after: list[State] = Field(
        default=[], description="It is disabled once an execution it started has ended in one of these states."
    )
    allow_concurrent: bool = Field(default=False, description="Whether it may start one while its last one still runs.")
    log_level: LogLevel = Field(
        default=None,
        validation_alias=AliasChoices("logLevel", "minLogLevel"),
        description="The quietest lines to keep of its own log.",
    )
    log_to_file: bool = Field(default=False, description="Whether its log goes to a file.")
    worker_group: dict[str, Any] | None = Field(
        default=None, description="Accepted, without effect: there is one group."
    )


class PluginDefault(Shape):
    """Values for everything of a type."""

    type: str = Field(description="A type, or the beginning of some.")
    values: dict[str, Any] = Field(default={}, description="Properties.")
    forced: bool = Field(default=False, description="Whether they win over what is written at the task.")


FLOW_KEYS = {
    "id": "Name of the flow, unique in its namespace.",
    "namespace": "Dotted name of the group it belongs to.",
    "description": "What it is for.",
    "labels": "A map, or a list of key and value.",
    "inputs": "What an execution is given.",
    "variables": "Names for texts.",
    "tasks": "What it does.",
    "outputs": "What an execution puts out.",
    "errors": "Tasks that run after a failure.",
    "finally": "Tasks that run in the end, come what may.",
    "triggers": "What starts it.",
    "pluginDefaults": "Values for all tasks of a type.",
    "taskDefaults": "The older name of pluginDefaults.",
    "concurrency": "How many executions at a time.",
    "retry": "When to try again.",
    "sla": "Promises about executions.",
    "disabled": "Whether it may be executed.",
    "revision": "Accepted, without effect: revisions are counted here.",
}
"""What a flow may say, with its meaning."""
