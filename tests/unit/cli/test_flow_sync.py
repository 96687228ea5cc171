"""`taxi flow sync`, and what `list` and `show` say of flows from Git."""

from __future__ import annotations

import io
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.cli_flows import FAILING, HELLO
from tests.support.git_server import Checkout, git_server, new_checkout
from tests.unit.cli.conftest import Taxi


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """One with a flow, which taxi.toml names."""
    checkout = new_checkout(tmp_path / "repository")
    checkout.commit(flows__hello=HELLO)
    (tmp_path / "taxi.toml").write_text(f'flows_git = "{checkout.url}"\n')
    return checkout


def test_what_would_change_is_shown_and_then_done(taxi: Taxi, checkout: Checkout) -> None:
    commit = checkout.commit(flows__failing=FAILING)
    dry = taxi("flow", "sync", "--dry-run")
    assert (dry.code, dry.out) == (0, "demo.failing  new\ndemo.hello  new\n")
    assert dry.err == f"commit {commit[:7]}: 2 flows would change\n"
    assert taxi("flow", "list").out == ""
    done = taxi("flow", "sync", "--json")
    assert done.json["commit"] == commit
    assert done.json["changes"][0] == {"namespace": "demo", "id": "failing", "change": "new"}
    assert taxi("flow", "sync").err == f"the flows are those of commit {commit[:7]}\n"
    header, line, *_ = taxi("flow", "list").out.splitlines()
    assert header.split() == ["flow", "revision", "saved", "commit"]
    assert line.split()[-1] == commit[:7]
    assert f" by commit {commit[:7]}" in taxi("flow", "show", "demo.hello").err
    assert taxi("flow", "list", "--json").json[0]["commit"] == commit


def test_a_commit_with_a_wrong_flow_is_refused(taxi: Taxi, checkout: Checkout) -> None:
    commit = checkout.commit(flows__failing=FAILING.replace("forEach", "forEahc"))
    refused = taxi("flow", "sync")
    assert (refused.code, refused.err) == (1, f"commit {commit[:7]} is refused, the flows stay as they are\n")
    assert refused.out.startswith("flows/failing.yaml:5:")
    assert taxi("flow", "sync", "--dry-run", "--json").json["problems"][0]["line"] == 5
    assert taxi("flow", "list").out == ""


def test_the_login_is_a_secret(taxi: Taxi, checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with git_server(checkout, login="ada:s3cr3t") as url:
        (tmp_path / "taxi.toml").write_text(f'flows_git = "{url}"\nflows_git_login = "GIT"\n')
        missing = taxi("flow", "sync")
        assert missing.err == "error[not-found]: no secret 'GIT'; set it with: taxi secret set GIT --namespace system\n"
        monkeypatch.setattr("sys.stdin", io.StringIO("ada:s3cr3t\n"))
        assert taxi("secret", "set", "GIT", "--namespace", "system").code == 0
        assert taxi("flow", "sync").out == "demo.hello  new\n"
        monkeypatch.setenv("SECRET_GIT", b64encode(b"ada:wrong").decode())
        taxi("secret", "delete", "GIT", "--namespace", "system")
        refused = taxi("flow", "sync")
    assert refused.code == 1
    assert refused.err.startswith(f"error[git-refused]: {url} does not take the login; ")


def test_without_a_repository_it_says_what_to_do(taxi: Taxi) -> None:
    result = taxi("flow", "sync")
    assert result.code == 2
    assert 'set one in taxi.toml: flows_git = "https://HOST/PATH"' in result.err
