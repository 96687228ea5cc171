"""A folder of flows that is kept deployed: a changed file is a new revision, an invalid one is reported once.

Looked at again and again, not watched by the kernel: that works on every kind of disk, and a look at a hundred files costs
nothing. A file that is gone leaves its flow as it is: deleting one takes its history out of sight, which no `mv` should do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_files import ENDINGS, FlowFile, problems_of, read_file
from taxi_pipelines.flowspec.problems import Problem
from taxi_pipelines.orchestrator import Orchestrator

_Mark = tuple[int, int]
"""Time of the last change in nanoseconds, and bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looked:
    """What a look found: flows kept (`new` where that made a revision), and what is wrong with changed files."""

    kept: Sequence[StoredFlow] = ()
    new: Sequence[StoredFlow] = ()
    problems: Sequence[Problem] = ()


class FlowFolder:
    """One folder, with everything below it. It may come to be later."""

    def __init__(self, folder: Path, orchestrator: Orchestrator) -> None:
        self._folder = folder
        self._orchestrator = orchestrator
        self._marks: dict[Path, _Mark] = {}
        self._files: dict[Path, FlowFile] = {}
        self._refused: set[Path] = set()

    def look(self) -> Looked:
        """Keeps what has changed since the last look and is valid. Raises PipelineError; then the next look does it."""
        marks = dict(sorted(self._scan()))
        changed = {path for path, mark in marks.items() if self._marks.get(path) != mark}
        if not changed and marks.keys() == self._marks.keys():
            return Looked()
        unreadable = self._read(changed)
        self._files = {path: file for path, file in self._files.items() if path in marks}
        problems = [*unreadable, *problems_of(list(self._files.values()))]
        wrong = {Path(problem.file) for problem in problems}
        candidates = sorted((changed | self._refused) & self._files.keys() - wrong)
        looked = self._keep(
            [self._files[path] for path in candidates], [one for one in problems if Path(one.file) in changed]
        )
        self._marks, self._refused = marks, wrong
        return looked

    def file_of(self, namespace: str, id: str) -> Path | None:
        """The file a flow is kept from, from any thread."""
        read = list(self._files.values())
        return next(
            (one.path for one in read if one.flow and (one.flow.namespace, one.flow.id) == (namespace, id)), None
        )

    def _scan(self) -> Iterator[tuple[Path, _Mark]]:
        for path in self._folder.rglob("*"):
            if path.suffix.lower() in ENDINGS:
                with suppress(OSError):  # it went away between the two looks, or leads nowhere
                    stat = path.stat()
                    yield path, (stat.st_mtime_ns, stat.st_size)

    def _read(self, paths: Iterable[Path]) -> list[Problem]:
        """Takes in these files; a problem for each that cannot be read."""
        problems = []
        for path in sorted(paths):
            try:
                self._files[path] = read_file(path, self._orchestrator.parts.catalog)
            except UsageError as error:
                self._files.pop(path, None)
                problems.append(Problem(message=error.what, hint=error.hint, file=str(path)))
        return problems

    def _keep(self, files: Sequence[FlowFile], problems: Sequence[Problem]) -> Looked:
        before = {(flow.namespace, flow.id): flow.revision for flow in self._orchestrator.parts.flows.listed()}
        kept = self._orchestrator.save_all(files)
        new = [flow for flow in kept if before.get((flow.namespace, flow.id)) != flow.revision]
        return Looked(kept=kept, new=new, problems=problems)
