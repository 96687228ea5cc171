"""docs/tasks/ is what the types say of themselves, and its examples run."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.task_types import Role, TypeSpec
from taxi_pipelines.tasks.registry import FAMILIES
from tests.docs import task_docs
from tests.support import postgres
from tests.support.echo_server import EchoServer
from tests.support.engines import Bench, running
from tests.support.mail_server import MailServer

ELSEWHERE = ("gcp", "taxi")
"""Families whose examples need a cloud or months of trips: tests/unit/tasks/test_gcp_examples.py and
tests/acceptance/test_month_tasks.py run them."""

HEAVY = [
    spec
    for family, specs in FAMILIES.items()
    for spec in specs
    if family not in ELSEWHERE and spec.role is Role.TASK and spec.run
]
DATABASE = "taxi"
TABLES = (
    "CREATE TABLE green_tripdata (payment_type integer)",
    "CREATE TABLE staging (trip integer)",
    "CREATE TABLE zones (id integer, borough text, zone text)",
)


def test_the_pages_are_fresh() -> None:
    kept = {path.name: path.read_text(encoding="utf-8") for path in task_docs.FOLDER.iterdir()}
    assert kept == task_docs.pages(), "run: make docs"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """An engine for which the hosts of the examples are servers of this machine."""
    with EchoServer() as web, MailServer() as mails:
        place = web.url.removeprefix("http://")
        hosts = {
            "data.example.com": place,
            "hooks.example.com": place,
            "mail.example.com": f"127.0.0.1:{mails.port}",
            "localhost:5432": f"127.0.0.1:{_database()}",
        }
        secret = base64.b64encode(postgres.PASSWORD.encode()).decode()
        home = tmp_path_factory.mktemp("home")
        with running(home, rewrite_hosts=hosts, environment={"SECRET_PG_PASSWORD": secret}) as found:
            found.parts.files.put("kestra:///taxi/zones.csv", BytesIO(b"id,borough,zone\n1,EWR,Newark\n"))
            yield found


def _database() -> int:
    """The port of a server that has what the examples ask for."""
    server = postgres.server()
    url = server.new_database(DATABASE)
    for statement in TABLES:
        postgres.execute(url, statement)
    return server.port


@pytest.mark.parametrize("spec", HEAVY, ids=lambda spec: spec.name)
def test_the_example_of_a_type_that_works_in_a_worker_runs(bench: Bench, spec: TypeSpec) -> None:
    example: dict[str, Any] = {"id": "example", **read_document(spec.example).value}
    tasks = [*(read_document(task_docs.EARLIER).value if "outputs.files" in spec.example else ()), example]
    ran = bench.finish(bench.submit(json.dumps({"id": "f", "namespace": "taxi", "tasks": tasks})).id, 60)
    assert ran.states["example"] == "SUCCESS", ran.lines
    assert set(ran.runs[-1].outputs) <= set(spec.outputs), "documented"
