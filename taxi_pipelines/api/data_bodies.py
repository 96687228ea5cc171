"""Bodies of the warehouse's tables and of questions to it, which are ours alone."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from taxi_pipelines.api.bodies import Body, with_example

MOST_ROWS = 10_000
LONGEST_STATEMENT = 100_000

ColumnKind = Literal["number", "time", "boolean", "text", "other"]


class DataColumn(Body):
    """A column of a table. `description` is the TLC's, empty where it has none."""

    model_config = with_example(name="trip_distance", type="DOUBLE", description="Miles by the taximeter.")

    name: str
    type: str
    description: str


class DataTable(Body):
    """A table of the target, as far as months of it are published; `last_loaded` null where none is."""

    model_config = with_example(
        name="green_tripdata",
        title="Green taxi trips",
        months=2,
        firstMonth="2021-01",
        lastMonth="2021-02",
        rows=141089,
        bytes=2712345,
        lastLoaded="2024-03-01T09:00:00Z",
        columns=[{"name": "trip_distance", "type": "DOUBLE", "description": "Miles by the taximeter."}],
    )

    name: str
    title: str
    months: int
    first_month: str | None
    last_month: str | None
    rows: int
    bytes: int
    last_loaded: datetime | None
    columns: list[DataColumn]


class QuestionBody(Body):
    """One statement that reads, in the target's SQL; at most `limit` rows of its result are answered."""

    model_config = with_example(sql="select count(*) as trips from green_tripdata", limit=1000)

    sql: str = Field(min_length=1, max_length=LONGEST_STATEMENT)
    limit: int = Field(1_000, ge=1, le=MOST_ROWS)


class ExportForm(Body):
    """One statement that reads, in the target's SQL."""

    model_config = with_example(sql="select * from green_tripdata where source_month = date '2021-01-01'")

    sql: str = Field(min_length=1, max_length=LONGEST_STATEMENT)


class ResultColumn(Body):
    """A column of a result: its type as Arrow calls it, and what kind of values it has."""

    model_config = with_example(name="trips", type="int64", kind="number")

    name: str
    type: str
    kind: ColumnKind


class ResultBody(Body):
    """A result. Cells are JSON; what JSON has no number for is text: decimals, NaN, infinity, whole numbers beyond 2^53; texts
    longer than 1,000 characters end with …. `truncated`: there is more. `bytes_billed` is null where the target bills nothing."""

    model_config = with_example(
        columns=[{"name": "trips", "type": "int64", "kind": "number"}],
        rows=[[141089]],
        truncated=False,
        seconds=0.31,
        bytesBilled=None,
    )

    columns: list[ResultColumn]
    rows: list[list[JsonValue]]
    truncated: bool
    seconds: float
    bytes_billed: int | None


class PriceBody(Body):
    """What a statement would be billed for; null where the target bills nothing."""

    model_config = with_example(bytes=None)

    bytes: int | None
