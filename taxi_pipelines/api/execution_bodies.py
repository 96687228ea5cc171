"""Bodies of executions and their logs, as Kestra names their parts."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from taxi_pipelines.api.bodies import Body, Label, ProblemBody, with_example
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State


class StateChange(Body):
    """When it came to a state."""

    state: State
    date: datetime


class StateBody(Body):
    """Where it stands. `duration` is an ISO 8601 duration, until now where it has not ended."""

    current: State
    histories: list[StateChange]
    start_date: datetime | None
    end_date: datetime | None
    duration: str | None


class AttemptBody(Body):
    """One try at a task."""

    state: StateBody


class TaskRunBody(Body):
    """One run of one task."""

    id: str
    execution_id: str
    namespace: str
    flow_id: str
    task_id: str
    parent_task_run_id: str | None
    value: str | None
    iteration: int | None
    attempts: list[AttemptBody]
    outputs: dict[str, JsonValue]
    state: StateBody
    error: str | None


class StartedBy(Body):
    """The trigger, or the calling execution, that started one."""

    id: str
    type: str
    variables: dict[str, JsonValue]


class ExecutionBody(Body):
    """An execution. Lists of executions leave `taskRunList` out."""

    model_config = with_example(
        id="k3v9q0c2m7x1a5b8d4fz",
        namespace="demo",
        flowId="hello",
        flowRevision=1,
        state={
            "current": "SUCCESS",
            "histories": [{"state": "CREATED", "date": "2024-03-01T09:00:00Z"}],
            "startDate": "2024-03-01T09:00:00Z",
            "endDate": "2024-03-01T09:00:01Z",
            "duration": "PT1S",
        },
        inputs={"name": "world"},
        outputs={"said": "hello world"},
        labels=[{"key": "team", "value": "data"}],
        variables={},
        trigger=None,
        parentId=None,
        originalId="k3v9q0c2m7x1a5b8d4fz",
        taskRunList=[],
        error=None,
        deleted=False,
        scheduleDate=None,
        url="http://127.0.0.1:8080/api/v1/executions/k3v9q0c2m7x1a5b8d4fz",
    )

    id: str
    namespace: str
    flow_id: str
    flow_revision: int
    state: StateBody
    inputs: dict[str, JsonValue]
    outputs: dict[str, JsonValue]
    labels: list[Label]
    variables: dict[str, JsonValue]
    trigger: StartedBy | None
    parent_id: str | None
    original_id: str
    task_run_list: list[TaskRunBody] | None
    error: str | None
    deleted: bool = False
    schedule_date: datetime | None
    url: str


class ExecutionPage(Body):
    """A page of executions, the newest first, and how many there are in all."""

    model_config = with_example(results=[], total=0)

    results: list[ExecutionBody]
    total: int


class LabelsByIds(Body):
    """Labels to set on several executions."""

    model_config = with_example(
        executionsId=["k3v9q0c2m7x1a5b8d4fz"], executionLabels=[{"key": "team", "value": "data"}]
    )

    executions_id: list[str]
    execution_labels: list[Label]


class DoneBody(Body):
    """How many it was done to, and to how many it could not be. `problems` says why, of the first of them."""

    model_config = with_example(count=12, refused=1, problems=[{"path": "RUNNING", "message": "1 is RUNNING"}])

    count: int
    refused: int
    problems: list[ProblemBody]


class LogBody(Body):
    """One line of a log."""

    model_config = with_example(
        namespace="demo",
        flowId="hello",
        executionId="k3v9q0c2m7x1a5b8d4fz",
        taskId="greet",
        taskRunId="p0w3",
        attemptNumber=0,
        timestamp="2024-03-01T09:00:00Z",
        level="INFO",
        message="Hello world!",
    )

    namespace: str
    flow_id: str
    execution_id: str
    task_id: str | None
    task_run_id: str | None
    attempt_number: int | None
    timestamp: datetime
    level: Level
    message: str


class LogPage(Body):
    """A page of log lines, the newest first. `total` counts those on this page and before, one more where there are more."""

    model_config = with_example(results=[], total=0)

    results: list[LogBody]
    total: int


class FileSize(Body):
    """How large a file is, in bytes."""

    model_config = with_example(size=1234)

    size: int
