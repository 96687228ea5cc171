"""The row contract on generated months: exactly the published rows, whatever was run before and however often."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.errors import NoEarlierVersion, NotLoaded, PipelineError, SourceMissing
from taxi_pipelines.months import publish
from taxi_pipelines.synthetic.files import republish, write_month, write_zones

JANUARY = Month(2021, 1)

EPOCHS = [
    ("green", Month(2014, 1)), ("green", Month(2021, 1)), ("green", Month(2023, 2)), ("green", Month(2025, 1)),
    ("yellow", Month(2009, 1)), ("yellow", Month(2010, 2)), ("yellow", Month(2010, 5)), ("yellow", Month(2011, 1)),
    ("yellow", Month(2023, 2)), ("yellow", Month(2025, 1)),
    ("fhv", Month(2015, 1)), ("fhv", Month(2019, 6)),
    ("fhvhv", Month(2019, 2)), ("fhvhv", Month(2025, 1)),
]  # fmt: skip

CSV_EPOCHS = [
    ("green", Month(2013, 8)), ("green", Month(2015, 1)), ("green", Month(2016, 7)), ("green", Month(2020, 4)),
    ("yellow", Month(2009, 5)), ("yellow", Month(2012, 5)), ("yellow", Month(2014, 3)), ("yellow", Month(2016, 8)), ("yellow", Month(2017, 1)),
    ("yellow", Month(2019, 1)),
    ("fhv", Month(2015, 3)), ("fhv", Month(2017, 8)), ("fhv", Month(2018, 3)), ("fhv", Month(2019, 3)),
    ("fhvhv", Month(2019, 3)),
]  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def taxi(tmp_path: Path, source: Path) -> Pipeline:
    with Pipeline(home=tmp_path / "home", source=source) as pipeline:
        yield pipeline


def snapshot(home: Path) -> dict[str, tuple[int, str]]:
    """Time of change and content of every file below."""
    return {
        str(path.relative_to(home)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def count(taxi: Pipeline, table: str) -> int:
    return int(taxi.query(f"select count(*) n from {table}")["n"][0])


def litter(home: Path) -> list[str]:
    """Staging and temporary files left behind."""
    return [path.name for path in home.rglob("*") if ".staging" in path.name or ".tmp" in path.name]


@pytest.mark.parametrize(("kind", "month"), EPOCHS, ids=[f"{kind}-{month}" for kind, month in EPOCHS])
def test_every_schema_of_the_past_is_loaded_and_proven(kind: str, month: Month, source: Path, taxi: Pipeline) -> None:
    path = write_month(source, kind, month, 2_000, duplicates=5)
    receipt = taxi.run(kind, str(month))
    assert receipt.rows == pq.read_metadata(path).num_rows == count(taxi, f"{kind}_tripdata")
    assert taxi.verify(kind)[0].ok


@pytest.mark.parametrize(("kind", "month"), CSV_EPOCHS, ids=[f"{kind}-{month}" for kind, month in CSV_EPOCHS])
@pytest.mark.parametrize("format", [FileFormat.CSV, FileFormat.CSV_GZ])
def test_every_csv_edition_is_loaded_and_proven(
    kind: str, month: Month, format: FileFormat, source: Path, taxi: Pipeline
) -> None:
    write_month(source, kind, month, 500, format=format)
    receipt = taxi.run(kind, str(month))
    assert receipt.rows == count(taxi, f"{kind}_tripdata") == 500
    assert taxi.verify(kind)[0].ok


def test_months_of_all_schemas_live_in_one_table(source: Path, taxi: Pipeline) -> None:
    months = [month for kind, month in EPOCHS if kind == "yellow"]
    for month in months:
        write_month(source, "yellow", month, 300)
        taxi.run("yellow", str(month))
    found = taxi.query(
        "select year(source_month) y, count(*) n, count(pickup_longitude) lon, count(PULocationID) zone, count(cbd_congestion_fee) cbd"
        " from yellow_tripdata group by 1 order by 1"
    )
    by_year = found.set_index("y")
    assert by_year["n"].sum() == 300 * len(months)
    assert (by_year.loc[2009, "zone"], by_year.loc[2011, "lon"], by_year.loc[2023, "cbd"]) == (0, 0, 0)
    assert by_year.loc[2009, "lon"] > 0
    assert by_year.loc[2025, "cbd"] > 0


def test_rows_equal_in_every_column_are_all_kept(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 1_000, duplicates=50)
    table = pq.read_table(path)
    repeated = table.num_rows - table.group_by(table.schema.names).aggregate([]).num_rows
    assert repeated >= 50
    taxi.run("green", "2021-01")
    assert count(taxi, "green_tripdata") == table.num_rows


def test_a_second_run_changes_nothing_and_writes_nothing(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    write_month(source, "green", JANUARY, 1_000)
    first = taxi.run("green", "2021-01")
    taxi.close()
    before = snapshot(tmp_path / "home")
    second = taxi.run("green", "2021-01")
    taxi.close()
    assert second.action is RunAction.UNCHANGED
    assert (second.rows, second.sha256, second.added, second.removed) == (first.rows, first.sha256, 0, 0)
    assert snapshot(tmp_path / "home") == before


def test_the_same_content_under_a_new_mark_is_unchanged_and_then_costs_nothing(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 1_000)
    taxi.run("green", "2021-01")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    assert taxi.plan("green", "2021-01", "2021-01")[0].reason == "republished"
    assert taxi.run("green", "2021-01").action is RunAction.UNCHANGED
    assert taxi.plan("green", "2021-01", "2021-01")[0].reason == "unchanged"
    assert len(taxi.lake_versions()) == 1


def test_a_republished_month_replaces_the_old_with_exact_counts(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 5_000, duplicates=20)
    taxi.run("green", "2021-01")
    expected = republish(path, edited=50, deleted=30, added=70)
    receipt = taxi.run("green", "2021-01")
    assert receipt.action is RunAction.RELOADED
    assert (receipt.added, receipt.removed) == (expected.added, expected.removed)
    assert count(taxi, "green_tripdata") == receipt.rows == pq.read_metadata(path).num_rows
    assert taxi.verify("green")[0].ok


def test_rolling_back_puts_the_old_rows_back_and_a_run_the_published_ones(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 2_000)
    first = taxi.run("green", "2021-01")
    republish(path, edited=10, deleted=100, added=0)
    second = taxi.run("green", "2021-01")
    back = taxi.rollback("green", "2021-01")
    assert (back.action, back.version, back.rows) == (RunAction.ROLLED_BACK, first.version, first.rows)
    assert (back.added, back.removed) == (second.removed, second.added)
    assert count(taxi, "green_tripdata") == first.rows
    assert taxi.verify("green")[0].ok
    with pytest.raises(NoEarlierVersion):
        taxi.rollback("green", "2021-01")
    assert taxi.run("green", "2021-01").rows == second.rows


def test_rolling_back_works_from_the_lake_when_the_warehouse_holds_no_older_version(
    source: Path, taxi: Pipeline, tmp_path: Path
) -> None:
    path = write_month(source, "green", JANUARY, 500)
    first = taxi.run("green", "2021-01")
    republish(path, edited=1, deleted=100, added=0)
    taxi.run("green", "2021-01")
    old = tmp_path / "home" / "warehouse" / "green_tripdata" / f"2021-01.{first.version}.parquet"
    old.unlink()
    assert taxi.rollback("green", "2021-01").rows == first.rows == count(taxi, "green_tripdata")
    assert taxi.verify("green")[0].ok


def test_pruning_keeps_the_published_version(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 500)
    for _ in range(3):
        taxi.run("green", "2021-01")
        republish(path, edited=1, deleted=1, added=0)
    assert len(taxi.lake_versions("green", "2021-01")) == 3
    taxi.rollback("green", "2021-01")
    assert len(taxi.lake_prune(keep=1, dry_run=True)) == len(taxi.lake_prune(keep=1)) == 4
    assert len(taxi.lake_versions()) == 1
    assert taxi.verify("green")[0].ok
    assert taxi.lake_prune(keep=1) == []


def test_the_two_editions_of_a_month_replace_each_other_and_never_mix(
    source: Path, taxi: Pipeline, tmp_path: Path
) -> None:
    write_month(source, "green", Month(2020, 4), 800)
    write_month(source, "green", Month(2020, 4), 300, format=FileFormat.CSV_GZ)
    assert taxi.run("green", "2020-04").rows == 800
    with Pipeline(home=tmp_path / "home", source=source, format="csv") as other:
        assert other.run("green", "2020-04").rows == 300
        assert count(other, "green_tripdata") == 300


def test_threads_and_pipelines_at_once_on_one_month_load_it_once(source: Path, tmp_path: Path) -> None:
    write_month(source, "green", JANUARY, 20_000)

    def go(_: int) -> RunAction:
        with Pipeline(home=tmp_path / "home", source=source) as taxi:
            return taxi.run("green", "2021-01").action

    with ThreadPoolExecutor(4) as pool:
        actions = sorted(pool.map(go, range(4)))
    assert actions == ["loaded", "unchanged", "unchanged", "unchanged"]


def test_a_backfill_goes_on_past_a_broken_month_and_the_next_one_mends_it(
    source: Path, taxi: Pipeline, tmp_path: Path
) -> None:
    for month in range(1, 6):
        write_month(source, "green", Month(2021, month), 400)
    broken = source / "green_tripdata_2021-03.parquet"
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-100])
    seen: list[str] = []
    outcomes = taxi.backfill(
        "green", "2021-01", "2021-05", parallel=3, on_outcome=lambda o: seen.append(str(o.planned.month))
    )
    assert [outcome.receipt is not None for outcome in outcomes] == [True, True, False, True, True]
    assert outcomes[2].error is not None
    assert outcomes[2].error.code == "source-corrupt"
    assert sorted(seen) == [f"2021-0{month}" for month in range(1, 6)]
    assert litter(tmp_path / "home") == []
    broken.write_bytes(whole)
    actions = [line.action for line in taxi.plan("green", "2021-01", "2021-05")]
    assert actions == ["skip", "skip", "load", "skip", "skip"]
    again = taxi.backfill("green", "2021-01", "2021-05")
    assert [outcome.receipt.action for outcome in again if outcome.receipt] == [
        "unchanged",
        "unchanged",
        "loaded",
        "unchanged",
        "unchanged",
    ]


def test_a_month_that_is_not_published_waits_and_has_not_failed(source: Path, taxi: Pipeline) -> None:
    write_month(source, "green", JANUARY, 100)
    lines = taxi.plan("green", "2021-01", "2021-02")
    assert [line.action for line in lines] == ["load", "wait"]
    assert "old enough" in lines[1].reason
    outcomes = taxi.backfill("green", "2021-01", "2021-02")
    assert (outcomes[1].receipt, outcomes[1].error) == (None, None)
    assert outcomes[1].to_dict()["action"] == "wait"
    with pytest.raises(SourceMissing, match=r"is not published at .*; the latest published is 2021-01"):
        taxi.run("green", "2021-02")
    assert [cell.state for cell in taxi.status()] == ["loaded"]


def test_a_corrupt_republication_leaves_the_old_month_in_place(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    path = write_month(source, "green", JANUARY, 1_000)
    taxi.run("green", "2021-01")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 0xFF
    table = pq.read_table(path)
    for damage in (whole[:-1], b"", b"<!DOCTYPE html><html>", bytes(flipped)):
        path.write_bytes(damage)
        with pytest.raises(PipelineError) as raised:
            taxi.run("green", "2021-01")
        assert raised.value.code == "source-corrupt", damage[:20]
        assert count(taxi, "green_tripdata") == 1_000
        assert litter(tmp_path / "home") == []
    pq.write_table(table.set_column(9, "fare_amount", [["eight"] * 1_000]), path)
    with pytest.raises(PipelineError, match="'eight' is not a number"):
        taxi.run("green", "2021-01")
    pq.write_table(table.slice(0, 0), path)
    with pytest.raises(PipelineError, match="not_empty"):
        taxi.run("green", "2021-01")
    assert count(taxi, "green_tripdata") == 1_000
    assert taxi.status()[0].error is not None
    assert taxi.verify("green")[0].ok
    path.write_bytes(whole)
    taxi.run("green", "2021-01")
    assert taxi.status()[0].error is None


def test_verify_finds_a_table_that_was_tampered_with(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    write_month(source, "green", JANUARY, 1_000)
    version = taxi.run("green", "2021-01").version
    file = tmp_path / "home" / "warehouse" / "green_tripdata" / f"2021-01.{version}.parquet"
    table = pq.read_table(file)
    fares = table["fare_amount"].to_pylist()
    fares[41] += 1
    pq.write_table(
        table.set_column(table.schema.get_field_index("fare_amount"), "fare_amount", [fares]).slice(0, 999), file
    )
    result = taxi.verify("green")[0]
    assert (result.ok, result.rows_source, result.rows_target, result.differing_rows) == (False, 1_000, 999, 2)
    assert [difference.source_row for difference in result.differences] == [42, 1_000]
    assert taxi.run("green", "2021-01", force=True).action is RunAction.RELOADED
    assert taxi.verify("green")[0].ok


def test_a_lost_metadata_database_is_made_good_by_the_next_run(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    write_month(source, "green", JANUARY, 500)
    taxi.run("green", "2021-01")
    taxi.close()
    (tmp_path / "home" / "metadata.db").unlink()
    assert not all(finding.ok for finding in taxi.doctor())
    receipt = taxi.run("green", "2021-01")
    assert (receipt.action, receipt.added, receipt.removed) == (RunAction.RELOADED, 0, 0)
    assert taxi.verify("green")[0].ok


def test_zones_are_one_partition(source: Path, taxi: Pipeline) -> None:
    write_zones(source)
    assert taxi.run("zones").rows == 265
    assert taxi.run("zones").action is RunAction.UNCHANGED
    assert taxi.query("select count(distinct LocationID) n from taxi_zones")["n"].tolist() == [265]


def test_what_is_not_loaded_says_how_to_load_it(taxi: Pipeline) -> None:
    for call in (
        lambda: taxi.verify("green"),
        lambda: taxi.verify("green", ["2021-01"]),
        lambda: taxi.rollback("green", "2021-01"),
    ):
        with pytest.raises(NotLoaded, match="run: taxi run green"):
            call()


def test_a_failed_check_keeps_the_month_unpublished(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    path = write_month(source, "green", JANUARY, 1_000)
    table = pq.read_table(path)
    pickup = table.schema.get_field_index("lpep_pickup_datetime")
    nulls = pa.nulls(table.num_rows, table.schema.field(pickup).type)
    empty = table.set_column(pickup, table.schema.field(pickup), nulls)
    pq.write_table(empty, path)
    with pytest.raises(PipelineError, match=r"pickup_time_null_share = 1\.0") as raised:
        taxi.run("green", "2021-01")
    assert raised.value.code == "check-failed"
    assert count(taxi, "green_tripdata") == 0
    assert litter(tmp_path / "home") == []


def test_a_damaged_or_lost_lake_file_is_fetched_again(source: Path, taxi: Pipeline) -> None:
    write_month(source, "green", JANUARY, 500)
    taxi.run("green", "2021-01")
    raw = Path(taxi.lake_versions()[0].location)
    for damage in (lambda: raw.write_bytes(raw.read_bytes()[:-1] + b"x"), raw.unlink):
        damage()
        result = taxi.verify("green")[0]
        assert not result.ok
        assert result.unproven is not None
        assert taxi.run("green", "2021-01", force=True).rows == 500
        assert taxi.verify("green")[0].ok


def test_an_unreadable_table_file_is_replaced_by_loading_again(source: Path, taxi: Pipeline, tmp_path: Path) -> None:
    path = write_month(source, "green", JANUARY, 5_000)
    first = taxi.run("green", "2021-01")
    file = tmp_path / "home" / "warehouse" / "green_tripdata" / f"2021-01.{first.version}.parquet"
    file.write_bytes(file.read_bytes()[:20_000])
    assert not all(finding.ok for finding in taxi.doctor())
    again = taxi.run("green", "2021-01", force=True)
    assert (again.added, again.removed) == (0, 0), "counted over the published files"
    assert taxi.verify("green")[0].ok
    republish(path, edited=1, deleted=0, added=0)
    taxi.run("green", "2021-01")
    assert taxi.rollback("green", "2021-01").rows == 5_000


def test_rolling_back_after_a_forced_reload_goes_to_the_content_before(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 500)
    first = taxi.run("green", "2021-01")
    republish(path, edited=0, deleted=100, added=0)
    taxi.run("green", "2021-01")
    taxi.run("green", "2021-01", force=True)
    assert taxi.lake_prune(keep=2) != []
    assert taxi.rollback("green", "2021-01").sha256 == first.sha256


def test_a_file_damaged_on_the_way_is_fetched_anew_under_the_same_mark(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 500)
    whole = path.read_bytes()
    table = pq.read_table(path)
    for column, code in (("fare_amount", "schema-mismatch"), ("lpep_pickup_datetime", "schema-mismatch")):
        renamed = [name.upper()[::-1] if name == column else name for name in table.schema.names]
        pq.write_table(table.rename_columns(renamed), path)
        with pytest.raises(PipelineError) as raised:
            taxi.run("green", "2021-01")
        assert raised.value.code == code
        assert taxi.lake_versions() == []
    path.write_bytes(whole)
    assert taxi.run("green", "2021-01").rows == 500


def test_an_unforeseen_error_is_one_months_failure(
    source: Path, taxi: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in (1, 2, 3):
        write_month(source, "green", Month(2021, month), 300)
    really = publish.load

    def sometimes(res: object, kind: object, partition: Month, *rest: object) -> object:
        if partition == Month(2021, 2):
            raise ZeroDivisionError("nobody thought of this")
        return really(res, kind, partition, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(publish, "load", sometimes)
    outcomes = taxi.backfill("green", "2021-01", "2021-03")
    assert [outcome.receipt is not None for outcome in outcomes] == [True, False, True]
    assert outcomes[1].error is not None
    assert outcomes[1].error.code == "internal"
    assert "ZeroDivisionError: nobody thought of this" in (taxi.status()[1].error or "")


def test_times_beyond_the_year_9999_and_nameless_columns_are_kept(source: Path, taxi: Pipeline) -> None:
    path = write_month(source, "green", JANUARY, 300)
    table = pq.read_table(path)
    place = table.schema.get_field_index("lpep_dropoff_datetime")
    micros = table.column(place).cast(pa.int64()).to_pylist()
    late = pa.array([*micros[:-1], 2**60], pa.int64()).cast(pa.timestamp("us"))
    odd = table.set_column(place, table.schema.field(place), late).append_column("", pa.array([7] * 300))
    pq.write_table(odd, path)
    receipt = taxi.run("green", "2021-01")
    assert receipt.columns_added == (f"column_{odd.num_columns}",)
    assert taxi.verify("green")[0].ok


def test_a_month_that_is_loaded_for_the_first_time_is_shown_as_running(
    source: Path, taxi: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_month(source, "green", JANUARY, 300)
    seen: list[tuple[str, str]] = []
    really = publish.load

    def looking(*arguments: object) -> object:
        seen.extend((str(cell.month), str(cell.state)) for cell in taxi.status())
        return really(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publish, "load", looking)
    taxi.run("green", "2021-01")
    assert seen == [("2021-01", "running")]
    assert [str(cell.state) for cell in taxi.status()] == ["loaded"]
