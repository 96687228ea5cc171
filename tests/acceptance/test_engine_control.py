"""What is asked of executions: kill, with all they called; limits, kept under load and across engines; restart; Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taxi_pipelines.domain.records import Command, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.processes import marked
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from tests.flows.heavy import CATALOG
from tests.support.engines import Bench, running

LIMITED = """
id: limited
namespace: t
concurrency: {{limit: 2, behavior: {behavior}}}
inputs: [{{id: n, type: INT}}]
tasks:
  - {{id: note, type: setVariables, variables: {{n: "{{{{ inputs.n }}}}"}}}}
  - {{id: nap, type: sleep, duration: PT{seconds}S}}
"""


def submit_many(bench: Bench, source: str, count: int) -> list[str]:
    return [bench.submit(source, {"n": number}).id for number in range(count)]


def live(bench: Bench) -> int:
    states = frozenset({State.RUNNING, State.PAUSED, State.KILLING})
    return bench.parts.executions.count(ExecutionFilter(flow_id="limited", states=states))


def ended(bench: Bench, ids: list[str]) -> bool:
    return bench.parts.executions.count(ExecutionFilter(flow_id="limited", states=frozenset({State.SUCCESS}))) == len(
        ids
    )


def test_never_more_than_the_limit_are_live_and_the_queue_keeps_its_order(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        ids = submit_many(bench, LIMITED.format(behavior="QUEUE", seconds="0.03"), 20)
        most = 0
        end = time.monotonic() + 20
        while not ended(bench, ids):
            assert time.monotonic() < end
            bench.engine.step(0.02)
            most = max(most, live(bench))
        assert most == 2
        began = [bench.control.execution(id).started_at for id in ids]
        assert began == sorted(began)  # type: ignore[type-var]


def test_two_engines_keep_one_limit(tmp_path: Path) -> None:
    with running(tmp_path) as first, running(tmp_path) as second:
        source = LIMITED.format(behavior="QUEUE", seconds="0.02")
        ids = [bench.submit(source, {"n": number}).id for number in range(10) for bench in (first, second)]
        end = time.monotonic() + 30
        while not ended(first, ids):
            assert time.monotonic() < end
            for bench in (first, second):
                bench.engine.step(0.01)
                assert live(first) <= 2


def test_a_queue_survives_the_death_of_its_engine(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from tests.acceptance.test_engine_control import LIMITED, submit_many
from tests.support.engines import running
with running(Path(sys.argv[1])) as bench:
    ids = submit_many(bench, LIMITED.format(behavior="QUEUE", seconds="0.05"), 8)
    bench.engine.step(); bench.engine.step()
    print(*ids, flush=True)
    bench.until(lambda: False, 60)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ids = process.stdout.readline().split()
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    with running(tmp_path) as bench:
        bench.engine._take_over([id for id, *_ in bench.parts.engines.listed() if id != bench.engine.id])
        while not ended(bench, ids):
            bench.engine.step(0.02)
            assert live(bench) <= 2


@pytest.mark.parametrize(("behavior", "state"), [("CANCEL", State.CANCELLED), ("FAIL", State.FAILED)])
def test_what_is_beyond_the_limit_is_turned_away_without_task_runs(tmp_path: Path, behavior: str, state: State) -> None:
    with running(tmp_path) as bench:
        ids = submit_many(bench, LIMITED.format(behavior=behavior, seconds="0.1"), 5)
        for id in ids:
            bench.finish(id)
        found = [bench.look(id) for id in ids]
    assert [one.execution.state for one in found] == [State.SUCCESS] * 2 + [state] * 3
    assert all(one.runs == [] and one.execution.error for one in found[2:])


def test_a_subflow_that_is_turned_away_is_told_to_its_caller(tmp_path: Path) -> None:
    caller = (
        "id: caller\nnamespace: t\ntasks: [{id: call, type: subflow, namespace: t, flowId: limited, inputs: {n: 9}}]"
    )
    with running(tmp_path) as bench:
        submit_many(bench, LIMITED.format(behavior="FAIL", seconds="5"), 2)
        ran = bench.run(caller)
    assert ran.states == {"call": "FAILED"}
    assert "2 executions of the flow are live already" in (ran.runs[0].error or "")


def test_paused_ones_keep_their_slot_and_killed_ones_leave_the_queue(tmp_path: Path) -> None:
    source = "id: limited\nnamespace: t\nconcurrency: {limit: 1}\ninputs: [{id: n, type: INT}]\ntasks: [{id: wait, type: pause}]"
    with running(tmp_path) as bench:
        first, second, third = submit_many(bench, source, 3)
        bench.until(lambda: bench.control.execution(first).state is State.PAUSED)
        bench.until(lambda: bench.control.execution(third).state is State.QUEUED)
        bench.control.kill(bench.control.execution(second))
        assert bench.finish(second).execution.state is State.KILLED
        bench.parts.engines.ask(pause_of(third, bench))
        for _ in range(5):
            bench.engine.step(0.05)
        assert bench.control.execution(third).state is State.QUEUED  # what cannot be obeyed changes nothing
        bench.control.resume(bench.control.execution(first))
        bench.until(lambda: bench.control.execution(third).state is State.PAUSED)


def pause_of(id: str, bench: Bench) -> Command:
    return Command(execution_id=id, verb=Verb.PAUSE, asked_at=bench.parts.clock())


def test_a_kill_stops_subflows_and_their_processes(tmp_path: Path) -> None:
    child = f"id: child\nnamespace: t\ntasks: [{{id: works, type: test.Act, how: grandchild, folder: '{tmp_path}'}}]"
    middle = "id: middle\nnamespace: t\ntasks: [{id: call, type: subflow, namespace: t, flowId: child}]"
    top = """
id: top
namespace: t
tasks:
  - id: both
    type: parallel
    tasks:
      - {id: call, type: subflow, namespace: t, flowId: middle}
      - {id: wait, type: pause}
errors: [{id: handler, type: log, message: never}]
finally: [{id: cleanup, type: log, message: never}]
"""
    with running(tmp_path, catalog=CATALOG) as bench:
        bench.save(child, middle)
        execution = bench.submit(top)
        bench.until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
        all_of = bench.parts.executions.search(ExecutionFilter(), Page())
        (worker,) = [run.id for one in all_of for run in bench.look(one.id).runs if run.task_id == "works"]
        bench.control.kill(execution)
        ran = bench.finish(execution.id, 10)
        assert ran.states == {"both": "KILLED", "call": "KILLED", "wait": "KILLED"}
        assert {bench.control.execution(one.id).state for one in all_of} == {State.KILLED}
        assert list(marked(worker)) == []


def test_an_execution_of_a_past_life_can_be_restarted_and_replayed(tmp_path: Path) -> None:
    source = """
id: second
namespace: t
tasks:
  - {id: first, type: return, format: "{{ execution.id }}"}
  - {id: second, type: fail, condition: "{{ taskrun.attemptsCount < 1 }}"}
"""
    with running(tmp_path) as bench:
        failed = bench.run(source).execution
    with running(tmp_path) as bench:
        bench.control.restart(failed)
        bench.until(lambda: bench.control.execution(failed.id).state is not State.FAILED)
        ran = bench.finish(failed.id)
        assert ran.execution.state is State.SUCCESS
        assert [len(run.attempts) for run in ran.runs] == [1, 2]
        again = bench.finish(bench.control.replay(ran.execution).id)
        assert again.execution.parent_id == failed.id
        assert not bench.engine._actives


def test_ended_executions_leave_nothing_in_memory(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        for number in range(30):
            bench.run(
                "id: f\nnamespace: t\ninputs: [{id: n, type: INT}]\ntasks: [{id: a, type: log, message: x}]",
                {"n": number},
            )
        engine = bench.engine
        assert [
            len(held) for held in (engine._actives, engine._later, engine._ready, engine._broken, engine._queues)
        ] == [0] * 5
        assert engine._timers.seconds_to_next(bench.parts.clock()) is None


def test_a_ctrl_c_stops_workers_in_order_and_the_next_engine_goes_on(tmp_path: Path) -> None:
    program = """
import signal, sys
from pathlib import Path
from tests.flows.heavy import CATALOG
from tests.support.engines import running
if __name__ == "__main__":
    stop = []
    with running(Path(sys.argv[1]), catalog=CATALOG) as bench:
        signal.signal(signal.SIGINT, lambda *_: (stop.append(1), bench.engine.wake()))
        flow = "id: f\\nnamespace: t\\ntasks: [{id: work, type: test.Touch, folder: '%s', name: mark, seconds: 0.4}, {id: after, type: log, message: after}]"
        print(bench.submit(flow % sys.argv[1]).id, flush=True)
        bench.engine.run_until(lambda: bool(stop))
"""
    (tmp_path / "main.py").write_text(program)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py"), str(tmp_path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        id = process.stdout.readline().strip()
        time.sleep(0.15)  # the worker may still be starting
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""
    with running(tmp_path, catalog=CATALOG) as bench:
        assert bench.finish(id).states == {"work": "SUCCESS", "after": "SUCCESS"}
