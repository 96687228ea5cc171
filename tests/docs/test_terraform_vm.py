"""What the real Terraform makes of the variables, and what the VM's programs do, run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp import names
from taxi_pipelines.settings import Settings
from taxi_pipelines.taxi.types import MONTHLY
from tests.support import terraform as tf

LATER = {"database_url"}
"""Settings that come with the orchestrator; the VM's file names them already."""


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., Any]:
    """Variables → the locals of terraform/, or Terraform's error."""
    folder = tmp_path / "module"
    folder.mkdir()
    return lambda **variables: tf.evaluate(folder, variables)


def test_the_settings_file_is_one_that_the_program_reads(evaluate: Callable[..., Any]) -> None:
    made = evaluate(location="europe-west3", zone="europe-west3-a", keep_clean=True, maximum_bytes_billed=5)
    settings = Settings.load(**tomllib.loads(made["taxi_toml"]))
    assert (settings.target.value, settings.lake, settings.project) == (
        "bigquery", "gs://my-project-taxi-lake/lake", "my-project",
    )  # fmt: skip
    assert (settings.location, settings.keep_clean, settings.maximum_bytes_billed) == ("europe-west3", True, 5)
    assert made["taxi_toml"] in made["startup"]


@pytest.mark.parametrize("extra", [{}, tf.EVERYTHING], ids=["smallest", "everything"])
def test_every_script_of_the_vm_is_valid_bash_and_names_known_settings(
    evaluate: Callable[..., Any], extra: Mapping[str, Any]
) -> None:
    made = evaluate(**extra)
    for text in (made["startup"], *made["programs"].values()):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    used = {name.lower() for name in re.findall(r"\bTAXI_([A-Z_]+)=", made["startup"])}
    assert used <= Settings.model_fields.keys() | LATER
    started = re.findall(r"[\w-]+\.(?:service|timer)", re.search(r"^systemctl start (.*)$", made["startup"], re.M)[1])
    assert set(started) <= made["units"].keys()
    assert ("taxi-sql.service" in started) == bool(extra.get("cloud_sql"))


BUCKETS = [
    "ab", "abc", "a-b_c", "trips.example.com", "-abc", "abc-", "Abc", "a..b", "a" * 63, "a" * 64, "192.168.5.4", "googbucket",
    "my-google-lake", "g00gle", "a b", "a/b", ("a" * 60 + ".") * 4 + "b",
]  # fmt: skip
DATASETS = ["taxi", "Taxi_2", "my-taxi", "", "a b", "ä", "x" * names.LONGEST_DATASET, "x" * (names.LONGEST_DATASET + 1)]


def refused(check: Callable[[str], None], name: str) -> bool:
    try:
        check(name)
    except UsageError:
        return True
    return False


def test_names_are_refused_where_the_program_refuses_them(evaluate: Callable[..., Any]) -> None:
    for name in BUCKETS:
        said = evaluate(bucket=name)
        assert ("A bucket's name" in said) == refused(names.check_bucket_name, name), name
    for name in DATASETS:
        said = evaluate(dataset=name)
        assert ("A dataset's name" in said) == refused(names.check_dataset_name, name), name


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"project": "My Project"}, "A project's id has"),
        ({"location": "europe-west3-a"}, "A location is a region"),
        ({"zone": "europe-west3"}, "A zone is a region and a letter"),
        ({"months": {"black": "2024-01"}}, "The types are yellow, green, fhv and fhvhv."),
        ({"months": {"green": "2024-13"}}, "written YYYY-MM"),
        ({"operators": ["me@example.com"]}, "An operator is user:ADDRESS"),
        ({"package": "taxi-pipelines"}, "names the extra gcp"),
        ({"cloud_sql": True}, "the extra postgres is needed"),
        ({"flows_repository": "git@github.com:me/flows.git"}, "an https:// address"),
        ({"flows_repository": "https://x.org/f.git", "github_repository": "me/f"}, "Flows come from one place"),
        ({"github_repository": "https://github.com/me/f"}, "It is OWNER/NAME"),
        ({"flows_branch": "main; rm"}, "a branch's name"),
        ({"secrets": ["slack-url"]}, "named like an environment variable"),
        ({"maximum_bytes_billed": 0}, "a whole number of bytes"),
        ({"disk_gb": 1}, "10 or more"),
    ],
)
def test_a_bad_variable_is_refused_with_its_rule(
    evaluate: Callable[..., Any], variables: dict[str, Any], said: str
) -> None:
    assert said in evaluate(**variables)


def test_the_types_whose_months_are_loaded_are_those_published_by_month(evaluate: Callable[..., Any]) -> None:
    programs = evaluate(months=dict.fromkeys(MONTHLY, "2024-01"))["programs"]
    text = programs["/usr/local/lib/taxi/load-months"]
    assert set(re.findall(r"taxi backfill (\w+) 2024-01", text)) == MONTHLY.keys()


def run_program(text: str, home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """One of the VM's scripts with `home` in place of /var/lib/taxi and `home`/bin before the PATH."""
    program = home / "program"
    program.write_text(text.replace("/var/lib/taxi", str(home)).replace("/opt/taxi/bin", str(home / "bin")))
    path = f"{home / 'bin'}:{os.environ['PATH']}"
    command = ["bash", str(program), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": path, "HOME": str(home)} | env
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "bin").mkdir(parents=True)
    return tmp_path / "home"


def stand_in(home: Path, name: str, script: str) -> None:
    (home / "bin" / name).write_text(f"#!/bin/bash\n{script}\n")
    (home / "bin" / name).chmod(0o755)


def git(repository: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(repository), *who, *arguments], check=True, capture_output=True)


def test_flows_follow_the_branch_deletions_included(evaluate: Callable[..., Any], home: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    (origin / "flows").mkdir(parents=True)
    git(origin, "init", "--quiet", "--initial-branch=main")
    (origin / "flows" / "old.yaml").write_text("id: old\n")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "--message=one")
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "file://{origin}"]\n  insteadOf = https://example.com/flows.git\n')
    stand_in(home, "gcloud", "echo a-token")
    made = evaluate(flows_repository="https://example.com/flows.git", secrets=["GIT_TOKEN"])
    sync = made["programs"]["/usr/local/lib/taxi/sync-flows"]

    def flows() -> set[str]:
        done = run_program(sync, home, GIT_CONFIG_GLOBAL=str(config))
        assert (done.returncode, done.stderr) == (0, "")
        return {path.name for path in (home / "flows").iterdir()}

    assert flows() == {"old.yaml"}
    git(origin, "mv", "flows/old.yaml", "flows/new.yaml")
    git(origin, "commit", "--quiet", "--message=two")
    assert flows() == {"new.yaml"}


def test_a_secret_reaches_the_program_and_one_without_a_value_stops_nothing(
    evaluate: Callable[..., Any], home: Path
) -> None:
    stand_in(home, "gcloud", '[[ "$*" == *SECRET_A* ]] && printf \'q"uo$te\\nd\\n\'')
    made = evaluate(secrets=["SECRET_A", "SECRET_B", "GIT_TOKEN"])
    program = made["programs"]["/usr/local/lib/taxi/with-secrets"]
    done = run_program(program, home, sys.executable, "-c", "import os; print(dict(os.environ))")
    assert done.returncode == 0
    assert "'SECRET_A': 'q\"uo$te\\nd'" in done.stdout
    assert "SECRET_B" not in done.stdout
    assert "GIT_TOKEN" not in done.stdout + done.stderr
    assert done.stderr == "goes on without SECRET_B: the secret taxi-SECRET_B has no value, or cannot be read\n"


def test_a_type_that_fails_leaves_the_others_alone_and_is_reported(evaluate: Callable[..., Any], home: Path) -> None:
    stand_in(home, "taxi", 'echo "$1 $2 $3"; [[ $2 != green ]]')
    programs = evaluate(months={"green": "2024-01", "yellow": "2023-05"})["programs"]
    done = run_program(programs["/usr/local/lib/taxi/load-months"], home)
    assert done.returncode == 1
    assert done.stdout == "backfill green 2024-01\nbackfill yellow 2023-05\n"
