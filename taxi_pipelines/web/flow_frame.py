"""What all pages of one flow begin with: its text, what that says, and the tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.engine.launch import parsed
from taxi_pipelines.errors import NotFound
from taxi_pipelines.flowspec.problems import FlowInvalid, Problem, nearest
from taxi_pipelines.service import Service

TABS = ("overview", "topology", "executions", "edit", "revisions", "triggers", "logs", "metrics")


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """A flow that is kept. `flow` is None, and `problems` say why, where its text is not valid any more."""

    stored: StoredFlow
    flow: Flow | None
    problems: Sequence[Problem] = ()

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.stored.namespace

    @property
    def id(self) -> str:
        """Its id."""
        return self.stored.id

    @property
    def name(self) -> tuple[str, str]:
        """Both."""
        return self.namespace, self.id

    @property
    def url(self) -> str:
        """Of its overview."""
        return f"/flows/{self.namespace}/{self.id}"

    def tabs(self, current: str) -> list[tuple[str, str, bool]]:
        """As the macro of that name wants them."""
        return [
            (tab.capitalize(), self.url if tab == "overview" else f"{self.url}/{tab}", tab == current) for tab in TABS
        ]


def frame_of(service: Service, namespace: str, id: str) -> Frame:
    """The newest revision. Raises NotFound, naming the nearest."""
    parts = service.orchestrator.parts
    stored = parts.flows.find(namespace, id)
    if stored is None:
        known = [f"{flow.namespace}.{flow.id}" for flow in parts.flows.listed()]
        hint = nearest(f"{namespace}.{id}", known) if known else "make one at /flows/new"
        raise NotFound(f"there is no flow {namespace}.{id}", hint)
    try:
        return Frame(stored=stored, flow=parsed(parts, stored))
    except FlowInvalid as error:
        return Frame(stored=stored, flow=None, problems=error.problems)
