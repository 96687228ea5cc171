from __future__ import annotations

import io
from pathlib import Path

import pytest

from taxi_pipelines.engine.folders import keep_files, put_files
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.files.local import LocalFiles


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "files")


def test_what_was_there_before_is_gone_and_texts_and_stored_files_are_there(files: LocalFiles, tmp_path: Path) -> None:
    files.put("kestra:///a/b.csv", io.BytesIO(b"stored"))
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "left").touch()
    put_files(files, folder, {"a.txt": "text", "deep/b.csv": "kestra:///a/b.csv", "n.json": {"n": 1}})
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {"a.txt": "text", "deep/b.csv": "stored", "n.json": '{"n":1}'}


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/../../b", "", "."])
def test_names_do_not_lead_out_of_the_folder(files: LocalFiles, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name for a file in the working folder"):
        put_files(files, tmp_path / "work", {name: "text"})


def test_a_file_that_is_not_stored_is_named(files: LocalFiles, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="kestra:///none"):
        put_files(files, tmp_path / "work", {"a": "kestra:///none"})


@pytest.mark.parametrize(
    ("glob", "kept"),
    [
        ("*.csv", {"a.csv"}),
        ("**.csv", {"a.csv", "deep/b.csv", "deep/er/c.csv"}),
        ("**/*.csv", {"a.csv", "deep/b.csv", "deep/er/c.csv"}),
        ("deep/**", {"deep/b.csv", "deep/er/c.csv"}),
        ("deep/*", {"deep/b.csv"}),
        ("{a,x}.{csv,txt}", {"a.csv", "x.txt"}),
        ("[!a].txt", {"x.txt"}),
        ("?.csv", {"a.csv"}),
        ("none*", set()),
    ],
)
def test_globs_match_as_javas_do(files: LocalFiles, tmp_path: Path, glob: str, kept: set[str]) -> None:
    folder = tmp_path / "work"
    put_files(files, folder, dict.fromkeys(("a.csv", "x.txt", "deep/b.csv", "deep/er/c.csv"), "x"))
    assert set(keep_files(files, folder, [glob], "place", print)) == kept


def test_links_that_lead_elsewhere_are_not_kept(files: LocalFiles, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    folder = tmp_path / "work"
    put_files(files, folder, {"a": "x"})
    (folder / "link").symlink_to(tmp_path / "outside")
    assert keep_files(files, folder, ["*"], "p/q", print) == {"a": "kestra:///p/q/a"}
    with files.open("kestra:///p/q/a") as kept:
        assert kept.read() == b"x"


def test_what_is_not_there_is_said(files: LocalFiles, tmp_path: Path) -> None:
    put_files(files, tmp_path / "work", {"50%.csv": "x"})
    said: list[str] = []
    assert keep_files(files, tmp_path / "work", ["*.csv", "*.txt"], "p", said.append) == {
        "50%.csv": "kestra:///p/50%25.csv"
    }
    assert said == ["outputFiles: no file is like '*.txt'; there is 50%.csv"]
    with pytest.raises(NotFound, match=r"outputFiles names 'a\.csv', but there is no such file"):
        keep_files(files, tmp_path / "work", ["a.csv"], "p", said.append)
