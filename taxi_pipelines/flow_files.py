"""Flows in files: which files a path means, what is wrong with them, and which of them a flow calls as subflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from taxi_pipelines.domain.flow import Flow, Kind
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.flowspec.problems import FlowInvalid, Problem
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.task_types import TypeCatalog

ENDINGS = (".yaml", ".yml")

Name = tuple[str, str]
"""Namespace and id of a flow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowFile:
    """A file that was read: its flow, or its problems."""

    path: Path
    text: str
    flow: Flow | None
    problems: Sequence[Problem]

    @property
    def valid(self) -> Flow:
        """Its flow. Raises FlowInvalid."""
        if self.flow is None:
            raise FlowInvalid(self.problems)
        return self.flow


def read_file(path: Path, catalog: TypeCatalog) -> FlowFile:
    """The flow of a file. Raises UsageError where it cannot be read."""
    return flow_of(path, _text(path), catalog)


def flow_of(path: Path, text: str, catalog: TypeCatalog) -> FlowFile:
    """The flow of a text; `path` is where it comes from."""
    flow, problems = read_flow(text, catalog, file=str(path))
    return FlowFile(path=path, text=text, flow=flow, problems=problems)


def read_all(paths: Iterable[Path], catalog: TypeCatalog) -> list[FlowFile]:
    """The flows of files and of folders with all below them. Raises UsageError where there is none."""
    return [read_file(path, catalog) for path in dict.fromkeys(inner for path in paths for inner in _files(path))]


def problems_of(files: Sequence[FlowFile]) -> list[Problem]:
    """What is wrong with them, one by one and together: no two may describe the same flow."""
    first: dict[Name, Path] = {}
    found: list[Problem] = []
    for file in files:
        found += file.problems
        if file.flow is None:
            continue
        name = (file.flow.namespace, file.flow.id)
        if name in first:
            found.append(_taken(file, name, first[name]))
        first.setdefault(name, file.path)
    return found


def with_subflows(file: FlowFile, catalog: TypeCatalog) -> list[FlowFile]:
    """The file, and those beside it whose flows it calls, directly or not.

    Where a call's target is a template, all valid files beside it. What is not there may have been imported. Raises FlowInvalid.
    """
    found = {file.path: file}
    waiting = [file]
    beside: dict[Name, Path] | None = None
    while waiting:
        for target in _calls(waiting.pop().valid):
            beside = _beside(file.path) if beside is None else beside
            paths = beside.values() if target is None else [beside[target]] if target in beside else []
            for path in [path for path in paths if path not in found]:
                called = read_file(path, catalog)
                if called.flow is not None or target is not None:
                    found[path] = called
                    waiting.append(called)
    return list(found.values())


def _calls(flow: Flow) -> Iterator[Name | None]:
    """The flows it calls; None for one that only rendering will tell."""
    for task in flow.walk():
        if task.kind in (Kind.SUBFLOW, Kind.FOREACH_ITEM):
            namespace, id = (str(task.properties.get(name)) for name in ("namespace", "flowId"))
            yield None if "{{" in namespace + id or "{%" in namespace + id else (namespace, id)


def _beside(path: Path) -> dict[Name, Path]:
    """The flows in the same folder, by name, the file itself left out."""
    found: dict[Name, Path] = {}
    for other in sorted(path.parent.iterdir()):
        if other.suffix.lower() in ENDINGS and other.is_file() and not other.samefile(path):
            value = read_document(_text(other), str(other)).value
            if isinstance(value, dict):
                found.setdefault((str(value.get("namespace")), str(value.get("id"))), other)
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(inner for inner in path.rglob("*") if inner.suffix.lower() in ENDINGS and inner.is_file())
    if not found:
        raise UsageError(f"there is no flow in {path}", "flows are files that end in .yaml or .yml")
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "give the path of a flow's file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from error


def _taken(file: FlowFile, name: Name, by: Path) -> Problem:
    line, column = read_document(file.text, str(file.path)).place(("id",))
    return Problem(
        message=f"the flow {'.'.join(name)} is in {by}, too",
        hint="give one of them another id",
        path="id",
        line=line,
        column=column,
        file=str(file.path),
    )
