"""Statements to begin with: of the tables that are loaded, in the target's own SQL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taxi_pipelines.taxi.types import MONTHLY, ZONES, TaxiType

PREVIEW_ROWS = 20

_MEDIANS = {
    "duckdb": "median({})",
    "postgres": "percentile_cont(0.5) WITHIN GROUP (ORDER BY {})",
    "bigquery": "approx_quantiles({}, 2)[OFFSET(1)]",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A statement, and what it is called."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A table of which something is loaded, from its first to its last month."""

    kind: TaxiType
    first: str
    last: str


def examples(target: str, loaded: Sequence[Loaded]) -> list[Example]:
    """Of the first table with trips; none where there is none."""
    trips = next((it for it in loaded if it.kind.name in MONTHLY), None)
    if trips is None:
        return []
    kind, since, newest = trips.kind, _since(trips.first), _in(trips.last)
    found = [
        Example(
            "Trips per month",
            f"SELECT source_month, count(*) AS trips\nFROM {kind.table}\nWHERE {since}\n{_by('source_month')}",
        )
    ]
    if time := kind.schema.pickup_time:
        hour = f"extract(HOUR FROM {_name(target, time)})"
        found.append(
            Example(
                "Trips by hour",
                f"SELECT {hour} AS hour, count(*) AS trips\nFROM {kind.table}\nWHERE {newest}\n{_by('1')}",
            )
        )
    if fare := kind.schema.fare:
        median = _MEDIANS[target].format(_name(target, fare))
        text = f"SELECT source_month, {median} AS median_fare\nFROM {kind.table}\nWHERE {since}\n{_by('source_month')}"
        found.append(Example("Median fare", text))
    if (zone := kind.schema.pickup_zone) and any(it.kind is ZONES for it in loaded):
        found.append(Example("Top zones", _top_zones(target, trips, zone)))
    return found


def preview(target: str, table: Loaded) -> str:
    """A few rows of a table: of its newest month, so that no other is read."""
    where = f"WHERE {_in(table.last)}\n" if table.kind.name in MONTHLY else ""
    return f"SELECT *\nFROM {table.kind.table}\n{where}LIMIT {PREVIEW_ROWS}"


def _top_zones(target: str, trips: Loaded, zone: str) -> str:
    names = {name: _name(target, name) for name in ("Borough", "Zone", "LocationID", zone)}
    return (
        f"SELECT z.{names['Borough']}, z.{names['Zone']}, count(*) AS trips\n"
        f"FROM {trips.kind.table} AS t\n"
        f"JOIN {ZONES.table} AS z ON z.{names['LocationID']} = t.{names[zone]}\n"
        f"WHERE t.{_in(trips.last)}\n"
        "GROUP BY 1, 2\nORDER BY trips DESC\nLIMIT 20"
    )


def _name(target: str, name: str) -> str:
    """PostgreSQL takes names without quotes for small letters."""
    return f'"{name}"' if target == "postgres" and name != name.lower() else name


def _in(month: str) -> str:
    return f"source_month = DATE '{month}-01'"


def _since(month: str) -> str:
    return f"source_month >= DATE '{month}-01'"


def _by(column: str) -> str:
    return f"GROUP BY {column}\nORDER BY {column}"
