"""The tree stays as it was meant: a fixed top level, files and functions one can read, nothing of this machine in them."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.data import ROOT

TOP_LEVEL = {
    "pyproject.toml", "docker-compose.yml", "taxi_pipelines", "flows", "terraform", "tests", "README.md", "Makefile", "docs", "CHANGELOG.md",
    "LICENSE", "requirements.lock",
}  # fmt: skip
LONGEST_FILE = 400
LONGEST_FUNCTION = 50


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_top_level_is_the_fixed_one() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_module_of_the_package_is_too_long_to_read() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "taxi_pipelines").rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_needs_scrolling() -> None:
    long = {}
    for path in (ROOT / "taxi_pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.FunctionDef)
                and (lines := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
            ):
                long[f"{path.name}:{node.name}"] = lines
    assert long == {}


def test_the_lock_file_names_versions_and_hashes_and_no_addresses() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert re.findall(r"https?:|file:/|index-url|find-links", text) == []
    pinned = re.findall(r"^[A-Za-z0-9_.-]+==\S+ \\\n    --hash=sha256:", text, re.M)
    assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]", text, re.M)) > 40
