"""Workers of this machine: they stream, they are stopped with all they started, and their deaths are noticed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.local import LocalExecutor
from taxi_pipelines.executors.processes import marked
from taxi_pipelines.work_interfaces import Report, WorkEnd, WorkOrder


class Desk:
    """An executor and everything it has reported."""

    def __init__(self, executor: LocalExecutor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.reports: list[Report] = []

    def order(
        self,
        id: str,
        how: str,
        *,
        run: str = "tests.support.task_functions:act",
        timeout: float | None = None,
        attempt: int = 1,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.executor.submit(
            WorkOrder(
                execution_id="e",
                task_run_id=id,
                task_id=how,
                attempt=attempt,
                namespace="a.b",
                flow_id="f",
                run=run,
                properties={"how": how, "folder": str(self.folder)},
                timeout=None if timeout is None else timedelta(seconds=timeout),
                log_level=Level.INFO,
                folder=self.folder / "work" / id,
                files_root=str(self.folder / "files"),
                cache=self.folder / "cache",
                secrets=secrets,
            )
        )

    def end(self, id: str, seconds: float = 15) -> WorkEnd:
        """Waits until that task run has ended."""
        end = time.monotonic() + seconds
        while True:
            for report in self.reports:
                if isinstance(report, WorkEnd) and report.task_run_id == id:
                    return report
            assert time.monotonic() < end, f"{id} did not end: {self.reports}"
            self.reports += self.executor.poll(0.05)

    def until(self, text: str) -> None:
        """Waits for a log line."""
        end = time.monotonic() + 15
        while text not in self.lines:
            assert time.monotonic() < end
            self.reports += self.executor.poll(0.05)

    @property
    def lines(self) -> list[str]:
        return [report.message for report in self.reports if isinstance(report, LogLine)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    executor = LocalExecutor(workers=2, grace=0.3, idle=0.2)
    yield Desk(executor, tmp_path)
    executor.close(0)


def test_what_a_task_says_comes_while_it_runs(desk: Desk) -> None:
    desk.order("r", "talk")
    desk.until("line 0")
    assert not any(isinstance(report, WorkEnd) for report in desk.reports)
    assert desk.end("r").state is State.SUCCESS
    assert desk.lines == [f"line {number}" for number in range(5)]
    assert [(report.name, report.value) for report in desk.reports if isinstance(report, Metric)] == [("rows", 42)]


def test_memory_and_cpu_of_a_task_are_measured(desk: Desk) -> None:
    desk.order("r", "talk")
    end = desk.end("r")
    assert end.peak_memory and 5 << 20 < end.peak_memory < 500 << 20
    assert end.cpu_seconds is not None and 0 <= end.cpu_seconds < 5


def test_a_task_that_raises_fails_with_its_reason_and_its_worker_goes_on(desk: Desk) -> None:
    desk.order("r", "raise")
    assert (desk.end("r").state, desk.end("r").error) == (State.FAILED, "RuntimeError: broken")
    desk.order("again", "talk")
    assert desk.end("again").state is State.SUCCESS
    assert len(desk.executor._workers) == 1


@pytest.mark.parametrize(("how", "said"), [("exit", "exit code 3"), ("oom", "killed by signal 9")])
def test_a_worker_that_dies_is_reported_as_lost_and_replaced(desk: Desk, how: str, said: str) -> None:
    desk.order("r", how)
    end = desk.end("r")
    assert (end.state, end.lost) == (State.FAILED, True)
    assert end.error is not None and said in end.error
    desk.order("next", "talk")
    assert desk.end("next").state is State.SUCCESS


def test_a_cancelled_task_is_stopped(desk: Desk) -> None:
    desk.order("r", "sleep")
    desk.until("sleeping")
    desk.executor.cancel("r")
    assert desk.end("r", 3).state is State.KILLED


def test_a_task_that_will_not_stop_is_killed_after_the_grace(desk: Desk) -> None:
    desk.order("r", "stubborn", timeout=1.0)
    end = desk.end("r", 10)
    assert (end.state, end.error) == (State.FAILED, "took longer than 1 s")


def test_grandchildren_go_with_their_task_even_in_sessions_of_their_own(desk: Desk) -> None:
    desk.order("r", "grandchild")
    desk.until("started")
    while not (desk.folder / "pid").exists() or not (desk.folder / "pid").read_text().strip():
        time.sleep(0.01)
    pid = int((desk.folder / "pid").read_text())
    os.kill(pid, 0)
    desk.executor.cancel("r")
    assert desk.end("r").state is State.KILLED
    assert list(marked("r")) == []


def test_a_queued_task_can_be_cancelled_and_only_so_many_run_at_a_time(desk: Desk) -> None:
    for number in range(4):
        desk.order(f"r{number}", "sleep")
    desk.until("sleeping")
    assert len(desk.executor._workers) == 2
    desk.executor.cancel("r3")
    assert desk.end("r3", 2).state is State.KILLED


def test_idle_workers_leave(desk: Desk) -> None:
    desk.order("r", "talk")
    desk.end("r")
    end = time.monotonic() + 5
    while desk.executor._workers and time.monotonic() < end:
        list(desk.executor.poll(0.05))
    assert desk.executor._workers == []


def test_closing_leaves_nothing_running(tmp_path: Path) -> None:
    executor = LocalExecutor(workers=2, grace=0.3)
    desk = Desk(executor, tmp_path)
    desk.order("r", "grandchild")
    desk.until("started")
    pids = [worker.process.pid for worker in executor._workers]
    executor.close(0.2)
    assert list(marked("r")) == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid or 0, 0)


def test_waking_ends_a_waiting_poll(desk: Desk) -> None:
    desk.executor.wake()
    start = time.monotonic()
    assert list(desk.executor.poll(5)) == []
    assert time.monotonic() - start < 1


def test_what_a_lost_worker_left_in_its_folder_is_not_there_for_the_next_attempt(desk: Desk) -> None:
    desk.order("r", "leave")
    assert desk.end("r").lost
    assert (desk.folder / "work" / "r" / "left").exists()
    desk.reports.clear()
    desk.order("r", "look", attempt=2)
    assert desk.end("r").outputs == {"there": []}


def test_files_are_kept_and_the_working_folder_is_gone_afterwards(desk: Desk) -> None:
    desk.order("r", "file")
    end = desk.end("r")
    assert end.outputs["uri"] == "kestra:///a/b/f/executions/e/tasks/file/r/out.txt"
    assert (desk.folder / "files/a/b/f/executions/e/tasks/file/r/out.txt").read_text() == "hello"
    assert not (desk.folder / "work" / "r").exists()


def test_secrets_do_not_leave_a_worker(desk: Desk) -> None:
    desk.order("r", "talk", secrets=("line",))
    desk.end("r")
    assert desk.lines[0] == "****** 0"


def test_workers_die_with_their_engine(tmp_path: Path) -> None:
    import subprocess
    import sys

    program = """
import sys, time
from pathlib import Path
from tests.unit.executors.test_local import Desk
from taxi_pipelines.executors.local import LocalExecutor
if __name__ == "__main__":
    desk = Desk(LocalExecutor(workers=1), Path(sys.argv[1]))
    desk.order("r", "sleep")
    desk.until("sleeping")
    print(desk.executor._workers[0].process.pid, flush=True)
    time.sleep(60)
"""
    with closing(open(tmp_path / "main.py", "w")) as file:
        file.write(program)
    command = [sys.executable, str(tmp_path / "main.py"), str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()}
    ) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        engine.kill()
    end = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < end
        time.sleep(0.02)
