"""`taxi flow`, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli_flows import FAILING, HELLO, PARENT, SCHEDULED, write
from tests.unit.cli.conftest import Taxi

VIEW = [
    "id", "namespace", "flowId", "flowRevision", "state", "inputs", "outputs", "labels", "variables", "taskRuns", "trigger",
    "startedAt", "endedAt",
]  # fmt: skip
TASK_RUN = [
    "id", "taskId", "parentTaskRunId", "value", "iteration", "state", "attempts", "outputs", "startedAt", "endedAt",
]  # fmt: skip


def test_a_run_prints_its_outputs_and_says_what_happens(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, HELLO)
    said = taxi("flow", "run", "hello.yaml", "-i", "name=you")
    assert (said.code, said.out) == (0, "said: hello you\n")
    assert "greet  INFO  Hello you!" in said.err
    assert "greet  SUCCESS" in said.err
    assert "  SUCCESS  " in said.err.splitlines()[-1]


def test_a_finished_execution_as_json(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, FAILING)
    said = taxi("flow", "run", "failing.yaml", "--label", "team=a", "--json")
    assert (said.code, said.err) == (1, "")
    view = said.json
    assert list(view) == VIEW
    assert [list(run) for run in view["taskRuns"]] == [TASK_RUN] * 4
    assert view["labels"] == {"team": "a"}
    assert view["trigger"] is None
    assert view["startedAt"].endswith("Z")
    tasks = [(run["taskId"], run["value"], run["iteration"], run["state"]) for run in view["taskRuns"]]
    assert tasks == [
        ("each", None, None, "SUCCESS"),
        ("say", "green", 0, "SUCCESS"),
        ("say", "yellow", 1, "SUCCESS"),
        ("boom", None, None, "FAILED"),
    ]
    assert view["taskRuns"][1]["parentTaskRunId"] == view["taskRuns"][0]["id"]
    assert [list(attempt) for attempt in view["taskRuns"][3]["attempts"]] == [["state", "startedAt", "endedAt"]]


def test_a_failure_says_its_reason_once_and_ends_with_1(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, FAILING)
    said = taxi("flow", "run", "failing.yaml")
    assert (said.code, said.out) == (1, "")
    assert said.err.count("no luck today") == 1


def test_a_changed_file_is_a_new_revision_and_may_be_run_by_its_name(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, HELLO)
    assert taxi("flow", "run", "hello.yaml", "--json").json["flowRevision"] == 1
    assert taxi("flow", "run", "hello.yaml", "--json").json["flowRevision"] == 1
    write(tmp_path, HELLO.replace("world", "moon"))
    assert taxi("flow", "run", "hello.yaml", "--json").json["flowRevision"] == 2
    assert taxi("flow", "run", "demo.hello").out == "said: hello moon\n"


def test_a_subflow_is_found_beside_the_file(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, PARENT, HELLO, FAILING)
    said = taxi("flow", "run", "parent.yaml")
    assert (said.code, said.out) == (0, "heard: hello kid\n")
    assert "hello/greet  INFO  Hello kid!" in said.err
    assert [flow["id"] for flow in taxi("flow", "list", "--json").json] == ["hello", "parent"]


def test_inputs_come_from_text_files_and_paths(taxi: Taxi, tmp_path: Path) -> None:
    text = """\
        id: files
        namespace: demo
        inputs: [{id: file, type: FILE}, {id: text, type: STRING}]
        tasks: [{id: out, type: log, message: x}]
        outputs: [{id: both, type: STRING, value: "{{ read(inputs.file) }}+{{ inputs.text }}"}]
    """
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "data.txt").write_text("some text", encoding="utf-8")
    assert (
        taxi("flow", "run", "f.yaml", "-i", "file=data.txt", "-i", "text=@data.txt").out
        == "both: some text+some text\n"
    )
    missing = taxi("flow", "run", "f.yaml", "-i", "file=nix.txt", "-i", "text=x")
    assert missing.code == 2
    assert missing.err.startswith("error[usage]: input 'file': nix.txt cannot be read: No such file or directory; ")


@pytest.mark.parametrize(
    ("arguments", "month", "date"),
    [
        (["--slot", "2021-03"], "green 2021-03", "2021-03-01T09:00:00-05:00"),
        (["--slot", "2021-07-01T13:00:00Z"], "green 2021-07", "2021-07-01T09:00:00-04:00"),
        (["--slot", "2021-03", "-i", "taxi=yellow"], "yellow 2021-03", "2021-03-01T10:00:00Z"),
        (["--slot", "2021-03", "--trigger", "yellow"], "yellow 2021-03", "2021-03-01T10:00:00Z"),
    ],
)
def test_a_slot_makes_the_run_a_scheduled_one(
    taxi: Taxi, tmp_path: Path, arguments: list[str], month: str, date: str
) -> None:
    write(tmp_path, SCHEDULED)
    view = taxi("flow", "run", "scheduled.yaml", *arguments, "--json").json
    assert (view["outputs"], view["trigger"]["date"]) == ({"month": month}, date)
    assert view["labels"] == ({"by": "clock"} if "green" in month else {})


def test_a_run_that_needs_a_slot_says_how_to_give_one(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, SCHEDULED)
    said = taxi("flow", "run", "scheduled.yaml")
    assert said.code == 1
    assert "'trigger' is not defined" in said.err
    assert "--slot 2021-03" in said.err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["nix.yaml"],
            "error[usage]: nix.yaml cannot be read: No such file or directory; give the path of a flow's file",
        ),
        (["demo.helo"], "error[not-found]: there is no flow demo.helo; did you mean 'demo.hello'?"),
        (["hello.yaml", "-i", "name"], "error[usage]: -i name has no value; write it as -i name=VALUE"),
        (
            ["hello.yaml", "-i", "nam=x"],
            "error[inputs-invalid]: input 'nam': there is no such input, did you mean 'name'?",
        ),
        (["hello.yaml", "-i", "name=@nix"], "error[usage]: input 'name': nix cannot be read: "),
        (["hello.yaml", "--label", "system.x=1"], "error[usage]: label 'system.x' cannot be set; "),
        (
            ["hello.yaml", "--slot", "march"],
            "error[usage]: slot 'march' is neither a month nor a time; write it as 2021-03",
        ),
        (["hello.yaml", "--slot", "2021-03", "--trigger", "x"], "error[usage]: the flow has no trigger 'x'; "),
        (["hello.yaml", "--trigger", "x"], "error[usage]: --trigger chooses whose slot --slot means; "),
    ],
)
def test_what_cannot_be_run_is_one_line(taxi: Taxi, tmp_path: Path, arguments: list[str], line: str) -> None:
    write(tmp_path, HELLO)
    taxi("flow", "import", "hello.yaml")
    said = taxi("flow", "run", *arguments)
    assert (said.code, said.out) == (1 if "not-found" in line else 2, "")
    assert said.err.startswith(line)
    assert said.err.count("\n") == 1


WRONG = """\
id: hello
namespace: demo
tasks:
  - {id: a, type: lgo}
  - {id: a, type: log, mesage: x}
"""


def test_every_problem_of_every_file_is_listed_with_its_place(taxi: Taxi, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "wrong.yml").write_text(WRONG, encoding="utf-8")
    write(tmp_path, HELLO, PARENT)
    (tmp_path / "z.yaml").write_text(HELLO, encoding="utf-8")
    said = taxi("flow", "validate", ".")
    assert said.code == 1
    places = [line.split(": ", 1)[0] for line in said.out.splitlines()]
    assert len(places) >= 4
    assert "below/wrong.yml:4:19" in places
    assert places[-1] == "z.yaml:1:5"
    assert said.out.endswith(": id: the flow demo.hello is in hello.yaml, too; give one of them another id\n")
    assert said.err == f"{len(places)} problems in 2 files, 2 flows are fine\n"
    problems = taxi("flow", "validate", ".", "--json").json
    assert [f"{one['file']}:{one['line']}:{one['column']}" for one in problems] == places
    assert list(problems[0]) == ["file", "line", "column", "path", "message", "hint"]


def test_flows_without_problems_are_fine(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, HELLO)
    said = taxi("flow", "validate", "hello.yaml")
    assert (said.code, said.out, said.err) == (0, "", "1 flow is fine\n")
    (tmp_path / "empty").mkdir()
    assert taxi("flow", "validate", "empty").err.startswith("error[usage]: there is no flow in empty; ")


def test_an_import_keeps_all_or_nothing(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, HELLO, PARENT)
    (tmp_path / "wrong.yaml").write_text(WRONG.replace("hello", "wrong"), encoding="utf-8")
    said = taxi("flow", "import", ".")
    assert said.code == 2
    assert said.err.startswith("error[flow-invalid]: wrong.yaml:")
    assert taxi("flow", "list", "--json").json == []
    (tmp_path / "wrong.yaml").unlink()
    assert taxi("flow", "import", ".").out == "demo.hello  revision 1\ndemo.parent  revision 1\n"
    assert taxi("flow", "import", "hello.yaml").out == "demo.hello  revision 1, unchanged\n"


def test_flows_are_shown_and_exported_as_they_were_written(taxi: Taxi, tmp_path: Path) -> None:
    write(tmp_path, HELLO, PARENT)
    taxi("flow", "import", ".")
    changed = HELLO.replace("world", "moon")
    write(tmp_path, changed)
    taxi("flow", "import", "hello.yaml")
    assert taxi("flow", "show", "demo.hello").out == changed
    assert taxi("flow", "show", "demo.hello", "--revision", "1").out == HELLO
    assert taxi("flow", "show", "demo.hello", "--json").json["revisions"] == [1, 2]
    assert taxi("flow", "show", "demo.hello", "--revision", "3").err.startswith("error[not-found]: ")
    assert taxi("flow", "export", "demo.hello").out == changed
    assert taxi("flow", "export", "--to", "out").out == "out/demo.hello.yaml\nout/demo.parent.yaml\n"
    assert (tmp_path / "out" / "demo.hello.yaml").read_text(encoding="utf-8") == changed
    assert taxi("flow", "export").code == 2


def test_the_schema_is_json(taxi: Taxi) -> None:
    assert json.loads(taxi("flow", "schema").out)["required"] == ["id", "namespace", "tasks"]
