"""Real `taxi` processes in a folder with a `taxi.toml` and a source of made-up months, and what they loaded against that source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

ROWS = 300


@dataclass(frozen=True)
class Taxi:
    """Runs `taxi` in a folder whose `source` has the published files. TAXI_ variables of the tests' own environment do not count."""

    folder: Path
    env: dict[str, str]

    @property
    def source(self) -> Path:
        return self.folder / "source"

    def configure(self, **settings: object) -> None:
        """Writes `taxi.toml`."""
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in {"source": "source", **settings}.items()]
        (self.folder / "taxi.toml").write_text("".join(lines))

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TAXI_")}
        done = subprocess.run(
            [sys.executable, "-m", "taxi_pipelines", *arguments],
            capture_output=True,
            text=True,
            env=inherited | {"TAXI_HOME": str(self.folder / "home"), "COLUMNS": "100"} | self.env,
            cwd=self.folder,
            timeout=600,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def differing_rows(self, table: str, month: str) -> int:
        """Rows of the source's file that the table lacks at that address, and the other way round; values, not types, count.

        Raises AssertionError where not even the number of rows or the columns' sums agree."""
        loaded, file = self.folder / "loaded.parquet", self.source / f"{table}_{month}.parquet"
        self("query", f"select * from {table} where source_month = '{month}-01'", "-o", str(loaded))
        with duckdb.connect() as connection:
            published = f"read_parquet('{file}')"
            names = [name for name, *_ in connection.execute(f"describe select * from {published}").fetchall()]
            sums = _sums(connection, published)
            there = ", ".join(f'l."{name}"' for name in names)
            connection.execute(f"create view loaded as select {there} from read_parquet('{loaded}') as l")
            assert _sums(connection, "loaded") == sums
            ours = f"select source_row, {there} from read_parquet('{loaded}') as l"
            theirs = f"select file_row_number + 1, {there} from read_parquet('{file}', file_row_number = true) as l"
            count = f"select count(*) from (({ours}) except all ({theirs}) union all (({theirs}) except all ({ours})))"
            ((differing,),) = connection.execute(count).fetchall()
        return int(differing)


def _sums(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[Any, ...]:
    """Rows, and of each column how many values there are and their sum; of what is no number, of its length as text."""
    told = "\n".join(
        f""", count("{name}"), sum({_measure(name, kind)})"""
        for name, kind, *_ in connection.execute(f"describe select * from {rows}").fetchall()
    )
    (found,) = connection.execute(f"select count(*) {told} from {rows}").fetchall()
    return tuple(found)


def _measure(name: str, kind: str) -> str:
    if kind in ("DOUBLE", "FLOAT") or "INT" in kind:
        return f'cast("{name}" as decimal(38, 6))'
    return f'epoch_us("{name}")' if kind.startswith("TIMESTAMP") else f'length("{name}")'
