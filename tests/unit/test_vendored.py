"""Scripts of others: each with its licence and version beside it, and nothing in them of where they were built."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import taxi_pipelines

WEB = Path(taxi_pipelines.__file__).parent / "web"
VENDORED = WEB / "static" / "vendor"
SCRIPTS = sorted(path.name for path in VENDORED.glob("*.js"))
NOTED = re.compile(r"^\| (\S+) \| (\S+) \| (\d+\.\d+\.\d+\S*) \| (\S+) \|$", re.M)


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_has_its_licence_and_version_beside_it(name: str) -> None:
    packages = [
        (package, version)
        for file, package, version, _ in NOTED.findall((VENDORED / "README.md").read_text())
        if file == name
    ]
    licence = (VENDORED / f"{name.removesuffix('.js').removesuffix('.min')}.LICENSE").read_text()
    assert packages
    for package, version in packages:
        assert f"{package} {version} (" in licence


def test_versions_are_those_of_the_lock_file() -> None:
    locked = json.loads((WEB / "vendor" / "package-lock.json").read_text())["packages"]
    for _, package, version, licence in NOTED.findall((VENDORED / "README.md").read_text()):
        assert (locked[f"node_modules/{package}"]["version"], locked[f"node_modules/{package}"]["license"]) == (
            version,
            licence,
        )


def test_nothing_says_where_it_was_built_or_fetched_from() -> None:
    paths = [*VENDORED.iterdir(), *(path for path in (WEB / "vendor").iterdir() if path.is_file())]
    for path in paths:
        text = path.read_text()
        assert not re.search(r"registry\.|/(home|root|tmp|work|Users)/|sourceMappingURL", text), path.name
    assert "://" not in (WEB / "vendor" / "package-lock.json").read_text()


def test_no_script_needs_what_the_pages_forbid() -> None:
    for name in SCRIPTS:
        text = (VENDORED / name).read_text()
        found = re.search(r"new Worker\(|WebAssembly|importScripts|(?<![\w.])new Function\(", text)
        assert found is None or name == "htmx.min.js", f"{name}: {found}"
