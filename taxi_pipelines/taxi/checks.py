"""Data-quality checks as data: what is measured while a month streams by, and the rules over it.

A rule of severity FAIL keeps the month from being published; one of severity WARN is said in summary and receipt. Trips
that look wrong are never dropped: the published file is the truth, the checks only say what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.domain.receipt import CheckResult, Severity
from taxi_pipelines.taxi import constants
from taxi_pipelines.taxi.schemas import INT
from taxi_pipelines.taxi.types import TaxiType

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Smallest and largest value of a column, and how many are null; None where unknown. Times are microseconds since 1970."""

    low: Any = None
    high: Any = None
    nulls: int | None = None

    def joined(self, other: Bounds) -> Bounds:
        """The bounds of both parts together."""
        lows = [value for value in (self.low, other.low) if value is not None]
        highs = [value for value in (self.high, other.high) if value is not None]
        nulls = None if self.nulls is None or other.nulls is None else self.nulls + other.nulls
        return Bounds(min(lows, default=None), max(highs, default=None), nulls)


class Profile:
    """What is measured of a month while its cleaned batches stream by."""

    def __init__(self, kind: TaxiType, partition: Partition) -> None:
        self.rows = 0
        self.outside_month = 0
        self.backwards = 0
        self.negative_fares = 0
        self.bounds: dict[str, Bounds] = {}
        self._schema = kind.schema
        self._month = partition if isinstance(partition, Month) else None

    def observe(self, batch: pa.RecordBatch) -> None:
        """Adds one batch."""
        self.rows += batch.num_rows
        for name in batch.schema.names[:-3]:
            bounds = _measure(batch.column(name))
            known = self.bounds.get(name)
            self.bounds[name] = known.joined(bounds) if known else bounds
        self._observe_times(batch)
        if self._schema.fare:
            self.negative_fares += _count(pc.less(batch.column(self._schema.fare), constants.whole(0)))

    def _observe_times(self, batch: pa.RecordBatch) -> None:
        if not (self._schema.pickup_time and self._schema.dropoff_time and self._month):
            return
        pickup = batch.column(self._schema.pickup_time)
        start = constants.midnight(self._month.first_day)
        end = constants.midnight(self._month.plus(1).first_day)
        self.outside_month += _count(pc.less(pickup, start)) + _count(pc.greater_equal(pickup, end))
        self.backwards += _count(pc.less(batch.column(self._schema.dropoff_time), pickup))

    def null_share(self, column: str | None) -> float | None:
        """Share of nulls, None where there is no such column or no row."""
        nulls = self.bounds[column].nulls if column in self.bounds else None
        return round(nulls / self.rows, 4) if nulls is not None and self.rows else None


def _measure(column: pa.Array) -> Bounds:
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind)):
        return Bounds(nulls=column.null_count)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us")).cast(
            INT
        )  # a published time may lie beyond what a Python datetime can hold
    ends = pc.min_max(column).as_py()
    return Bounds(ends["min"], ends["max"], column.null_count)


def _count(matches: pa.Array) -> int:
    return matches.true_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that the rules look at. `file_rows` and `published` are the file's own claims, from the Parquet footer."""

    kind: TaxiType
    profile: Profile
    staged_rows: int
    gapless: bool
    file_rows: int | None = None
    published: Mapping[str, Bounds] = field(default_factory=dict)
    neighbour_rows: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One check: what it measures, and whether that passes. A measure of None means: nothing to check here."""

    name: str
    severity: Severity
    measure: Callable[[Facts], Value]
    passes: Callable[[Value], bool]

    def apply(self, facts: Facts) -> CheckResult:
        """The rule's result."""
        value = self.measure(facts)
        passed = value is None or self.passes(value)
        return CheckResult(name=self.name, severity=self.severity, passed=passed, value=value)


def evaluate(facts: Facts) -> tuple[CheckResult, ...]:
    """Every rule's result, in the order they are shown."""
    return tuple(rule.apply(facts) for rule in RULES)


def _rows_against_file(facts: Facts) -> Value:
    expected = facts.profile.rows if facts.file_rows is None else facts.file_rows
    return facts.staged_rows - expected


def _damaged_columns(facts: Facts) -> Value:
    """Columns whose values are not within what the file's own footer says of them: a flipped bit does that."""
    found = facts.profile.bounds
    damaged = [name for name, claim in facts.published.items() if name in found and _contradicts(claim, found[name])]
    return ", ".join(damaged)


def _contradicts(claim: Bounds, found: Bounds) -> bool:
    if claim.nulls is not None and claim.nulls != found.nulls:
        return True
    below = claim.low is not None and found.low is not None and found.low < claim.low
    return below or (claim.high is not None and found.high is not None and found.high > claim.high)


def _range(column: str | None, facts: Facts) -> Value:
    bounds = facts.profile.bounds.get(column or "")
    return None if bounds is None or bounds.low is None else f"{bounds.low} to {bounds.high}"


def _zones(facts: Facts) -> Value:
    return _range(facts.kind.schema.pickup_zone, facts)


def _within(low: float, high: float) -> Callable[[Value], bool]:
    def passes(value: Value) -> bool:
        first, last = str(value).split(" to ")
        return low <= float(first) and float(last) <= high

    return passes


def _size_against_neighbours(facts: Facts) -> Value:
    if not facts.neighbour_rows:
        return None
    return round(facts.profile.rows * len(facts.neighbour_rows) / max(1, sum(facts.neighbour_rows)), 3)


def _monthly(measure: Callable[[Facts], Value]) -> Callable[[Facts], Value]:
    return lambda facts: measure(facts) if facts.kind.schema.pickup_time else None


def _none(value: Value) -> bool:
    return value in (0, "")


def _rule(severity: Severity, name: str, measure: Callable[[Facts], Value], passes: Callable[[Value], bool]) -> Rule:
    return Rule(name=name, severity=severity, measure=measure, passes=passes)


RULES = (
    _rule(Severity.FAIL, "rows_beyond_the_file", _rows_against_file, _none),
    _rule(Severity.FAIL, "addresses_gapless", lambda facts: "yes" if facts.gapless else "no", lambda value: value == "yes"),
    _rule(Severity.FAIL, "not_empty", lambda facts: facts.profile.rows, lambda value: value != 0),
    _rule(Severity.FAIL, "columns_damaged", _damaged_columns, _none),
    _rule(
        Severity.FAIL,
        "pickup_time_null_share",
        lambda facts: facts.profile.null_share(facts.kind.schema.pickup_time),
        lambda value: float(value or 0) <= 0.5,
    ),
    _rule(
        Severity.WARN,
        "pickup_zone_null_share",
        lambda facts: facts.profile.null_share(facts.kind.schema.pickup_zone),
        lambda value: float(value or 0) <= 0.5,
    ),
    _rule(Severity.WARN, "pickup_zone_range", _zones, _within(1, 265)),
    _rule(Severity.WARN, "passenger_count_range", lambda facts: _range("passenger_count", facts), _within(0, 9)),
    _rule(Severity.WARN, "fare_range", lambda facts: _range(facts.kind.schema.fare, facts), _within(-1_000, 10_000)),
    _rule(Severity.WARN, "distance_range", lambda facts: _range("trip_distance", facts), _within(0, 1_000)),
    _rule(Severity.WARN, "pickup_outside_month", _monthly(lambda facts: facts.profile.outside_month), _none),
    _rule(Severity.WARN, "dropoff_before_pickup", _monthly(lambda facts: facts.profile.backwards), _none),
    _rule(
        Severity.WARN,
        "negative_fare_share",
        lambda facts: round(facts.profile.negative_fares / max(1, facts.profile.rows), 4) if facts.kind.schema.fare else None,
        lambda value: float(value or 0) <= 0.05,
    ),
    _rule(Severity.WARN, "rows_against_neighbours", _size_against_neighbours, lambda value: 0.5 <= float(value or 0) <= 2),
)  # fmt: skip
