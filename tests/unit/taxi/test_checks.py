"""Checks measure what is in a month and say which of it matters."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import CheckResult, Severity
from taxi_pipelines.taxi.checks import RULES, Bounds, Facts, Profile, evaluate
from taxi_pipelines.taxi.clean import Cleaner
from taxi_pipelines.taxi.types import FHV, GREEN, TaxiType

JANUARY = Month(2021, 1)


def a_profile(kind: TaxiType = GREEN, **columns: list[object]) -> Profile:
    inside = datetime(2021, 1, 15, 12)
    rows = len(next(iter(columns.values()))) if columns else 2
    values: dict[str, list[object]] = {
        "lpep_pickup_datetime": [inside] * rows,
        "lpep_dropoff_datetime": [inside] * rows,
        "trip_distance": [1.0] * rows,
        "fare_amount": [8.0] * rows,
        "total_amount": [9.0] * rows,
        "PULocationID": [41] * rows,
        "passenger_count": [1] * rows,
    }
    batch = pa.RecordBatch.from_pydict(values | columns)
    profile = Profile(kind, JANUARY)
    profile.observe(Cleaner(kind, JANUARY, "x", batch.schema).clean(batch))
    return profile


def results(profile: Profile, **facts: object) -> dict[str, CheckResult]:
    values: dict[str, object] = {"kind": GREEN, "profile": profile, "staged_rows": profile.rows, "gapless": True}
    return {result.name: result for result in evaluate(Facts(**values | facts))}  # type: ignore[arg-type]


def test_a_plain_month_passes_every_check() -> None:
    found = results(a_profile())
    assert set(found) == {rule.name for rule in RULES}
    assert all(result.passed for result in found.values())


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"staged_rows": 1}, "rows_beyond_the_file"),
        ({"file_rows": 3}, "rows_beyond_the_file"),
        ({"gapless": False}, "addresses_gapless"),
        ({"published": {"fare_amount": Bounds(9.0, 10.0, 0)}}, "columns_damaged"),
        ({"published": {"fare_amount": Bounds(0.0, 10.0, 1)}}, "columns_damaged"),
    ],
)
def test_a_broken_promise_fails_the_month(facts: dict[str, object], name: str) -> None:
    result = results(a_profile(), **facts)[name]
    assert (result.passed, result.severity) == (False, Severity.FAIL)


def test_a_file_without_rows_fails() -> None:
    assert not results(Profile(GREEN, JANUARY))["not_empty"].passed


@pytest.mark.parametrize(
    ("name", "columns", "value"),
    [
        ("pickup_outside_month", {"lpep_pickup_datetime": [datetime(2008, 12, 31), datetime(2021, 2, 1), datetime(2021, 1, 31, 23)]}, 2),
        ("dropoff_before_pickup", {"lpep_dropoff_datetime": [datetime(2021, 1, 1), datetime(2021, 1, 16)]}, 1),
        ("pickup_zone_range", {"PULocationID": [1, 266]}, "1 to 266"),
        ("passenger_count_range", {"passenger_count": [112, 1]}, "1 to 112"),
        ("fare_range", {"fare_amount": [-5000.0, 8.0]}, "-5000.0 to 8.0"),
        ("negative_fare_share", {"fare_amount": [-8.0, 8.0]}, 0.5),
        ("pickup_zone_null_share", {"PULocationID": [None, None]}, 1.0),
    ],
)  # fmt: skip
def test_odd_values_warn_with_what_was_measured(name: str, columns: dict[str, list[object]], value: object) -> None:
    result = results(a_profile(**columns))[name]
    assert (result.passed, result.severity, result.value) == (False, Severity.WARN, value)


@pytest.mark.parametrize(("neighbours", "passed"), [((), True), ((2, 3), True), ((10, 8), False), ((1,), True)])
def test_a_sudden_drop_against_the_neighbouring_months_warns(neighbours: tuple[int, ...], passed: bool) -> None:
    assert results(a_profile(), neighbour_rows=neighbours)["rows_against_neighbours"].passed is passed


def test_bounds_join_over_batches() -> None:
    assert Bounds(1, 5, 2).joined(Bounds(None, None, 3)) == Bounds(1, 5, 5)
    assert Bounds(1, 5, 2).joined(Bounds(0, 9, None)) == Bounds(0, 9, None)


def test_a_type_without_fares_has_no_fare_checks() -> None:
    profile = Profile(FHV, JANUARY)
    found = {r.name: r for r in evaluate(Facts(kind=FHV, profile=profile, staged_rows=0, gapless=True))}
    assert found["fare_range"].value is None
    assert found["fare_range"].passed
