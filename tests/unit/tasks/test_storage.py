"""Tasks on stored files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task

MAKE = {
    "id": "made",
    "type": "shell.commands",
    "commands": ["printf one > a.txt", "printf two > b.txt"],
    "outputFiles": ["*.txt"],
}
A = "{{ outputs.made.outputFiles['a.txt'] }}"
B = "{{ outputs.made.outputFiles['b.txt'] }}"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def content(bench: Bench, uri: str) -> bytes:
    with bench.parts.files.open(uri) as file:
        return file.read()


def test_files_are_measured_joined_and_deleted(bench: Bench) -> None:
    ran = run(
        bench,
        MAKE,
        {"id": "size", "type": "storage.size", "uri": A},
        {"id": "joined", "type": "storage.concat", "files": [A, B, A], "separator": ";", "extension": ".csv"},
        {"id": "deleted", "type": "storage.delete", "uri": A},
        {"id": "again", "type": "storage.delete", "uri": A},
        {"id": "last", "type": "storage.delete", "uri": A, "errorOnMissing": True},
    )
    outputs = {one.task_id: one.outputs for one in ran.runs}
    assert outputs["size"] == {"size": 3}, ran.lines
    assert content(bench, outputs["joined"]["uri"]) == b"one;two;one;"
    assert outputs["joined"]["uri"].endswith("/concat.csv")
    assert (outputs["deleted"]["deleted"], outputs["again"]["deleted"]) == (True, False)
    assert (ran.runs[-1].error or "").startswith(f"there is no file {outputs['deleted']['uri']}")


def test_files_may_be_given_as_json_text(bench: Bench) -> None:
    files = "{{ [outputs.made.outputFiles['a.txt'], outputs.made.outputFiles['b.txt']] }}"
    ran = run(bench, MAKE, {"type": "storage.concat", "files": files})
    assert content(bench, ran.runs[1].outputs["uri"]) == b"onetwo"


def test_local_files_go_into_a_working_directory_and_out_of_it(bench: Bench) -> None:
    ran = run(
        bench,
        MAKE,
        {
            "id": "folder",
            "type": "io.kestra.plugin.core.flow.WorkingDirectory",
            "tasks": [
                {"id": "in", "type": "storage.localFiles", "inputs": {"sub/x.txt": A, "y.txt": "why"}},
                {"id": "use", "type": "shell.commands", "commands": ["cat sub/x.txt y.txt > sub/z.txt"]},
                {"id": "out", "type": "storage.localFiles", "outputs": ["sub/**"]},
            ],
        },
    )
    (out,) = [one for one in ran.runs if one.task_id == "out"]
    assert sorted(out.outputs["uris"]) == ["sub/x.txt", "sub/z.txt"], ran.lines
    assert content(bench, out.outputs["uris"]["sub/z.txt"]) == b"onewhy"


def test_the_files_of_an_execution_are_purged_and_no_others(bench: Bench) -> None:
    other = run(bench, MAKE).runs[0].outputs["outputFiles"]["a.txt"]
    ran = run(bench, MAKE, {"type": "storage.purge"})
    uri = ran.runs[0].outputs["outputFiles"]["a.txt"]
    assert ran.states["t"] == "SUCCESS"
    assert bench.parts.files.size(uri) is None
    assert bench.parts.files.size(other) == 3


@pytest.mark.parametrize("uri", ["kestra:///../../etc/passwd", "/etc/passwd", "http://127.0.0.1/x", "kestra:///"])
def test_no_other_file_is_touched(bench: Bench, uri: str) -> None:
    for kind in ("storage.size", "storage.delete"):
        assert "is not the URI of a stored file" in (run(bench, {"type": kind, "uri": uri}).runs[0].error or "")
