"""Bodies of flows, as Kestra names their parts."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict

from taxi_pipelines.api.bodies import Body, ProblemBody, with_example


class FlowBody(Body):
    """A flow as it was written, with what is known of it besides; `source` is its text, where that was asked for."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": "hello",
                    "namespace": "demo",
                    "revision": 1,
                    "updated": "2024-03-01T09:00:00Z",
                    "disabled": False,
                    "deleted": False,
                    "tasks": [{"id": "greet", "type": "io.kestra.plugin.core.log.Log", "message": "Hello!"}],
                }
            ]
        },
    )

    id: str
    namespace: str
    revision: int
    updated: datetime
    disabled: bool
    deleted: bool
    source: str | None = None


class FlowPage(Body):
    """A page of flows, by name, and how many there are in all."""

    model_config = with_example(results=[], total=0)

    results: list[FlowBody]
    total: int


class FlowName(Body):
    """Which flow."""

    model_config = with_example(namespace="demo", id="hello")

    namespace: str
    id: str


class Validation(Body):
    """What is wrong with one of several flows; nothing where `constraints` is null."""

    model_config = with_example(
        index=0, namespace="demo", flow="hello", constraints=None, outdated=False, warnings=[], problems=[]
    )

    index: int
    namespace: str | None
    flow: str | None
    constraints: str | None
    outdated: bool
    deprecation_paths: list[str]
    warnings: list[str]
    infos: list[str]
    problems: list[ProblemBody]
