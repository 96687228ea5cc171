"""`taxi token`: made, listed, revoked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from taxi_pipelines.cli.main import main


def taxi(home: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "token", *arguments])
    shown = capsys.readouterr()
    return int(ended.value.code or 0), shown.out, shown.err


def test_a_token_is_shown_once_and_listed_without_its_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taxi(tmp_path, capsys, "list")[2].startswith("there are no tokens")
    code, out, error = taxi(tmp_path, capsys, "create", "--role", "operator")
    assert (code, out.startswith("taxi_")) == (0, True)
    id, secret = out.strip().split("_", 2)[1:]
    assert f"taxi token revoke {id}" in error
    made = json.loads(taxi(tmp_path, capsys, "create", "--role", "viewer", "--json")[1])
    assert made["token"].startswith(f"taxi_{made['id']}_")
    listed = taxi(tmp_path, capsys, "list")[1]
    assert id in listed and "operator" in listed and secret not in listed
    assert [one["role"] for one in json.loads(taxi(tmp_path, capsys, "list", "--json")[1])] == ["operator", "viewer"]
    assert taxi(tmp_path, capsys, "revoke", id)[0] == 0
    assert taxi(tmp_path, capsys, "revoke", id)[::2] == (
        1, f"error[not-found]: there is no token {id}; `taxi token list` shows them\n",
    )  # fmt: skip


def test_a_role_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, error = taxi(tmp_path, capsys, "create", "--role", "root")
    assert (code, "valid are viewer, operator, admin" in error) == (2, True)
