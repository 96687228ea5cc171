"""A folder of flows: what changes in it is kept, what is wrong in it is told once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines.flow_folder import FlowFolder, Looked
from taxi_pipelines.orchestrator import Orchestrator

FLOW = "id: {id}\nnamespace: demo\ntasks:\n  - {{id: a, type: log, message: {message}}}\n"


class Watched:
    """A folder, and the flows kept of it."""

    def __init__(self, folder: Path, orchestrator: Orchestrator) -> None:
        self.folder = folder
        self.orchestrator = orchestrator
        self._flows = FlowFolder(folder, orchestrator)

    def write(self, name: str, id: str, message: str = "x") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FLOW.format(id=id, message=message))
        return path

    def look(self) -> Looked:
        return self._flows.look()

    @property
    def kept(self) -> dict[str, int]:
        return {flow.id: flow.revision for flow in self.orchestrator.parts.flows.listed()}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with Orchestrator(home=tmp_path / "home") as orchestrator:
        yield Watched(tmp_path / "flows", orchestrator)


def test_a_folder_that_comes_later_is_taken_with_all_below_it(watched: Watched) -> None:
    assert watched.look() == Looked()
    watched.write("a.yaml", "one")
    watched.write("deep/er/b.yml", "two")
    (watched.folder / "notes.txt").write_text("no flow")
    assert sorted(flow.id for flow in watched.look().new) == ["one", "two"]
    assert watched.look() == Looked()


def test_an_edited_file_is_a_new_revision_and_a_touched_one_is_none(watched: Watched) -> None:
    path = watched.write("a.yaml", "one")
    watched.look()
    os.utime(path, (1, 1))
    assert (len(watched.look().kept), watched.kept) == (1, {"one": 1})
    watched.write("a.yaml", "one", "y")
    assert [flow.revision for flow in watched.look().new] == [2]


def test_an_invalid_file_is_told_once_and_its_old_revision_stays(watched: Watched) -> None:
    path = watched.write("a.yaml", "one")
    watched.look()
    path.write_text("id: one\nnamespace: demo\ntaks: []\n")
    assert {problem.file for problem in watched.look().problems} == {str(path)}
    assert (watched.look(), watched.kept) == (Looked(), {"one": 1})
    watched.write("a.yaml", "one", "mended")
    assert watched.look().problems == []
    assert watched.kept == {"one": 2}


def test_a_flow_that_two_files_describe_is_that_of_the_first_until_it_is_gone(watched: Watched) -> None:
    first = watched.write("a.yaml", "one", "first")
    watched.write("b.yaml", "one", "second")
    assert [problem.file for problem in watched.look().problems] == [str(watched.folder / "b.yaml")]
    first.unlink()
    assert [flow.source for flow in watched.look().new] == [FLOW.format(id="one", message="second")]


def test_a_file_that_is_gone_leaves_its_flow(watched: Watched) -> None:
    watched.write("a.yaml", "one")
    watched.look()
    (watched.folder / "a.yaml").unlink()
    assert (watched.look(), watched.kept) == (Looked(kept=[], new=[], problems=[]), {"one": 1})


def test_a_file_that_cannot_be_read_is_a_problem_of_its_own(watched: Watched) -> None:
    watched.write("a.yaml", "one")
    (watched.folder / "b.yaml").write_bytes(b"\xff\xfe")
    looked = watched.look()
    assert ([flow.id for flow in looked.kept], [problem.message for problem in looked.problems]) == (
        ["one"],
        [f"{watched.folder / 'b.yaml'} is not UTF-8 text"],
    )
