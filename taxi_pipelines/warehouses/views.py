"""`warehouse.duckdb`: the views through which clients (DBeaver, notebooks, BI tools) see the published months.

It holds no data and is derived from the catalog: built aside, closed, then renamed into place, so that a client that has
the old one open keeps the old months. The product itself never reads through it, because a client may hold it locked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from taxi_pipelines.disk import writable
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses import statements
from taxi_pipelines.warehouses.catalog import Catalog, Columns
from taxi_pipelines.warehouses.engine import said, translated
from taxi_pipelines.warehouses.folder import WarehouseFolder

_PATHS = re.compile(r"'((?:[^']|'')+\.parquet)'")


def create_views(connection: duckdb.DuckDBPyConnection, folder: WarehouseFolder, catalog: Catalog) -> None:
    """One view per table. A table with a file that cannot be read answers every query with the reason."""
    connection.execute(statements.create_schema())
    for kind in ALL.values():
        groups = _groups(folder, catalog, kind.table)
        try:
            connection.execute(statements.create_view(kind.table, statements.select_published(kind, groups)))
        except duckdb.Error as error:
            reason = f"{kind.table} cannot be read: {said(error)}; run: taxi doctor"
            columns = catalog_columns(kind, catalog)
            connection.execute(statements.create_view(kind.table, statements.select_failure(kind, columns, reason)))


def catalog_columns(kind: TaxiType, catalog: Catalog) -> list[str]:
    """The columns of a table's view."""
    return statements.table_columns(kind, [[name for name, _ in columns] for columns in _schemas(kind, catalog)])


def catalog_types(kind: TaxiType, catalog: Catalog) -> dict[str, str]:
    """The columns of a table's view with their SQL types."""
    schemas = _schemas(kind, catalog)
    names = statements.table_columns(kind, [[name for name, _ in columns] for columns in schemas])
    return statements.column_types(kind, names, [dict(columns) for columns in schemas])


def build_views(folder: WarehouseFolder, catalog: Catalog) -> Path:
    """Builds the catalog's views aside; the finished file. Raises DiskFull, HomeUnwritable."""
    path = folder.next_views(catalog.generation)
    try:
        with closing(duckdb.connect(path)) as connection:
            create_views(connection, folder, catalog)
            for kind in ALL.values():
                for comment in statements.comments(kind, catalog_columns(kind, catalog)):
                    connection.execute(comment)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        remove_views(path)
        raise translated(error, path, f"{path} cannot be built") from error
    except BaseException:
        remove_views(path)
        raise
    return path


def install_views(folder: WarehouseFolder, built: Path) -> None:
    """Renames finished views into place. DuckDB would refuse the new file beside a client's log of changes to the old."""
    with writable(folder.views):
        _log(folder.views).unlink(missing_ok=True)
        built.replace(folder.views)


def remove_views(path: Path) -> None:
    """Takes away a file of views, whole or half-built."""
    path.unlink(missing_ok=True)
    _log(path).unlink(missing_ok=True)


def views_problems(folder: WarehouseFolder, catalog: Catalog) -> Iterator[str]:
    """What is wrong with the file of views; nothing is said while a client holds it locked."""
    if not folder.views.exists():
        if catalog.generation:
            yield f"{folder.views} is missing"
        return
    try:
        shown = _shown_paths(folder.views)
    except (duckdb.IOException, duckdb.ConnectionException) as error:
        if "lock" not in str(error).lower() and "different configuration" not in str(error):
            yield f"{folder.views} cannot be opened: {said(error)}"
        return
    except duckdb.Error as error:
        yield f"{folder.views} cannot be opened: {said(error)}"
        return
    published = {
        path for kind in ALL.values() for group in _groups(folder, catalog, kind.table) for path in group.paths
    }
    if shown != published:
        moved = {Path(path).name for path in shown} == {Path(path).name for path in published}
        yield f"{folder.views} shows " + ("files of another folder" if moved else "other months than are published")


def _schemas(kind: TaxiType, catalog: Catalog) -> list[Columns]:
    used = {entry.schema for entry in catalog.of_table(kind.table).values()}
    return [columns for mark, columns in catalog.schemas.items() if mark in used]


def _groups(folder: WarehouseFolder, catalog: Catalog, table: str) -> list[statements.FileGroup]:
    entries = catalog.of_table(table)
    groups = []
    for mark, columns in catalog.schemas.items():
        paths = tuple(
            str(folder.final(table, partition, entry.version))
            for partition, entry in entries.items()
            if entry.schema == mark
        )
        if paths:
            groups.append(statements.FileGroup(columns=dict(columns), paths=paths))
    return groups


def _shown_paths(path: Path) -> set[str]:
    with closing(duckdb.connect(path, read_only=True)) as connection:
        texts = connection.execute(
            "SELECT sql FROM duckdb_views() WHERE schema_name = ?", [statements.SCHEMA]
        ).fetchall()
    return {found.replace("''", "'") for (text,) in texts for found in _PATHS.findall(text)}


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
