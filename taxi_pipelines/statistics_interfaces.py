"""What is asked of very many executions at once. Apart from `flow_interfaces`, because nothing of it drives an execution."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from taxi_pipelines.domain.durations import Timing
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import ExecutionFilter


class Statistics(Protocol):
    """Figures over executions, counted by the database."""

    def counts(self, edges: Sequence[datetime]) -> list[Mapping[State, int]]:
        """Between each edge and the next: how many of the executions created then are in each state; states of none left out."""
        ...

    def timings(self, since: datetime, among: int) -> list[Timing]:
        """Of those created since then that have ended well, among so many of the newest executions."""
        ...

    def reasons(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """Why those failed of these that did, by id: the error of the task run that failed last, or the execution's own."""
        ...

    def found(self, execution_ids: Collection[str]) -> Mapping[str, Execution]:
        """Those of these ids that there are, by id."""
        ...

    def every(self, wanted: ExecutionFilter) -> Iterator[Execution]:
        """All there were when it began, newest first, a few at a time: what was removed since is left out."""
        ...
