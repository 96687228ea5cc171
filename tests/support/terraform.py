"""terraform/ checked without Google's provider, whose binary `terraform validate` would need: our files against its schema
(terraform_schema.json), and the part of them that has no resources through the real Terraform."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import hcl2
import pytest

ROOT = Path(__file__).resolve().parents[2]
TERRAFORM = ROOT / "terraform"
SCHEMA = Path(__file__).with_name("terraform_schema.json")

NEEDED: Mapping[str, Any] = {"project": "my-project", "bucket": "my-project-taxi-lake"}
EVERYTHING: Mapping[str, Any] = {
    "cloud_sql": True,
    "package": "taxi-pipelines[gcp,postgres]",
    "github_repository": "me/my-flows",
    "secrets": ["GIT_TOKEN", "SECRET_SLACK"],
    "operators": ["user:me@example.com"],
    "reader_groups": ["analysts@example.com"],
}
"""Variables with which every resource is made."""
EVALUATED = ("taxi_toml", "startup", "programs", "units")

META_ARGUMENTS = {"count", "for_each", "depends_on", "provider"}
LIFECYCLE = {"create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One resource or data source as it is written: `kind` is its type, `data.` before it where it is a data source."""

    file: str
    kind: str
    name: str
    body: Mapping[str, Any]


def read_module(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Every file's content by its name, as python-hcl2 understands it."""
    return {path.name: hcl2.loads(path.read_text()) for path in sorted(folder.glob("*.tf"))}


def resources(module: Mapping[str, Mapping[str, Any]]) -> list[Block]:
    """Every resource and data source of a module."""
    return [
        Block(file=file, kind=prefix + _plain(kind), name=_plain(name), body=body)
        for file, content in module.items()
        for word, prefix in (("resource", ""), ("data", "data."))
        for block in content.get(word, [])
        for kind, named in _own(block)
        for name, body in _own(named)
    ]


def problems(blocks: Iterable[Block], schema: Mapping[str, Any]) -> list[str]:
    """What the provider would refuse: unknown and missing arguments and blocks, one line each."""
    found = []
    for block in blocks:
        place = f"{block.file}: {block.kind}.{block.name}"
        known = schema["resources"].get(block.kind)
        found += list(_body(block.body, known, place, top=True)) if known else [f"{place}: unknown type"]
    return found


def broken_references(folder: Path, blocks: Iterable[Block], schema: Mapping[str, Any]) -> list[str]:
    """References to resources, attributes, variables and locals that do not exist, and variables that nothing uses."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    module = read_module(folder).values()
    declared = {(block.kind, block.name) for block in blocks}
    named = {
        "var": {_plain(name) for content in module for block in content.get("variable", []) for name, _ in _own(block)},
        "local": {name for content in module for block in content.get("locals", []) for name, _ in _own(block)},
    }
    found = [
        f"unknown {kind}.{name}"
        for kind, name in sorted(set(re.findall(r"\b(var|local)\.(\w+)", text)))
        if name not in named[kind]
    ]
    for kind, name, attribute in sorted(set(re.findall(r"\b(google_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?", text))):
        if (kind, name) not in declared:
            found.append(f"unknown resource {kind}.{name}")
        elif attribute and attribute not in schema["resources"][kind]["attributes"]:
            found.append(f"unknown attribute {kind}.{name}.{attribute}")
    return found + [f"unused var.{name}" for name in sorted(named["var"]) if f"var.{name}" not in text]


def _body(body: Mapping[str, Any], known: Mapping[str, Any], place: str, *, top: bool = False) -> Iterator[str]:
    """A block's body against its schema; `top` for a resource's own, which may have Terraform's meta-arguments."""
    given: set[str] = set()
    for name, value in _own(body):
        if name == "dynamic":
            for block in value:
                for inner, content in _own(block):
                    given.add(_plain(inner))
                    yield from _nested(_plain(inner), content["content"], known, place)
        elif top and name == "lifecycle":
            for block in value:
                yield from (f"{place}: unknown argument lifecycle.{x}" for x, _ in _own(block) if x not in LIFECYCLE)
        elif _is_block(value):
            given.add(name)
            yield from _nested(name, value, known, place)
        elif not (top and name in META_ARGUMENTS):
            given.add(name)
            if name not in known["arguments"]:
                wrong = "is a block, not an argument" if name in known["blocks"] else "unknown argument"
                yield f"{place}: {wrong}: {name}"
    required = {name for name, needed in known["arguments"].items() if needed}
    required |= {name for name, block in known["blocks"].items() if block["required"]}
    yield from (f"{place}: missing {name}" for name in sorted(required - given))


def _nested(name: str, blocks: list[Any], known: Mapping[str, Any], place: str) -> Iterator[str]:
    inner = known["blocks"].get(name)
    if inner is None:
        yield (
            f"{place}: "
            + ("is an argument, not a block" if name in known["arguments"] else "unknown block")
            + f": {name}"
        )
        return
    if len(blocks) > 1 and not inner["many"]:
        yield f"{place}: more than one block {name}"
    for block in blocks:
        yield from _body(block, inner, f"{place}.{name}")


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "__is_block__" in value[0]


def _own(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is written in a body, without what python-hcl2 notes beside it."""
    return ((name, value) for name, value in body.items() if not name.startswith("__"))


def _plain(label: str) -> str:
    return label.strip('"')


def unavailable(reason: str) -> NoReturn:
    """Skips the test; fails it in CI, where everything is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def terraform(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The real Terraform, with no configuration of the machine's and no call home."""
    program = shutil.which("terraform")
    if program is None:
        unavailable("there is no terraform on the PATH")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_CLI_ARGS": "-no-color"}
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False, env=env)


def evaluate(folder: Path, variables: Mapping[str, Any]) -> Any:
    """What Terraform makes of the variables in an empty folder: the locals of a file without resources, or its error in one line."""
    for name in ("variables.tf", "locals.tf", "startup.tf"):
        shutil.copy(TERRAFORM / name, folder)
    shutil.copytree(TERRAFORM / "templates", folder / "templates", dirs_exist_ok=True)
    outputs = (f'output "{name}" {{\n  value = local.{name}\n}}\n' for name in EVALUATED)
    (folder / "outputs.tf").write_text("".join(outputs))
    (folder / "terraform.tfvars.json").write_text(json.dumps(NEEDED | dict(variables)))
    done = terraform("apply", "-auto-approve", folder=folder)
    if done.returncode:
        return re.sub(r"\s+", " ", done.stderr)
    shown = json.loads(terraform("output", "-json", folder=folder).stdout)
    return {name: output["value"] for name, output in shown.items()}
