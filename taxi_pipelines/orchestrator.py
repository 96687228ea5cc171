"""`Orchestrator`: flows, their executions, keys and secrets, for Python, the command line and the API alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter, ValidationError

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.records import KvEntry, KvType, Level, LogLine, StoredFlow
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.engine.control import Control
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.engine.liveness import Liveness
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.views import execution_view
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_files import FlowFile, read_file, with_subflows
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, Page
from taxi_pipelines.flow_wiring import build_parts, build_scheduler, start_engine
from taxi_pipelines.flowspec.problems import nearest
from taxi_pipelines.scheduler.control import TriggerControl
from taxi_pipelines.settings import Settings
from taxi_pipelines.tasks.kv import typed_value

if TYPE_CHECKING:
    from taxi_pipelines.executors.local import LocalExecutor
    from taxi_pipelines.scheduler.scheduler import Scheduler

LINES_AT_A_TIME = 1_000
_DURATION = TypeAdapter(timedelta)


class Orchestrator:
    """Keeps flows, and executes them.

        with Orchestrator(home=".taxi") as taxi:
            flow = taxi.save_file("hello.yaml")
            engine, _ = taxi.start_engine()
            execution = taxi.control.make_execution(flow, {"name": "world"})
            engine.submit(execution)
            engine.run_until(lambda: not engine.holds(execution.id))
            print(taxi.view(taxi.control.execution(execution.id))["outputs"])

    Arguments that are not given come from TAXI_* variables and taxi.toml; `more` are other fields of Settings. `control` has the
    verbs on flows and executions, `triggers` those on triggers and backfills. What must be done by an engine is done by whichever
    lives on the same home or database, in this process or another. All verbs raise PipelineError; one of exit code 2 means that
    the call was wrong.
    """

    def __init__(
        self,
        *,
        home: str | Path | None = None,
        settings: Settings | None = None,
        executor: LocalExecutor | None = None,
        **more: Any,
    ) -> None:
        self.settings = settings or Settings.load(home=home, **more)
        self._closing = ExitStack()
        self.parts: Parts = build_parts(self.settings, self._closing, executor)
        self.control = Control(self.parts)
        self.triggers = TriggerControl(self.parts)
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the engine, if there is one here, and closes connections."""
        if self._engine is None:
            self.parts.executor.close(0.0)
        self._closing.close()

    # ------------------------------------------------------------------ flows

    def save_file(self, path: str | Path) -> Flow:
        """Keeps the flow of a file, and those of its subflows found beside it. Raises FlowInvalid, UsageError."""
        files = with_subflows(read_file(Path(path), self.parts.catalog), self.parts.catalog)
        kept = self.save_all(files)[0]
        return self.control.flow(kept.namespace, kept.id)

    def save_all(self, files: Sequence[FlowFile]) -> list[StoredFlow]:
        """Keeps all these flows, or, where one is not valid, none. Raises FlowInvalid."""
        flows = [(file.valid, file.text) for file in files]
        return [self.control.keep_flow(flow, text) for flow, text in flows]

    def stored_flow(self, name: str, revision: int | None = None) -> StoredFlow:
        """A flow by `namespace.id`, as it was written. Raises NotFound, naming the nearest."""
        pieces = name.split(".")
        for cut in range(len(pieces) - 1, 0, -1):  # an id may have dots of its own
            found = self.parts.flows.find(".".join(pieces[:cut]), ".".join(pieces[cut:]), revision)
            if found:
                return found
        known = [f"{flow.namespace}.{flow.id}" for flow in self.parts.flows.listed()]
        which = f" of revision {revision}" if revision and name in known else ""
        if which:
            raise NotFound(f"there is no flow {name}{which}", f"`taxi flow show {name}` lists its revisions")
        raise NotFound(
            f"there is no flow {name}", nearest(name, known) if known else "import one: taxi flow import FILE"
        )

    # ------------------------------------------------------------------ executions

    def task_runs(self, execution_id: str) -> list[TaskRun]:
        """Those of an execution, in order of creation."""
        return self.parts.executions.task_runs(execution_id)

    def lines(
        self, execution_id: str, *, after: int = 0, level: Level | None = None, task_id: str | None = None
    ) -> Iterator[LogLine]:
        """An execution's log, in order, after a line's number."""
        while page := self.parts.logs.lines(
            execution_id, after=after, level=level, task_id=task_id, limit=LINES_AT_A_TIME
        ):
            yield from page
            after = page[-1].number

    def successor(self, execution: Execution) -> Execution | None:
        """The execution that took the place of one that is RETRIED."""
        found = self.control.executions(ExecutionFilter(parent_id=execution.id), Page(limit=100))
        return next((one for one in found if one.attempt == execution.attempt + 1), None)

    def unfinished(self) -> list[Execution]:
        """Executions not ended that the engine here holds."""
        if self._engine is None:
            return []
        live = ExecutionFilter(states=frozenset(State) - ENDED)
        return [one for one in self.control.executions(live, Page(limit=1_000)) if self._engine.holds(one.id)]

    def view(self, execution: Execution) -> dict[str, Any]:
        """The execution as JSON shows it, task runs included."""
        return execution_view(execution, self.task_runs(execution.id))

    # ------------------------------------------------------------------ engines

    def start_engine(
        self,
        *,
        say: Callable[[str], None] = lambda line: None,
        on_commit: Callable[[Batch], None] = lambda batch: None,
    ) -> tuple[Engine, list[str]]:
        """An engine in this process, once, until `close`; and the executions of dead processes that it goes on with."""
        if self._engine is not None:
            raise UsageError("there is an engine here already", "use that one")
        self._engine, taken = start_engine(self.parts, self.settings, self._closing, say=say, on_commit=on_commit)
        return self._engine, taken

    def start_scheduler(
        self,
        *,
        say: Callable[[str], None] = lambda line: None,
        on_fired: Callable[[Sequence[Execution]], None] = lambda executions: None,
    ) -> Scheduler:
        """What starts executions by itself, to be stepped by one thread; `on_fired` is given what it has started, once stored."""
        return build_scheduler(self.parts, self.settings, self._closing, say=say, on_fired=on_fired)

    def has_living_engine(self) -> bool:
        """Whether any process drives executions here: it takes what nobody holds, and obeys what is asked of it."""
        liveness = Liveness(self.settings.home / "engines")
        dead = set(liveness.known_dead(self.parts.engines, self.parts.host))
        silent_since = self.parts.clock() - self.parts.lease
        return any(id not in dead and beat >= silent_since for id, _, _, beat in self.parts.engines.listed())

    # ------------------------------------------------------------------ keys and secrets

    def set_value(
        self, namespace: str, key: str, value: object, *, type: KvType | None = None, ttl: str | None = None
    ) -> KvEntry:
        """Keeps a value, for so long (an ISO 8601 duration) or for good. Raises UsageError."""
        now = self.parts.clock()
        try:
            kind, kept = typed_value(value, type)
        except ValueError as error:
            raise UsageError(f"{key!r} cannot be kept as {type}: {error}", "give a value of that type") from error
        try:
            expires_at = now + _DURATION.validate_python(ttl) if ttl else None
        except (ValidationError, OverflowError) as error:
            raise UsageError(f"{ttl!r} is not an ISO 8601 duration", "write it as PT30S or P1D") from error
        entry = KvEntry(namespace=namespace, key=key, type=kind, value=kept, expires_at=expires_at, updated_at=now)
        self.parts.kv.set(entry)
        return entry

    def value(self, namespace: str, key: str) -> KvEntry:
        """A namespace's own value. Raises NotFound."""
        if entry := self.parts.kv.get(namespace, key, self.parts.clock()):
            return entry
        known = [entry.key for entry in self.values(namespace)]
        raise NotFound(f"no key {key!r} in {namespace}", nearest(key, known) if known else "it has no keys")

    def values(self, namespace: str) -> list[KvEntry]:
        """All of a namespace, by key."""
        return self.parts.kv.listed(namespace, self.parts.clock())

    def delete_value(self, namespace: str, key: str) -> None:
        """Forgets a value. Raises NotFound."""
        self.value(namespace, key)
        self.parts.kv.delete(namespace, key)

    def set_secret(self, namespace: str, key: str, value: str) -> None:
        """Keeps a secret, encrypted."""
        self.parts.secrets.set(namespace, key, value)

    def secrets(self, namespace: str | None = None) -> list[tuple[str, str]]:
        """(namespace, key), never values; of a namespace and those below it."""
        below = "" if namespace is None else f"{namespace}."
        return [(place, key) for place, key in self.parts.secrets.keys(None) if f"{place}.".startswith(below)]

    def delete_secret(self, namespace: str, key: str) -> None:
        """Forgets a secret. Raises NotFound."""
        if not self.parts.secrets.delete(namespace, key):
            known = [name for _, name in self.parts.secrets.keys(namespace)]
            raise NotFound(f"no secret {key!r} in {namespace}", nearest(key, known) if known else "it has none")
