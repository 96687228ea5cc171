"""Files of executions in a folder."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.files.local import LocalFiles

URI = "kestra:///a/f/executions/x/out.csv"


def test_a_file_is_kept_read_and_deleted(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    assert files.size(URI) is None
    assert files.put(URI, io.BytesIO(b"abc")) == 3
    assert files.size(URI) == 3
    with files.open(URI) as file:
        assert file.read() == b"abc"
    assert files.delete("kestra:///a/f/executions/x") == 1
    with pytest.raises(NotFound, match=r"there is no file kestra:///a/f/executions/x/out\.csv"):
        files.open(URI)


def test_a_write_that_breaks_leaves_what_was_there(tmp_path: Path) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError("broken")

    files = LocalFiles(tmp_path)
    files.put(URI, io.BytesIO(b"old"))
    with pytest.raises(OSError, match="broken"):
        files.put(URI, Broken())  # type: ignore[arg-type]
    with files.open(URI) as file:
        assert file.read() == b"old"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["out.csv"]


@pytest.mark.parametrize(
    "uri",
    [
        "kestra:///../etc/passwd",
        "kestra:///a/%2e%2e/%2e%2e/b",
        "/etc/passwd",
        "file:///etc/passwd",
        "kestra:///",
        "s3://a/b",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match="is not the URI of a stored file"):
        LocalFiles(tmp_path).open(uri)
