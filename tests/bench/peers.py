"""What people load PostgreSQL with, each as a process of its own, into a table that holds other months already.

Every program gets the server's URL and a ready file of the month as its first arguments. `COURSE` is the Data Engineering
Zoomcamp's flow: its key, its statements, without the container and the JVM around them. `DLT` is dlt at its fastest: Arrow
batches, Parquet, ADBC; the merge needs a key, and the row's number is the only one there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

COURSE_TABLE = "peer_course"
COURSE_STAGING = "peer_course_staging"
DLT_TABLE = "peer_dlt.peer"

PANDAS = """
import sys, pandas, sqlalchemy
engine = sqlalchemy.create_engine(sys.argv[1].replace("postgresql:", "postgresql+psycopg:"))
frame = pandas.read_parquet(sys.argv[2])
for start in range(0, len(frame), 100_000):
    frame.iloc[start : start + 100_000].to_sql("peer_pandas", engine, index=False, if_exists="append")
"""

COURSE = """
import sys, psycopg
url, file, copy, *statements = sys.argv[1:]
with psycopg.connect(url) as connection, open(file, "rb") as rows:
    connection.execute("truncate peer_course_staging")
    with connection.cursor() as cursor, cursor.copy(copy) as into:
        while data := rows.read(1 << 20):
            into.write(data)
    for statement in statements:
        connection.execute(statement)
"""

DLT = """
import sys, dlt, pyarrow as pa, pyarrow.parquet as pq
@dlt.resource(name="peer", primary_key="row", write_disposition="merge")
def month():
    first = 0
    for batch in pq.ParquetFile(sys.argv[2]).iter_batches(100_000):
        yield pa.Table.from_batches([batch]).append_column("row", pa.array(range(first, first + batch.num_rows), pa.int64()))
        first += batch.num_rows
pipeline = dlt.pipeline("peer", pipelines_dir=sys.argv[3], destination=dlt.destinations.postgres(sys.argv[1]), dataset_name="peer_dlt")
pipeline.run(month(), loader_file_format="parquet")
"""

_SQL_TYPES = {"int64": "bigint", "double": "double precision", "string": "text", "timestamp[us]": "timestamp"}
_KEY = (
    "VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID", "fare_amount", "trip_distance",
)  # fmt: skip


def quoted(names: Sequence[str]) -> str:
    """The columns as a list in SQL."""
    return ", ".join(f'"{name}"' for name in names)


def course_tables(schema: pa.Schema) -> str:
    """The course's table and its staging table."""
    columns = ", ".join(f'"{field.name}" {_SQL_TYPES[str(field.type)]}' for field in schema)
    return "; ".join(
        f"CREATE TABLE {name} (unique_row_id text, filename text, {columns})" for name in (COURSE_TABLE, COURSE_STAGING)
    )


def course_statements(names: Sequence[str]) -> list[str]:
    """What the course's flow does with a month: COPY, UPDATE, MERGE."""
    listed = quoted(names)
    key = " || ".join(f"coalesce(cast(\"{name}\" as text), '')" for name in _KEY)
    theirs = ", ".join(f's."{name}"' for name in names)
    copy = f"copy {COURSE_STAGING} ({listed}) from stdin with (format csv, header)"
    update = f"update {COURSE_STAGING} set unique_row_id = md5({key}), filename = 'yellow_tripdata_2021-01.csv'"
    merge = (
        f"merge into {COURSE_TABLE} as t using {COURSE_STAGING} as s on t.unique_row_id = s.unique_row_id when not matched then"
        f" insert (unique_row_id, filename, {listed}) values (s.unique_row_id, s.filename, {theirs})"
    )
    return [copy, update, merge]


def course_others(names: Sequence[str], rows: str) -> str:
    """Fills the table with other months; `rows` is a query for theirs."""
    return (
        f"INSERT INTO {COURSE_TABLE} (unique_row_id, filename, {quoted(names)})"
        f" SELECT md5(number::text || '/' || source_row), 'other', {quoted(names)} FROM ({rows}) AS others"
    )


def dlt_others(theirs: Sequence[str], names: Sequence[str], rows: str) -> str:
    """The same for dlt's table, whose columns `theirs` are named otherwise and stand in the file's order, the key last."""
    return (
        f"TRUNCATE {DLT_TABLE}; INSERT INTO {DLT_TABLE} ({quoted(theirs)})"
        f" SELECT {quoted(names)}, number * 10000000 + source_row FROM ({rows}) AS others"
    )
