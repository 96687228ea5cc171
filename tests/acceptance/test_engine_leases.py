"""Who drives what: engines that fall silent, that end in order, that work side by side; and what waits across all of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.liveness import Liveness
from tests.flows.heavy import CATALOG
from tests.support.engines import Bench, running

LEASE = timedelta(milliseconds=400)
TOUCHES = """
id: touches
namespace: t
inputs: [{id: folder, type: STRING}]
tasks:
  - {id: before, type: kv.set, key: before, kvType: NUMBER, value: "{{ (kv('before', errorOnMissing=false) ?? 0) + 1 }}"}
  - {id: slow, type: test.Touch, folder: "{{ inputs.folder }}", name: slow, seconds: 1.5}
  - {id: after, type: kv.set, key: after, kvType: NUMBER, value: "{{ (kv('after', errorOnMissing=false) ?? 0) + 1 }}"}
"""


@contextmanager
def two(home: Path, **options: object) -> Iterator[tuple[Bench, Bench]]:
    with ExitStack() as stack:
        yield tuple(stack.enter_context(running(home, lease=LEASE, **options)) for _ in range(2))  # type: ignore[misc]


def value(bench: Bench, key: str) -> object:
    found = bench.parts.kv.get("t", key, bench.parts.clock())
    return found and found.value


def silence(bench: Bench) -> None:
    """As a machine that sleeps: no heartbeat, no cycle."""
    bench.engine._heart._stopped.set()
    bench.engine._heart._thread.join()


def test_a_silent_engine_is_taken_over_within_its_lease_and_does_nothing_more(tmp_path: Path) -> None:
    said: list[str] = []
    with two(tmp_path, catalog=CATALOG) as (first, second):
        first.engine._say = said.append
        execution = first.submit(TOUCHES, {"folder": str(tmp_path)})
        first.until(lambda: (tmp_path / "begun").exists())
        old_id = first.engine.id
        silence(first)
        began = time.monotonic()
        second.until(lambda: second.engine.holds(execution.id), 5)
        assert time.monotonic() - began < 2.5
        first.engine.step()  # it wakes up, and finds out
        assert "another engine took over" in said[0]
        assert not first.engine.holds(execution.id) and first.engine.id != old_id
        ran = second.finish(execution.id)
        assert ran.execution.state is State.SUCCESS
        assert (value(second, "before"), value(second, "after")) == (1, 1)
        assert [len(run.attempts) for run in ran.runs] == [1, 2, 1]
        assert Counter((tmp_path / "begun").read_text().split()) == {"slow": 2}
        again = first.run("id: again\nnamespace: t\ntasks: [{id: hello, type: log, message: hello}]")
        assert again.execution.state is State.SUCCESS


def test_a_living_engine_is_not_robbed(tmp_path: Path) -> None:
    with two(tmp_path, catalog=CATALOG) as (first, second):
        execution = first.submit(TOUCHES, {"folder": str(tmp_path)})
        first.until(lambda: (tmp_path / "begun").exists())
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            second.engine.step(0.05)  # the first one makes no cycle, but its heart beats
        assert not second.engine.holds(execution.id)
        assert first.finish(execution.id).states == {"before": "SUCCESS", "slow": "SUCCESS", "after": "SUCCESS"}


def test_an_engine_that_began_anew_is_not_taken_for_dead(tmp_path: Path) -> None:
    liveness = Liveness(tmp_path / "engines")
    with running(tmp_path, lease=LEASE) as bench:
        liveness.hold(bench.engine.id)
        bench.parts.engines.leave(bench.engine.id)
        bench.engine._heart._beat()
        bench.engine.step()
        assert bench.engine.id.endswith(".2")
        assert Liveness(tmp_path / "engines").known_dead(bench.parts.engines, "test") == []
        liveness.release(bench.engine.id.partition(".")[0])
        assert Liveness(tmp_path / "engines").known_dead(bench.parts.engines, "test") == [bench.engine.id]


def test_parent_and_child_may_be_driven_by_different_engines(tmp_path: Path) -> None:
    child = "id: child\nnamespace: t\ntasks: [{id: nap, type: sleep, duration: PT0.2S}]\noutputs: [{id: x, type: INT, value: 7}]"
    parent = """
id: parent
namespace: t
tasks:
  - {id: call, type: subflow, namespace: t, flowId: child}
  - {id: show, type: return, format: "{{ outputs.call.outputs.x }}"}
"""
    with two(tmp_path) as (first, second):
        first.save(child)
        execution = first.submit(parent)
        first.until(lambda: len(first.engine._actives) == 2)
        ids = [id for id in first.engine._actives if id != execution.id]
        first.engine._drop(ids[0])
        with first.parts.executions._database.write() as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql(f"UPDATE executions SET holder = NULL WHERE id = '{ids[0]}'")
        assert second.finish(ids[0]).execution.state is State.SUCCESS
        ran = first.finish(execution.id)
    assert ran.states == {"call": "SUCCESS", "show": "SUCCESS"}
    assert ran.runs[1].outputs == {"value": "7"}


def test_two_engines_on_one_home_share_the_work_and_do_all_of_it_once(tmp_path: Path) -> None:
    flow = """
id: shared
namespace: t
inputs: [{id: n, type: INT}]
tasks:
  - {id: nap, type: sleep, duration: PT0.01S}
  - {id: set, type: kv.set, key: "k{{ inputs.n }}", kvType: NUMBER, value: "{{ (kv('k' ~ inputs.n, errorOnMissing=false) ?? 0) + 1 }}"}
"""
    with two(tmp_path) as (first, second):
        stored = first.control.save_flow(flow)
        made = []
        for number in range(30):
            found = first.control.flow(stored.namespace, stored.id)
            execution = first.control.make_execution(found, {"n": number})
            first.control.store_execution(execution)
            made.append(execution.id)
        end = time.monotonic() + 20
        while not all(first.control.execution(id).state.has_ended for id in made):
            assert time.monotonic() < end
            first.engine.step(0.01)
            second.engine.step(0.01)
        assert {first.control.execution(id).state for id in made} == {State.SUCCESS}
        assert [value(first, f"k{number}") for number in range(30)] == [1] * 30


def test_an_engine_that_ends_in_order_hands_over_what_was_done_and_what_waits(tmp_path: Path) -> None:
    with running(tmp_path, catalog=CATALOG) as bench:
        execution = bench.submit(TOUCHES, {"folder": str(tmp_path)})
        bench.until(lambda: (tmp_path / "begun").exists())
        waiting = bench.submit("id: waits\nnamespace: t\ntasks: [{id: wait, type: pause}]")
        bench.until(lambda: bench.control.execution(waiting.id).state is State.PAUSED)
        bench.engine.close(grace=3.0)  # long enough for the work under way
        assert bench.parts.engines.listed() == []
    with running(tmp_path, catalog=CATALOG) as bench:
        assert bench.finish(execution.id).states == {"before": "SUCCESS", "slow": "SUCCESS", "after": "SUCCESS"}
        assert (value(bench, "before"), value(bench, "after")) == (1, 1)
        bench.control.resume(bench.control.execution(waiting.id))
        assert bench.finish(waiting.id).execution.state is State.SUCCESS


def test_heavy_tasks_that_wait_for_a_worker_have_not_begun_when_their_engine_dies(tmp_path: Path) -> None:
    source = """
id: many
namespace: t
tasks:
  - id: all
    type: foreach
    values: [1, 2, 3, 4, 5, 6]
    concurrencyLimit: 0
    tasks: [{id: work, type: test.Act, how: pass}]
"""
    with running(tmp_path, catalog=CATALOG, workers=1) as bench:
        execution = bench.submit(source)
        bench.until(lambda: len(bench.parts.executions.task_runs(execution.id)) == 7)
        states = Counter(run.state for run in bench.parts.executions.task_runs(execution.id) if run.task_id == "work")
        assert states[State.RUNNING] == 1 and states[State.CREATED] >= 4
        assert bench.finish(execution.id).execution.state is State.SUCCESS


def test_retries_and_later_executions_wait_across_restarts(tmp_path: Path) -> None:
    retried = """
id: retried
namespace: t
tasks: [{id: second, type: fail, condition: "{{ taskrun.attemptsCount < 1 }}", retry: {type: constant, interval: PT1S, maxAttempts: 2}}]
"""
    again = """
id: again
namespace: t
retry: {type: constant, interval: PT1S, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}
tasks: [{id: breaks, type: fail}]
"""
    with running(tmp_path) as bench:
        one, two = bench.submit(retried), bench.submit(again)
        bench.until(lambda: bench.control.execution(two.id).state is State.RETRIED)
        assert bench.look(one.id).states == {"second": "RETRYING"}
    with running(tmp_path) as bench:
        began = time.monotonic()
        assert bench.finish(one.id).execution.state is State.SUCCESS
        later = list(bench.engine._later.values())
        assert time.monotonic() - began < 5
        bench.until(lambda: not bench.engine._later and not bench.engine._actives)
        assert all(bench.control.execution(one.id).state is State.FAILED for one in later)


def test_an_execution_that_is_to_begin_later_can_be_killed(tmp_path: Path) -> None:
    source = """
id: later
namespace: t
retry: {type: constant, interval: PT1H, maxAttempts: 2, behavior: CREATE_NEW_EXECUTION}
tasks: [{id: breaks, type: fail}]
"""
    with running(tmp_path) as bench:
        first = bench.submit(source)
        bench.until(lambda: bench.control.execution(first.id).state is State.RETRIED)
        (second_id,) = bench.engine._later
        bench.control.kill(bench.control.execution(second_id))
        assert bench.finish(second_id).execution.state is State.KILLED


def test_masks_are_kept_by_the_engine_that_goes_on(tmp_path: Path) -> None:
    source = """
id: secret
namespace: t
inputs: [{id: given, type: SECRET}]
tasks:
  - {id: first, type: log, message: "{{ secret('TOKEN') }}"}
  - {id: wait, type: pause}
  - {id: given, type: log, message: "{{ inputs.given }}"}
  - {id: leak, type: return, format: "s3cr3t-token and {{ inputs.given }}"}
  - {id: fails, type: fail, errorMessage: "because of s3cr3t-token"}
"""
    with running(tmp_path) as bench:
        bench.parts.secrets.set("t", "TOKEN", "s3cr3t-token")
        execution = bench.submit(source, {"given": "hunter2-hunter2"})
        bench.until(lambda: bench.control.execution(execution.id).state is State.PAUSED)
    with running(tmp_path) as bench:
        bench.control.resume(bench.control.execution(execution.id))
        ran = bench.finish(execution.id)
        again = bench.finish(bench.control.replay(ran.execution, "given").id)
    for one in (ran, again):
        assert one.runs[-2].outputs == {"value": "****** and ******"}
        assert one.runs[-1].error == "because of ******"
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("metadata.db*"))
    assert b"hunter2-hunter2" not in everything
    assert ran.execution.inputs == {"given": "******"}
