"""A month in steps: what lies between two of them may change, and the row contract holds all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import Receipt, RunAction
from taxi_pipelines.errors import CheckFailed, NotLoaded, SchemaMismatch
from taxi_pipelines.months.steps import Extracted, Loaded
from taxi_pipelines.synthetic.files import republish, write_month

ROWS = 400
MONTH = "2021-01"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return write_month(folder, "green", Month(2021, 1), ROWS)


@pytest.fixture
def taxi(tmp_path: Path, published: Path) -> Iterator[Pipeline]:
    with Pipeline(home=tmp_path / "home", source=published.parent, execution_id="e1") as pipeline:
        yield pipeline


def step_by_step(taxi: Pipeline, *, force: bool = False) -> Receipt:
    return taxi.merge(taxi.load(taxi.extract("green", MONTH, force=force)))


def litter(taxi: Pipeline) -> list[str]:
    return [path.name for path in taxi.home.rglob("*") if ".staging" in path.name or ".tmp" in path.name]


def test_the_steps_do_what_a_run_does(taxi: Pipeline) -> None:
    receipt = step_by_step(taxi)
    assert (receipt.action, receipt.rows, receipt.added, receipt.removed) == (RunAction.LOADED, ROWS, ROWS, 0)
    assert receipt.execution_id == "e1"
    assert all(seconds > 0 for seconds in receipt.seconds.values())
    assert taxi.check("green", MONTH)[0].version == receipt.version
    assert taxi.verify("green")[0].ok
    assert taxi.run("green", MONTH).action is RunAction.UNCHANGED
    again = step_by_step(taxi)
    assert (again.action, again.version, again.execution_id) == (RunAction.UNCHANGED, receipt.version, "e1")
    forced = step_by_step(taxi, force=True)
    assert (forced.action, forced.added, forced.removed) == (RunAction.RELOADED, 0, 0)
    assert litter(taxi) == []


def test_what_a_step_hands_on_survives_json(taxi: Pipeline) -> None:
    files, months = TypeAdapter(Extracted), TypeAdapter(Loaded)
    file = taxi.extract("green", MONTH)
    assert files.validate_json(files.dump_json(file)) == file
    loaded = taxi.load(file)
    assert months.validate_json(months.dump_json(loaded)) == loaded
    assert months.validate_python(asdict(loaded)) == loaded


def test_each_step_may_be_repeated(taxi: Pipeline) -> None:
    taxi.extract("green", MONTH)
    file = taxi.extract("green", MONTH)
    taxi.load(file)
    loaded = taxi.load(file)
    first = taxi.merge(loaded)
    second = taxi.merge(loaded)
    assert (second.action, second.version, second.added) == (RunAction.LOADED, first.version, ROWS)
    assert taxi.load(file).staged is None
    assert taxi.query("select count(*) n from green_tripdata")["n"][0] == ROWS
    assert litter(taxi) == []


def test_what_was_staged_and_swept_is_staged_again(taxi: Pipeline) -> None:
    loaded = taxi.load(taxi.extract("green", MONTH))
    assert len(litter(taxi)) == 1
    taxi.doctor(fix=True)
    assert litter(taxi) == []
    assert taxi.merge(loaded).rows_staged == ROWS
    assert taxi.verify("green")[0].ok


def test_steps_on_other_months_are_left_alone(taxi: Pipeline, published: Path) -> None:
    write_month(published.parent, "green", Month(2021, 2), ROWS)
    loaded = taxi.load(taxi.extract("green", MONTH))
    taxi.merge(taxi.load(taxi.extract("green", "2021-02")))
    assert loaded.staged
    assert taxi.merge(loaded).version == loaded.staged.version


def test_a_file_that_went_from_the_lake_is_fetched_again(taxi: Pipeline) -> None:
    file = taxi.extract("green", MONTH)
    assert file.uri
    Path(file.uri).unlink()
    Path(f"{file.uri}.manifest.json").unlink()
    assert taxi.merge(taxi.load(file)).rows == ROWS
    assert taxi.check("green", MONTH)


def test_what_a_later_run_has_published_stays(taxi: Pipeline, published: Path) -> None:
    old = taxi.load(taxi.extract("green", MONTH))
    republish(published, edited=3, deleted=2, added=7)
    newer = taxi.run("green", MONTH)
    assert taxi.merge(old).version == newer.version
    assert taxi.verify("green")[0].rows_target == ROWS + 5


def test_a_republished_month_is_counted_as_a_run_does(taxi: Pipeline, published: Path) -> None:
    step_by_step(taxi)
    counts = republish(published, edited=3, deleted=2, added=7)
    receipt = step_by_step(taxi)
    assert (receipt.action, receipt.added, receipt.removed) == (RunAction.RELOADED, counts.added, counts.removed)


def test_a_file_that_does_not_load_leaves_the_month_and_is_fetched_anew(taxi: Pipeline, published: Path) -> None:
    import pyarrow.parquet as pq

    whole = published.read_bytes()
    table = pq.read_table(published)
    names = ["egap" if name == "fare_amount" else name for name in table.schema.names]
    pq.write_table(table.rename_columns(names), published)
    file = taxi.extract("green", MONTH)
    with pytest.raises(SchemaMismatch):
        taxi.load(file)
    assert (taxi.lake_versions(), litter(taxi)) == ([], [])
    assert "schema-mismatch" in (taxi.status()[0].error or "")
    published.write_bytes(whole)
    assert step_by_step(taxi).rows == ROWS
    assert taxi.status()[0].error is None


def test_a_check_says_what_is_not_as_the_receipt_says(taxi: Pipeline) -> None:
    with pytest.raises(NotLoaded):
        taxi.check("green", MONTH)
    receipt = step_by_step(taxi)
    assert [result.name for result in taxi.check("green", MONTH)[1]] == ["rows", "addresses_gapless", "lake_file"]
    lake = Path(taxi.lake_versions()[0].location)
    data = lake.read_bytes()
    lake.write_bytes(data[:-1] + b"X")
    with pytest.raises(
        CheckFailed, match=r"green 2021-01 is not what its receipt says: lake_file = .*; run: taxi verify"
    ):
        taxi.check("green", MONTH)
    lake.write_bytes(data)
    _drop_rows(taxi.home / "warehouse" / "green_tripdata" / f"{MONTH}.{receipt.version}.parquet")
    with pytest.raises(CheckFailed, match="rows = 390"):
        taxi.check("green", MONTH)


def _drop_rows(path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path).slice(0, ROWS - 10), path)
