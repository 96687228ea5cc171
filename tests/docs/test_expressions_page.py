"""docs/expressions.md: every example renders to the result beside it, and nothing of the language is left out."""

from __future__ import annotations

import re
from datetime import UTC
from random import Random

import pytest
import yaml

from taxi_pipelines.flowspec.expressions import Environment, compile_template
from taxi_pipelines.flowspec.expressions.library import FILTERS, FUNCTIONS, TESTS
from taxi_pipelines.flowspec.expressions.operations import Operation
from tests.support.data import ROOT
from tests.support.expressions import WORLD

PAGE = (ROOT / "docs" / "expressions.md").read_text()
CELL = re.compile(r"(?<!\\)\|")


def context() -> dict[str, object]:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    variables = yaml.safe_load(found[1])
    assert variables["trigger"]["date"].tzinfo, "YAML keeps the offset"
    return variables


def rows() -> list[tuple[str, str, str]]:
    """Name, example and result of every table row that has them."""
    found = []
    for line in PAGE.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in CELL.split(line)[1:-1]]
        if len(cells) == 4 and cells[2].startswith("`"):
            found.append((cells[0], cells[2][1:-1], cells[3][1:-1].replace("⏎", "\n")))
    return found


def section(title: str, following: str) -> str:
    return PAGE[PAGE.index(f"## {title}\n") : PAGE.index(following)]


def world() -> Environment:
    return Environment(
        now=WORLD.now.astimezone(UTC), zone=WORLD.zone, random=Random(1), kv=WORLD.kv, secret=WORLD.secret, read=WORLD.read,
        file_size=WORLD.file_size, file_exists=WORLD.file_exists, error_logs=WORLD.error_logs, tasks_with_state=WORLD.tasks_with_state,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "example", "result"), rows())
def test_an_example_renders_to_its_result(name: str, example: str, result: str) -> None:
    assert compile_template(example).render(context(), world()) == result


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        (TESTS, section("Tests", "## Functions")),
        (FUNCTIONS, section("Functions", "## Filters")),
        (FILTERS, section("Filters", "## Where this differs")),
    ],
    ids=["tests", "functions", "filters"],
)
def test_the_page_lists_every_name_with_its_parameters(operations: dict[str, Operation], text: str) -> None:
    listed = set(re.findall(r"^\| `(\w+(?:\([^`]*\))?)` \|", text, re.MULTILINE))
    expected = set()
    for name, operation in operations.items():
        parameters = [
            *operation.required,
            *(f"[{each}]" for each in operation.optional),
            *(["…"] if operation.variadic else []),
        ]
        bare = operations is not FUNCTIONS and not parameters
        expected.add(name if bare else f"{name}({', '.join(parameters)})")
    assert listed == expected
