"""A runner without a world: applies the decisions of `advance` to values, with scripted outcomes, and checks each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from taxi_pipelines.domain.advance import advance, still_holds
from taxi_pipelines.domain.changes import attempt_ended, begun, decided, ended
from taxi_pipelines.domain.decisions import (
    Begin,
    Cancel,
    Create,
    Decision,
    End,
    EndExecution,
    Evaluate,
    NewExecution,
    PauseExecution,
    Resume,
    ResumeExecution,
    RetryAt,
    StopExecution,
    WaitUntil,
)  # fmt: skip
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, MAIN, Kind, Task
from taxi_pipelines.domain.replay import replay
from taxi_pipelines.domain.restart import restart
from taxi_pipelines.domain.settle import softened
from taxi_pipelines.domain.states import EXECUTION_TRANSITIONS, State, check_transition, roll_up
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.domain.verbs import Change, pause, resume, stop
from tests.support.flow_text import Script

START = datetime(2024, 1, 1, tzinfo=UTC)
TOO_MANY = 20_000
Choose = Callable[[int], int]
"""Which of n things happens next."""


class Simulation:
    """One execution. `trace` says which task runs began, in order; `choose` picks what happens next where several may."""

    def __init__(self, script: Script, choose: Choose = lambda n: 0) -> None:
        self.script, self.choose = script, choose
        self.now = START
        self.numbers = count(1)
        self.trace: list[str] = []
        self.decisions = 0
        self.new_execution: NewExecution | None = None
        self.execution = Execution(
            id="e", namespace="n", flow_id="f", flow_revision=1, state=State.CREATED, created_at=START
        )
        self.tree = RunTree(script.flow)
        self.working: list[str] = []

    # ------------------------------------------------------------------ what happens

    def run(self) -> Simulation:
        """From CREATED (or RESTARTED) to the end."""
        self.start()
        return self.go_on()

    def go_on(self, check: Callable[[], None] = lambda: None) -> Simulation:
        """To the end, with a check at every rest."""
        while not self.execution.state.has_ended:
            check()
            self.happen()
        return self

    def start(self) -> None:
        self.move(state=State.RUNNING)
        self.settle(self.tree.open_ids())

    def happen(self) -> None:
        """One thing of the world: some work ends, or time passes until a task run wakes, or a person resumes."""
        self.decisions += 1
        assert self.decisions < TOO_MANY, "it never ends"
        open_runs = [run for run in self.tree.in_order() if not run.state.has_ended]
        wakes = [run.wake_at for run in open_runs if run.wake_at and run.wake_at > self.now]
        chosen = self.choose(len(self.working) + bool(wakes)) if self.working or wakes else None
        if chosen is None:
            self.change(resume(self.execution, self.tree, self.now))
        elif chosen < len(self.working):
            self.work_ends(self.working.pop(chosen))
        else:
            self.now = min(wakes)
            self.settle([])

    def work_ends(self, run_id: str) -> None:
        run = self.tree.get(run_id)
        self.now += timedelta(seconds=1)
        self.tree.put(attempt_ended(run, self._outcome(run), self.now))
        self.settle([run_id])

    def kill(self) -> None:
        self.change(stop(self.execution, self.tree, self.now))

    def hold(self) -> None:
        self.change(pause(self.execution))

    def restart(self) -> Simulation:
        self.change(restart(self.execution, self.tree, self.now))
        return self.run()

    def replay(self, from_run_id: str | None) -> Simulation:
        """The replayed execution, ended."""
        again = Simulation(self.script, self.choose)
        again.execution, runs = replay(
            self.script.flow, self.execution, self.tree, self.now,
            execution_id="e2", new_run_id=lambda: f"again{next(again.numbers)}", from_run_id=from_run_id,
        )  # fmt: skip
        again.now, again.tree = self.now, RunTree(self.script.flow, runs)
        return again.run()

    def change(self, change: Change) -> None:
        """Applies what a verb says."""
        self.settle(self._change(change))

    def _change(self, change: Change) -> list[str | None]:
        self.move(state=change.execution.state)
        self.execution = change.execution
        change.apply_to(self.tree)
        for cancel in change.cancels:
            self.apply(cancel)
        return change.changed

    def settle(self, changed: list[str | None]) -> None:
        """Decides and applies until nothing more follows, from these and from those whose time has come."""
        due = (run for run in self.tree.in_order() if run.wake_at and not run.state.has_ended)
        changed = [*changed, *(run.id for run in due if run.wake_at and run.wake_at <= self.now)]
        while changed:
            decisions = advance(self.script.flow, self.execution, self.tree, changed, self.now)
            changed = [found for decision in decisions for found in self.apply(decision)]

    # ------------------------------------------------------------------ what the runner does

    def apply(self, decision: Decision) -> list[str | None]:
        """Applies it; what changed by it."""
        self.decisions += 1
        assert self.decisions < TOO_MANY, "it never ends"
        if not still_holds(decision, self.execution, self.tree):
            return []
        match decision:
            case Create():
                return [self._create(decision)]
            case Begin(run_id):
                self._begin(self.tree.get(run_id))
                return [run_id, *self._exit(run_id)]
            case Evaluate(run_id, iteration):
                self._evaluate(self.tree.get(run_id), iteration)
                return [run_id]
            case Cancel(run_id):
                self.working.remove(run_id)
                self.tree.put(attempt_ended(self.tree.get(run_id), State.KILLED, self.now))
                return [run_id]
            case End(run_id) | Resume(run_id) | RetryAt(run_id) | WaitUntil(run_id):
                self._check_end(decision)
                self.tree.put(decided(self.tree.get(run_id), decision, self.now))
                return [run_id] if isinstance(decision, End | Resume) else []
            case PauseExecution() | ResumeExecution():
                self.move(state=State.PAUSED if isinstance(decision, PauseExecution) else State.RUNNING)
            case StopExecution(state):
                return self._change(stop(self.execution, self.tree, self.now, ends_as=state))
            case NewExecution():
                self.new_execution = decision
            case EndExecution(state):
                assert not self.tree.tally.live
                assert not self.working
                if self.execution.state is not State.KILLING and state is not State.RETRIED:
                    self.check_complete(None, None)
                self.move(state=state, ended_at=self.now)
        return []

    def _create(self, create: Create) -> str:
        place = (create.parent_id, create.branch, create.task.id, create.iteration)
        assert self.tree.find(*place) is None, f"{place} comes to be twice"
        assert not create.task.disabled
        assert create.parent_id is None or self.tree.get(create.parent_id).state is State.RUNNING
        assert self.execution.state in (State.RUNNING, State.PAUSED)
        for needed in self.tree.outline.dependencies(create.task.id):
            found = self.tree.find(create.parent_id, create.branch, needed)
            assert found and found.state.has_ended and not found.state.has_failed
        run = TaskRun(
            id=f"r{next(self.numbers)}", execution_id=self.execution.id, task_id=create.task.id, parent_id=create.parent_id,
            branch=create.branch, value=create.value, iteration=create.iteration, created_at=self.now,
        )  # fmt: skip
        self.tree.put(run)
        self._check_room(create)
        return run.id

    def _begin(self, run: TaskRun) -> None:
        task = self.tree.task(run)
        assert run.state in (State.CREATED, State.RESTARTED, State.RETRYING)
        self.trace.append(run.task_id if run.iteration is None else f"{run.task_id}.{run.iteration}")
        if self.script.ends.get(task.id) is State.SKIPPED:
            self.tree.put(ended(run, State.SKIPPED, self.now))
            return
        run = replace(run, resolved={**self.script.resolved[task.id], **run.resolved})
        wake_at = self.now + timedelta(seconds=self.script.seconds[task.id]) if task.id in self.script.seconds else None
        run = replace(begun(run, self.now, State.PAUSED if task.kind is Kind.PAUSE else State.RUNNING), wake_at=wake_at)
        if task.kind in (Kind.WORK, Kind.SUBFLOW):
            self.working.append(run.id)
        elif task.is_flowable and self._outcome(run) is State.FAILED:
            run = attempt_ended(run, State.FAILED, self.now, error="could not be resolved")
        self.tree.put(run)

    def _exit(self, run_id: str) -> list[str | None]:
        """An Exit is light: performed in the moment it begins, it stops the execution while other decisions wait their turn."""
        run = self.tree.get(run_id)
        if run.task_id not in self.script.exits:
            return []
        self.working.remove(run_id)
        self.tree.put(attempt_ended(run, State.SUCCESS, self.now))
        return self._change(stop(self.execution, self.tree, self.now, ends_as=State.WARNING, cancel=False))

    def _evaluate(self, run: TaskRun, iteration: int) -> None:
        done = run.resolved.get("done", [])
        assert len(done) == iteration
        holds = iteration + 1 >= self.script.holds_after[run.task_id]
        self.tree.put(replace(run, resolved={**run.resolved, "done": [*done, holds]}))

    def _outcome(self, run: TaskRun) -> State:
        if len(run.attempts) <= self.script.failures.get(run.task_id, 0):
            return State.FAILED
        return self.script.ends.get(run.task_id, State.SUCCESS)

    def move(self, **fields: object) -> None:
        after = replace(self.execution, **fields)  # type: ignore[arg-type]
        check_transition(EXECUTION_TRANSITIONS, "the execution", self.execution.state, after.state)
        self.execution = after

    # ------------------------------------------------------------------ what must hold

    def _check_room(self, create: Create) -> None:
        """One at a time in a sequence, no more than the limit in what has one."""
        if create.parent_id is None:
            assert self.tree.branch(None, create.branch).tally.live == 1
            return
        parent = self.tree.get(create.parent_id)
        branch, limit = self.tree.branch(parent.id, create.branch), parent.resolved.get("concurrency", 1)
        if create.branch != MAIN or self.tree.task(parent).kind not in (Kind.PARALLEL, Kind.DAG):
            assert self.tree.group(parent.id, create.branch, create.iteration).tally.live == 1
        if create.branch == MAIN and limit:
            assert branch.tally.live <= limit

    def _check_end(self, decision: Decision) -> None:
        """Nothing lives below what ends; its `finally` has run, its `errors` if it failed, all of its body if it did not."""
        if not isinstance(decision, End) or not self.tree.is_parent(run := self.tree.get(decision.run_id)):
            return
        assert not self.tree.live_below(run)
        if run.state is State.KILLING:
            return
        self.check_complete(run, self.tree.task(run))

    def check_roll_up(self) -> None:
        """S19: every state above is that of what is below, worked out again from scratch; an Exit decides by itself."""
        if any(run.task_id in self.script.exits for run in self.tree.in_order()):
            return
        for run in self.tree.in_order():
            if run.state is State.KILLED or not self.tree.has_children(run) or run.attempts[-1].error:
                continue
            children = [*self.tree.body_of(run), *self.tree.children(run.id, FINALLY)]
            state = roll_up(child.state for child in children)
            task = self.tree.task(run)
            if task.kind is Kind.LOOP_UNTIL and state is not State.FAILED and run.state is State.FAILED:
                assert run.resolved["fail_on_max"]
            elif task.kind is Kind.PAUSE and not children:
                continue
            else:
                if task.kind is Kind.ALLOW_FAILURE and state is State.FAILED:
                    state = State.WARNING
                assert run.state is softened(task, state)

    def check_nothing_forgotten(self) -> None:
        """An engine that takes over knows only what is stored, and finds nothing left to decide; it goes on from there."""
        self.tree = RunTree(self.script.flow, list(self.tree.in_order()))
        assert advance(self.script.flow, self.execution, self.tree, self.tree.open_ids(), self.now) == []

    def check_complete(self, run: TaskRun | None, task: Task | None) -> None:
        """Every branch that had to run did (S19)."""
        task_id, run_id = (task.id, run.id) if task and run else (None, None)
        states = [child.state for child in self.tree.body_of(run)]
        failed = any(state.has_failed for state in states)

        def made(branch: str) -> bool:
            first = self.tree.group(run_id, branch)
            return first.tally.failed > 0 or first.tally.total == len(self.tree.outline.children(task_id, branch))

        assert made(FINALLY)
        assert not failed or made(ERRORS) or self.execution.state is State.KILLING
        if not failed and states:
            assert not self.tree.branch(run_id, ERRORS).begun or task
            assert len(states) == self.expected_children(run, task)

    def expected_children(self, run: TaskRun | None, task: Task | None) -> int:
        """How many task runs a body has that ended well."""
        outline = self.tree.outline
        if run is None or task is None:
            return len(outline.children(None, MAIN))
        branch = run.resolved.get("branch", MAIN)
        iterations = len(run.resolved.get("values", run.resolved.get("done", [0])))
        return iterations * len(outline.children(task.id, branch))

    # ------------------------------------------------------------------ what one may look at

    @property
    def state(self) -> State:
        return self.execution.state

    def states(self) -> dict[str, str]:
        """The end state by task id, `id.iteration` in loops."""
        return {
            run.task_id if run.iteration is None else f"{run.task_id}.{run.iteration}": str(run.state)
            for run in self.tree.in_order()
        }
