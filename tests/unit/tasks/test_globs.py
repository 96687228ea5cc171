"""Globs of output files: what they mean, and what they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.globs import files_below, is_glob, matching

NAMES = ["a.csv", "b.csv", ".hidden.csv", "sub/c.csv", "sub/deep/d.csv", "x{1}.txt", "a+b.txt", "[z].txt"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.csv", ["a.csv"]),
        ("./a.csv", ["a.csv"]),
        ("*.csv", ["a.csv", "b.csv", ".hidden.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("**.csv", ["a.csv", "b.csv", ".hidden.csv", "sub/c.csv", "sub/deep/d.csv"]),
        ("sub/**", ["sub/c.csv", "sub/deep/d.csv"]),
        ("sub/*", ["sub/c.csv"]),
        ("**/d.csv", ["sub/deep/d.csv"]),
        ("**/a.csv", ["a.csv"]),
        ("{a,b}.csv", ["a.csv", "b.csv"]),
        ("[ab].csv", ["a.csv", "b.csv"]),
        ("[!a].csv", ["b.csv"]),
        (r"x\{1\}.txt", ["x{1}.txt"]),
        ("a+b.txt", ["a+b.txt"]),
        (r"\[z].txt", ["[z].txt"]),
        ("a", []),
        ("*", [name for name in NAMES if "/" not in name]),
        ("**", NAMES),
    ],
)
def test_a_glob_means_what_it_means_to_java(pattern: str, found: list[str]) -> None:
    assert matching(NAMES, pattern) == found


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../x", "a/../../b", "{a"])
def test_a_glob_that_leads_out_or_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError):
        matching(NAMES, pattern)


def test_a_name_without_a_wildcard_is_no_glob() -> None:
    assert [is_glob(one) for one in ("a.csv", "sub/a b.csv", "*.csv", "a?", "{a,b}")] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_files_are_found_in_order_and_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".taxi-x").mkdir()
    for name in ("b", "sub/c", ".taxi-x/y"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "out").symlink_to(__file__)
    (tmp_path / "same").symlink_to(tmp_path / "b")
    assert list(files_below(tmp_path)) == ["b", "same", "sub/c"]
