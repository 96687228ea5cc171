"""Commands that are stopped, or leave something behind: nothing of them is left running, and the log has their last words."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.local import LocalExecutor
from taxi_pipelines.tasks.script_process import GRACE, LINGER
from taxi_pipelines.work_interfaces import Report, WorkEnd, WorkOrder

RUN = f"r{os.getpid()}"
"""Its own: whoever stops a task run ends all processes of that id, those of other test processes too."""


class Desk:
    """A worker's executor, and what it has reported."""

    def __init__(self, executor: LocalExecutor, folder: Path) -> None:
        self.executor = executor
        self.folder = folder
        self.reports: list[Report] = []

    def start(self, *commands: str, timeout: float | None = None, secrets: tuple[str, ...] = ()) -> None:
        self.reports.clear()
        self.executor.submit(
            WorkOrder(
                execution_id="e",
                task_run_id=RUN,
                task_id="t",
                attempt=1,
                namespace="a.b",
                flow_id="f",
                run="taxi_pipelines.tasks.scripts_run:shell_commands",
                properties={"commands": list(commands)},
                timeout=None if timeout is None else timedelta(seconds=timeout),
                log_level=Level.INFO,
                folder=self.folder / "work" / RUN,
                files_root=str(self.folder / "files"),
                cache=self.folder / "cache",
                secrets=secrets,
            )
        )

    def lines(self) -> list[str]:
        return [f"{one.level} {one.message}" for one in self.reports if isinstance(one, LogLine)]

    def until(self, text: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while text not in "\n".join(self.lines()):
            assert time.monotonic() < end, self.reports
            self.reports += self.executor.poll(0.05)

    def end(self, seconds: float = 60) -> WorkEnd:
        end = time.monotonic() + seconds
        while True:
            for report in self.reports:
                if isinstance(report, WorkEnd):
                    return report
            assert time.monotonic() < end, self.reports
            self.reports += self.executor.poll(0.05)

    def run(self, *commands: str, **more: tuple[str, ...]) -> WorkEnd:
        self.start(*commands, **more)  # type: ignore[arg-type]
        return self.end()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    executor = LocalExecutor(workers=1, grace=GRACE + 1)
    with closing_with_grace(executor):
        yield Desk(executor, tmp_path_factory.mktemp("desk"))


class closing_with_grace(closing):  # type: ignore[type-arg]
    def __exit__(self, *_: object) -> None:
        self.thing.close(1.0)


def sleepers(seconds: str) -> list[int]:
    """Living `sleep` processes of so many seconds: a number of its own for each test."""
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", seconds]]


def test_what_went_into_the_background_ends_with_the_task(desk: Desk) -> None:
    begun = time.monotonic()
    end = desk.run("sleep 6001 &", "setsid sleep 6002 &", "env -i setsid setsid sleep 6003 &", "echo done")
    assert (end.state, desk.lines()) == (State.SUCCESS, ["INFO done"])
    assert [sleepers(one) for one in ("6001", "6002", "6003")] == [[], [], []]
    assert time.monotonic() - begun < LINGER + 10


def test_what_prints_a_last_word_after_the_command_is_heard(desk: Desk) -> None:
    desk.run("(sleep 0.1; echo late) &", "echo first")
    assert desk.lines() == ["INFO first", "INFO late"]


def test_a_background_process_that_prints_for_ever_is_ended(desk: Desk) -> None:
    end = desk.run("yes &", "echo done >&2")
    assert end.state is State.SUCCESS
    assert "ERROR done" in desk.lines()


def test_a_timeout_ends_the_command_and_its_grandchildren(desk: Desk) -> None:
    desk.start("echo begun", "(setsid sleep 6004 & sleep 6005 & wait) | cat", timeout=1.5)
    end = desk.end()
    assert (end.state, end.error) == (State.FAILED, "took longer than 1.5 s")
    assert [sleepers(one) for one in ("6004", "6005")] == [[], []]


def test_a_kill_is_a_sigterm_first_and_its_last_words_are_heard(desk: Desk) -> None:
    desk.start("trap 'echo tidied; exit 0' TERM", "echo begun", "sleep 6006 & wait")
    desk.until("begun")
    desk.executor.cancel(RUN)
    assert desk.end().state is State.KILLED
    assert "INFO tidied" in desk.lines()
    assert sleepers("6006") == []


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(desk: Desk) -> None:
    desk.start("trap '' TERM", "echo begun", "while true; do sleep 0.5; done")
    desk.until("begun")
    begun = time.monotonic()
    desk.executor.cancel(RUN)
    assert desk.end().state is State.KILLED
    assert GRACE - 0.5 < time.monotonic() - begun < GRACE + 6
    assert desk.run("echo the worker lives").state is State.SUCCESS


def test_an_end_by_a_signal_is_an_exit_code_as_a_shell_says_it(desk: Desk) -> None:
    end = desk.run("kill -9 $$")
    assert (end.outputs["exitCode"], end.error) == (137, "the commands ended with exit code 137, killed by signal 9")


def test_bytes_that_are_no_text_are_shown_as_well_as_they_can_be(desk: Desk) -> None:
    desk.run(r"printf 'a\000b\n\377\376\n50%%\r100%%\r\n\nlast without an end'")
    assert desk.lines() == ["INFO a␀b", "INFO ��", "INFO 50%", "INFO 100%", "INFO ", "INFO last without an end"]


def test_secrets_are_masked_in_the_log_and_in_the_file_with_the_rest(desk: Desk) -> None:
    end = desk.run("for i in $(seq 10010); do echo $i hunter2; done", secrets=("hunter2",))
    assert end.state is State.SUCCESS
    assert desk.lines()[0] == "INFO 1 ******"
    (rest,) = (desk.folder / "files").rglob("stdout.log.zst")
    import pyarrow as pa

    with pa.CompressedInputStream(str(rest), "zstd") as file:
        assert file.read() == b"".join(b"%d ******\n" % number for number in range(10001, 10011))
    assert desk.lines()[-2:] == [
        "WARN stdout: 10,000 lines, 118,894 bytes are shown here; what follows goes to a file",
        f"WARN the rest of stdout, 130 bytes, is in kestra:///a/b/f/executions/e/tasks/t/{RUN}/{rest.name}; read it with zstd -dc",
    ]


def test_a_gigabyte_is_bounded_in_log_and_memory_and_reports_among_it_are_seen(desk: Desk) -> None:
    report = """echo '::{"outputs":{"n":1},"metrics":[{"name":"m","value":2}]}::'"""
    end = desk.run("yes a-line-of-no-interest-to-anybody | head -c 1000000000", "echo", report, "echo '  ' end >&2")
    assert (end.state, end.outputs["vars"]) == (State.SUCCESS, {"n": 1})
    assert [one.name for one in desk.reports if isinstance(one, Metric)] == ["m"]
    assert len(desk.lines()) == 10_000 + 3
    assert "ERROR    end" in desk.lines(), "each stream has limits of its own"
    assert end.outputs["stdOutLineCount"] == 1_000_000_000 // 33 + 1
    assert (end.peak_memory or 0) < 250e6


def test_a_line_that_never_ends_is_bounded_too(desk: Desk) -> None:
    end = desk.run("head -c 100000000 /dev/zero", "printf '::{%0100000d'")
    assert end.state is State.SUCCESS
    assert max(map(len, desk.lines())) < 70_000
    assert (end.peak_memory or 0) < 300e6


def test_outputs_without_end_are_refused(desk: Desk) -> None:
    script = (
        """awk 'BEGIN { for (i = 0; i < 40; i++) printf "::{\\"outputs\\":{\\"k%d\\":\\"%0500000d\\"}}::\\n", i, 0 }'"""
    )
    end = desk.run(script, "sleep 6007")
    assert (end.error or "").startswith("the outputs are larger than 16,777,216 bytes")
    assert sleepers("6007") == []


def test_a_full_disk_is_one_clear_line_and_nothing_is_left_running(desk: Desk) -> None:
    end = desk.run("ulimit -f 100", "yes | head -c 10000000 > big", "sleep 6008")
    assert end.state is State.FAILED
    assert sleepers("6008") == []
