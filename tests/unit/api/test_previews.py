"""The beginning of a file as a table: CSV, Parquet, JSON, text; and what is damaged."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.api.preview_parquet import first_rows
from taxi_pipelines.api.preview_tables import MOST_BYTES, Preview, read_preview
from taxi_pipelines.errors import UsageError
from tests.support.service import Served

FILED = """\
id: looked_into
namespace: demo
inputs: [{id: data, type: FILE}]
tasks: [{id: done, type: log, message: done}]
"""


def read(name: str, content: bytes, rows: int = 3, **more: Any) -> Preview:
    if not name.endswith(".parquet"):
        return read_preview(BytesIO(content), name, rows, **more)
    with TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return first_rows(file, name, rows)


def parquet(rows: int) -> bytes:
    table = pa.table({
        "at": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * rows),
        "n": list(range(rows)),
        "tags": [["a", "b"]] * rows,
        "raw": [b"\x00\xff"] * rows,
    })  # fmt: skip
    return written(table)


def written(table: pa.Table) -> bytes:
    file = BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def test_a_csv_is_a_table_whatever_separates_its_columns() -> None:
    found = read("a.csv", b'day;trips;"a;b"\n1;2\n3;4;5;6\n')
    assert found == Preview(columns=("day", "trips", "a;b"), rows=[["1", "2", None], ["3", "4", "5"]])
    found = read("a.csv", b"\xef\xbb\xbfx,x,\n" + b"1,2,3\n" * 9)
    assert (found.columns, len(found.rows), found.truncated) == (("x", "x (2)", "column 3"), 3, True)
    assert read("a.csv", b"") == Preview(text="")


def test_of_a_long_text_only_the_beginning_is_read() -> None:
    class Endless(BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            self.taken += size
            return (b"1,2\n" * (size // 4 + 1))[:size]

    file = Endless()
    found = read_preview(file, "a.csv", 1_000)
    assert (len(found.rows), found.truncated, file.taken) == (1_000, True, MOST_BYTES + 1)
    found = read_preview(Endless(), "a.txt", 10)
    assert found.text
    assert found.text.endswith("1,2\n")
    assert found.truncated


def test_parquet_is_read_as_far_as_it_is_shown() -> None:
    found = read("a.parquet", parquet(10))
    assert list(found.columns) == ["at", "n", "tags", "raw"]
    assert found.rows[2] == ["2024-01-01 00:00:00+00:00", 2, '["a", "b"]', "(2 bytes)"]
    assert (len(found.rows), found.truncated) == (3, True)
    assert not read("a.parquet", parquet(3)).truncated
    assert math.isnan(read("a.parquet", written(pa.table({"x": [math.nan]}))).rows[0][0])


def test_a_parquet_file_that_stands_for_gigabytes_is_refused() -> None:
    column = pa.DictionaryArray.from_arrays([0] * 1_000, pa.array(["x" * 5_000_000]))
    content = written(pa.table({"s": column}))
    assert len(content) < 10_000
    with pytest.raises(UsageError, match="more memory or time than a look into it may"):
        read("a.parquet", content, rows=1_000)


def test_what_lies_about_itself_ends_no_process_of_ours() -> None:
    content = parquet(100)
    for place in range(len(content) - 400, len(content) - 8, 100):
        try:
            read("a.parquet", content[:place] + b"\xff" * 4 + content[place + 4 :])
        except UsageError as error:
            assert "a.parquet" in str(error)


def test_json_is_a_table_where_it_is_a_list() -> None:
    assert read("a.json", b'[{"a": 1}, {"b": {"c": 2}}]').rows == [[1, None], [None, '{"c": 2}']]
    assert read("a.json", b'{"a": [1]}').text == '{\n  "a": [\n    1\n  ]\n}'
    assert read("a.json", b'{"a": 1}\n{"a": 2}\n').rows == [[1], [2]]
    assert read("a.jsonl", b'{"a": 1}\n"x"\n').rows == [['{"a": 1}'], ["x"]]
    assert read("a.ion", b'{a:"b"}\n').text == '{a:"b"}\n'
    long = read("a.json", b"[" + b'{"a": "xyz"}, ' * 100_000 + b"{}]")
    assert (long.rows, long.truncated) == ([["xyz"]] * 3, True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "Zürich\n".encode("latin-1"), "a.csv is not UTF-8: its byte 1 is 0xfc"),
        ("a.parquet", parquet(3)[:-9], "a.parquet cannot be read as Parquet"),
        ("a.parquet", b"PAR1", "a.parquet cannot be read as Parquet"),
        ("a.json", b'{"a": ', "a.json is not JSON"),
        ("a.jsonl", b'{"a": 1}\noops\n', "line 2 of a.jsonl is not JSON"),
        ("a.bin", b"\x7fELF\0\0", "a.bin is no text"),
        ("a.csv", b'"' + b"x" * 200_000, "a.csv cannot be read as CSV: field larger"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(name: str, content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=r".") as raised:
        read(name, content)
    assert str(raised.value).startswith(said)


def test_another_encoding_can_be_named() -> None:
    assert read("a.txt", "Zürich".encode("latin-1"), encoding="latin-1").text == "Zürich"
    with pytest.raises(UsageError, match="there is no encoding 'klingon'"):
        read("a.txt", b"x", encoding="klingon")
    for name in ("base64", "punycode", "idna"):  # the last two need minutes for a megabyte
        with pytest.raises(UsageError, match=f"there is no encoding '{name}'"):
            read("a.txt", b"x" * MOST_BYTES, encoding=name)
    with pytest.raises(UsageError, match="is not UTF-16: UTF-16 stream does not start with BOM"):
        read("a.txt", b"xy", encoding="utf-16")


def test_halves_of_characters_are_shown_as_such() -> None:
    found = read("a.jsonl", b'{"\\ud800": "\\udc00"}\n')
    assert (found.columns, found.rows) == (("?",), [["?"]])
    assert read("a.json", b'{"a": "\\ud800"}').text == '{\n  "a": "?"\n}'


@pytest.mark.parametrize("depth", range(900, 1_010, 5))
def test_nesting_of_any_depth_is_shown_or_told_in_words(depth: int) -> None:
    for content in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        for name in ("a.json", "a.jsonl"):
            with contextlib.suppress(UsageError):
                read(name, content)


def test_only_files_of_the_execution_are_looked_into(served: Served) -> None:
    served.save(FILED)
    it = served.run("demo/looked_into", files={"data": ("a.csv", b"x,y\n1,2\n3,4\n")})
    path = f"/executions/{it['id']}/file/preview"
    found = served.json("GET", path, params={"path": it["inputs"]["data"], "maxRows": 1})
    assert found == {
        "extension": "csv",
        "type": "LIST",
        "columns": ["x", "y"],
        "content": [{"x": "1", "y": "2"}],
        "truncated": True,
    }
    other = served.run("demo/looked_into", files={"data": ("b.csv", b"z\n")})["inputs"]["data"]
    assert "no file of the execution" in served.json("GET", path, params={"path": other}, status=422)["message"]
    gone = it["inputs"]["data"] + "x"
    assert "there is no file" in served.json("GET", path, params={"path": gone}, status=404)["message"]
