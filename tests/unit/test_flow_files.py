"""Which files a flow is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_files import problems_of, read_all, read_file, with_subflows
from taxi_pipelines.flowspec.problems import FlowInvalid
from taxi_pipelines.tasks.registry import REGISTRY


def flow(folder: Path, id: str, *calls: str, ending: str = "yaml") -> Path:
    """A flow that calls others."""
    tasks = [f"  - {{id: call{n}, type: subflow, namespace: demo, flowId: '{name}'}}" for n, name in enumerate(calls)]
    path = folder / f"file-of-{id}.{ending}"
    lines = [f"id: {id}", "namespace: demo", "tasks:", "  - {id: out, type: log, message: x}", *tasks]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def found(path: Path) -> list[str]:
    return [file.valid.id for file in with_subflows(read_file(path, REGISTRY), REGISTRY)]


def test_subflows_are_found_beside_the_file_whatever_calls_them(tmp_path: Path) -> None:
    flow(tmp_path, "b", "c", ending="yml")
    flow(tmp_path, "c", "a")
    flow(tmp_path, "stranger")
    assert found(flow(tmp_path, "a", "b", "imported")) == ["a", "b", "c"]


def test_a_call_that_only_rendering_can_tell_takes_all_that_are_valid(tmp_path: Path) -> None:
    flow(tmp_path, "b")
    flow(tmp_path, "c")
    (tmp_path / "broken.yaml").write_text("id: d\nnamespace: demo\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text("just: yaml\n", encoding="utf-8")
    assert found(flow(tmp_path, "a", "{{ vars.which }}")) == ["a", "b", "c"]


def test_a_subflow_that_is_not_valid_is_an_error_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("id: d\nnamespace: demo\n", encoding="utf-8")
    with pytest.raises(FlowInvalid, match=r"broken\.yaml:"):
        found(flow(tmp_path, "a", "d"))


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    path = flow(tmp_path, "a")
    files = read_all([path, tmp_path, path], REGISTRY)
    assert (len(files), problems_of(files)) == (1, [])


def test_what_cannot_be_read_is_a_wrong_call(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"id: \xe9")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_file(tmp_path / "latin.yaml", REGISTRY)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_file(tmp_path / "nix.yaml", REGISTRY)
