"""What is asked of an execution an engine holds: kill, pause, resume, restart, and the news that a subflow has ended."""

from __future__ import annotations

from taxi_pipelines.domain.records import Command, Level, Verb
from taxi_pipelines.domain.restart import RESTARTABLE, restart
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.domain.verbs import pause, resume, stop
from taxi_pipelines.engine.items import end_item
from taxi_pipelines.engine.subflow import end_subflow, replace_child
from taxi_pipelines.engine.work import Work
from taxi_pipelines.errors import UsageError


def obey(work: Work, command: Command) -> None:
    """Does what is asked. What no longer makes sense (a kill of what has ended meanwhile) is a line in the log."""
    try:
        _obey(work, command)
    except UsageError as error:
        work.log(Level.WARN, f"{command.verb}: {error}")


def _obey(work: Work, command: Command) -> None:
    arguments = command.arguments
    if "revision" in arguments and work.execution.state in RESTARTABLE:
        _take_revision(work, arguments["revision"])
    tree, now = work.active.tree, work.now
    match command.verb:
        case Verb.KILL:
            ends_as = State(arguments.get("ends_as", State.KILLED))
            work.log(Level.INFO, "asked to be killed")
            work.change(stop(work.execution, tree, now, ends_as=ends_as))
        case Verb.PAUSE:
            work.change(pause(work.execution))
        case Verb.RESUME:
            outputs = {"onResume": arguments["inputs"]} if arguments.get("inputs") else None
            work.change(resume(work.execution, tree, now, run_id=arguments.get("task_run_id"), outputs=outputs))
        case Verb.RESTART:
            work.log(Level.INFO, "restarted")
            work.change(restart(work.execution, tree, now))
        case Verb.CHILD_ENDED:
            _child_ended(work, **arguments)


def _take_revision(work: Work, revision: int) -> None:
    """From here on it follows that revision of its flow; variables that its tasks have set stay as they are."""
    execution, before = work.execution, work.active.flow
    flow = work.surroundings.flow(execution.namespace, execution.flow_id, revision)
    was_set = {name: value for name, value in execution.variables.items() if before.variables.get(name) != value}
    work.active.flow, work.active.tree = flow, RunTree(flow, work.active.tree.in_order())
    work.move(flow_revision=revision, variables={**flow.variables, **was_set})
    work.log(Level.INFO, f"goes on with revision {revision} of its flow")


def _child_ended(work: Work, task_run_id: str, child_execution_id: str, replaced_by: str | None = None) -> None:
    if task_run_id not in work.active.tree:
        return
    run = work.active.tree.get(task_run_id)
    if replaced_by is not None:
        replace_child(work, run, child_execution_id, replaced_by)
        if run.state is State.KILLING:  # the kill went to the one that is replaced
            work.cancel(work.active.tree.get(task_run_id))
        return
    child = work.parts.executions.find(child_execution_id)
    if child is not None:
        (end_item if "children" in run.resolved else end_subflow)(work, run, child)
