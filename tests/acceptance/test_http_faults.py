"""A whole run against a server that misbehaves: it gets through, or says in one line why not and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.sources import http
from taxi_pipelines.synthetic.files import write_month
from tests.support.fault_server import Drop, Fault, FaultServer, Length, Page, Status

ROWS = 3_000
NAME = "/trip-data/green_tripdata_2021-01.parquet"


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    (tmp_path / "made").mkdir()
    return write_month(tmp_path / "made", "green", Month(2021, 1), ROWS).read_bytes()


@pytest.fixture
def server(content: bytes) -> Iterator[FaultServer]:
    with FaultServer() as server:
        server.publish(NAME, content)
        yield server


@pytest.fixture
def taxi(tmp_path: Path, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(http.HttpSource.__init__, "__kwdefaults__", {"retries": 3, "backoff": 0.01, "timeout": (2, 2)})
    with Pipeline(home=tmp_path / "home", source=f"{server.url}/trip-data") as pipeline:
        yield pipeline


def files(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]


def rows(taxi: Pipeline) -> int:
    return int(taxi.query("select count(*) n from green_tripdata")["n"][0])


@pytest.mark.parametrize(
    "faults",
    [
        (Drop(after=40_000), Drop(after=20_000)),
        (Status(503), Status(429, retry_after="0"), Drop(after=None)),
        (Length(by=1_000),),
        (Drop(after=0), Drop(after=1), Drop(after=2)),
    ],
    ids=["dropped at half twice", "busy, busy, gone", "a length too long", "dropped at once"],
)
def test_a_shaky_server_still_gives_the_whole_month(
    faults: tuple[Fault, ...], server: FaultServer, taxi: Pipeline
) -> None:
    server.script(NAME, *faults)
    assert taxi.run("green", "2021-01").rows == rows(taxi) == ROWS
    assert taxi.verify("green")[0].ok


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Page(), "source-corrupt"),
        (Length(by=-1_000), "source-corrupt"),
        (Status(500), "source-unavailable"),
        (Status(404), "source-missing"),
        (Drop(after=0), "source-unavailable"),
    ],
)
def test_a_server_that_stays_wrong_leaves_the_old_month_and_one_clear_line(
    fault: Fault, code: str, server: FaultServer, taxi: Pipeline, tmp_path: Path, content: bytes
) -> None:
    taxi.run("green", "2021-01")
    before = sorted(files(tmp_path / "home"))
    other = write_month(tmp_path / "made", "green", Month(2021, 1), ROWS + 1, seed=1).read_bytes()
    server.publish(NAME, other)
    server.script(NAME, *[fault] * 20)
    with pytest.raises(PipelineError) as raised:
        taxi.run("green", "2021-01")
    assert raised.value.code == code
    assert "\n" not in str(raised.value)
    assert rows(taxi) == ROWS
    assert sorted(files(tmp_path / "home")) == before
    server.publish(NAME.replace("trip-data", "mended"), other)
    assert taxi.run("green", "2021-01", source=f"{server.url}/mended").rows == rows(taxi) == ROWS + 1


def test_an_unchanged_month_costs_one_head(server: FaultServer, taxi: Pipeline) -> None:
    taxi.run("green", "2021-01")
    asked = len(server.requests)
    taxi.run("green", "2021-01")
    assert [request.method for request in server.requests[asked:]] == ["HEAD"]


def test_a_month_that_is_not_published_names_the_latest_that_is(
    server: FaultServer, taxi: Pipeline, content: bytes
) -> None:
    with pytest.raises(
        PipelineError, match=r"2024-01 is not published at http.*nothing of green is there in the last year"
    ):
        taxi.run("green", "2024-01")


def test_a_server_without_etags_is_compared_by_content_only_when_it_must(
    server: FaultServer, taxi: Pipeline, content: bytes
) -> None:
    server.publish(NAME, content, etag=None, last_modified=None)
    taxi.run("green", "2021-01")
    assert taxi.plan("green", "2021-01", "2021-01")[0].action == "reload"
    assert taxi.run("green", "2021-01").action == "unchanged"
    server.publish(NAME, content, etag=None)
    assert taxi.run("green", "2021-01").action == "unchanged"
    assert taxi.plan("green", "2021-01", "2021-01")[0].action == "skip"
