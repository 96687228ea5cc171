"""Blueprints: the flows that come with the package, told by the comment each begins with, to start a new one from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from taxi_pipelines.flow_files import ENDINGS
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.tasks.registry import REGISTRY

EMPTY = "empty"
"""The name under which `EMPTY_TEXT` is asked for."""

EMPTY_TEXT = """\
id: my_flow
namespace: company.team

tasks:
  - id: hello
    type: log
    message: Hello!
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """A flow to start from. `title` is how its comment begins, `description` the rest of it; `types` are those of its tasks
    and triggers, each once."""

    name: str
    title: str
    description: str
    text: str
    namespace: str
    types: tuple[str, ...]


@cache
def blueprints() -> tuple[Blueprint, ...]:
    """All of them, by name."""
    found = [
        path for path in files("taxi_pipelines").joinpath("shipped_flows").iterdir() if path.name.endswith(ENDINGS)
    ]
    return tuple(
        _blueprint(path.name.rpartition(".")[0], path.read_text(encoding="utf-8"))
        for path in sorted(found, key=lambda path: path.name)
    )


def _blueprint(name: str, text: str) -> Blueprint:
    flow = parse_flow(text, REGISTRY)
    title, description = told(text)
    used = [task.type for task in flow.walk()] + [trigger.type for trigger in flow.triggers]
    return Blueprint(
        name=name,
        title=title or name,
        description=description,
        text=text,
        namespace=flow.namespace,
        types=tuple(dict.fromkeys(used)),
    )


def told(text: str) -> tuple[str, str]:
    """What the comment at the head of a flow says, commands left out: its beginning up to `:` or `.`, and the rest."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        said = line.removeprefix("#").removeprefix(" ")
        if not said.startswith(" "):  # indented: a command
            lines.append(said.strip())
    said = " ".join(line for line in lines if line).replace("`", "")
    ends = [place for place in (said.find(": "), said.find(". "), len(said.rstrip("."))) if place >= 0]
    title, rest = said[: min(ends)], said[min(ends) + 1 :].strip()
    return title, rest[:1].upper() + rest[1:]
