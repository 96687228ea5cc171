"""The flows of a Git repository, kept deployed: each commit is taken over as a whole, or refused as a whole.

What the newest commit says counts: a flow that was changed by other means is brought back at the next look. Several servers may
do this on one database: what a server plans, it plans on the revisions it saw before it asked Git, and if they are others by
then, nothing is done, and it looks again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

from taxi_pipelines.domain.flow_change import CommitFiles, FlowChange, changes_to
from taxi_pipelines.domain.trigger import states_of
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.flow_files import FlowFile, flow_of, problems_of
from taxi_pipelines.flowspec.problems import Problem

SHORT = 7
"""Characters of a commit's name that people read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncPlan:
    """What a commit changes, with the files of its flows; or nothing, where one of them is not valid: then it is refused."""

    commit: str
    changes: Sequence[FlowChange] = ()
    files: Sequence[FlowFile] = ()
    problems: Sequence[Problem] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `taxi flow sync --json` prints it."""
        changes = [{"namespace": one.namespace, "id": one.id, "change": str(one.kind)} for one in self.changes]
        return {"commit": self.commit, "changes": changes, "problems": [one.to_dict() for one in self.problems]}


class FlowSync:
    """One branch and folder of a repository."""

    def __init__(self, parts: Parts, newest_commit: Callable[[], str], read_files: Callable[[], CommitFiles]) -> None:
        """Both raise GitUnavailable and GitRefused; `read_files` gives the files of what is the newest commit then."""
        self._parts = parts
        self._newest_commit = newest_commit
        self._read_files = read_files
        self._commit = ""
        self._files: Sequence[FlowFile] = ()
        self._problems: Sequence[Problem] = ()

    def plan(self) -> SyncPlan:
        """What the newest commit would change. Raises GitUnavailable and GitRefused."""
        kept = self._parts.flows.listed()
        if self._newest_commit() != self._commit:
            self._read()
        if self._problems:
            return SyncPlan(commit=self._commit, problems=self._problems)
        flows = [(file.valid, file.text) for file in self._files]
        wanted = {(flow.namespace, flow.id): text for flow, text in flows}
        return SyncPlan(commit=self._commit, changes=changes_to(wanted, kept), files=self._files)

    def perform(self, plan: SyncPlan) -> bool:
        """Takes it over; False, and nothing is done, where one of the flows is not as it was when it was planned."""
        now = self._parts.clock()
        files = {(file.valid.namespace, file.valid.id): file for file in plan.files}
        changes = []
        for change in plan.changes:
            file = files.get(change.name)
            text, triggers = (file.text, states_of(file.valid, now)) if file else ("", [])
            changes.append((change, text, triggers))
        return not changes or self._parts.flows.take_over(changes, plan.commit, now)

    def _read(self) -> None:
        found = self._read_files()
        files: list[FlowFile] = []
        problems: list[Problem] = []
        for path, content in sorted(found.files.items()):
            try:
                files.append(flow_of(Path(path), content.decode("utf-8"), self._parts.catalog))
            except UnicodeDecodeError:
                problems.append(_not_text(path))
        self._commit, self._files = found.commit, files
        self._problems = [*problems, *problems_of(files)]


def _not_text(path: str) -> Problem:
    return Problem(message="it is not UTF-8 text", hint="save it as UTF-8", file=path)


class SyncWatch:
    """Look after look, in a thread of the service; each thing is said once."""

    def __init__(self, sync: FlowSync, say: Callable[[str], None], on_change: Callable[[], None]) -> None:
        """`on_change` is called when flows have changed."""
        self._sync = sync
        self._say = say
        self._on_change = on_change
        self._complaint: Sequence[str] = ()

    def run(self, interval: timedelta, stopping: Event) -> None:
        """Looks so often, until that is set."""
        while not stopping.is_set():
            self.look()
            stopping.wait(interval.total_seconds())

    def look(self) -> None:
        """Takes over what is new. Raises nothing: what cannot be done is said, and tried again at the next look."""
        try:
            plan = self._sync.plan()
            performed = not plan.problems and self._sync.perform(plan)
        except Exception as error:
            what = str(error) if isinstance(error, PipelineError) else f"{type(error).__name__}: {error}"
            self._complain([f"the flows cannot be kept as in Git: {what}; trying again"])
            return
        self._complain([in_short(plan, performed=False), *map(str, plan.problems)] if plan.problems else [])
        if performed and plan.changes:
            for line in (in_short(plan, performed=True), *map(said, plan.changes)):
                self._say(line)
            self._on_change()

    def _complain(self, lines: Sequence[str]) -> None:
        if lines != self._complaint:
            for line in lines:
                self._say(line)
        self._complaint = lines


def said(change: FlowChange) -> str:
    """A line for it."""
    return f"{change.namespace}.{change.id}  {change.kind}"


def in_short(plan: SyncPlan, *, performed: bool) -> str:
    """The whole of a plan in a line."""
    commit = f"commit {plan.commit[:SHORT]}"
    if plan.problems:
        return f"{commit} is refused, the flows stay as they are"
    if not plan.changes:
        return f"the flows are those of {commit}"
    count = f"{len(plan.changes)} {'flow' if len(plan.changes) == 1 else 'flows'}"
    return f"{commit}: {count} changed" if performed else f"{commit}: {count} would change"
