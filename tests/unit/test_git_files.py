"""Reading the files of repositories, over file:// and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from taxi_pipelines.errors import GitRefused, GitUnavailable
from taxi_pipelines.git_files import GitPlace, newest_commit, read_files
from tests.support.git_server import Checkout, git_server, new_checkout

ENDINGS = (".yaml", ".yml")
Publish = Callable[[Checkout], str]


@pytest.fixture(params=["file", "http"])
def publish(request: pytest.FixtureRequest) -> Iterator[Publish]:
    """Gives a repository a URL."""
    with ExitStack() as stack:
        yield lambda checkout: checkout.url if request.param == "file" else stack.enter_context(git_server(checkout))


def test_the_files_of_a_folder_are_those_of_the_newest_commit(tmp_path: Path, publish: Publish) -> None:
    checkout = new_checkout(tmp_path / "repo with space")
    checkout.commit(flows__a="old", flows__deep__b="b", other__c="c", d="d")
    (checkout.folder / "flows" / "README.md").write_text("no flow")
    (checkout.folder / "flows" / "link.yaml").symlink_to("a.yaml")
    place = GitPlace(url=publish(checkout))
    newest = checkout.commit(flows__a="new – ü")
    assert newest_commit(place) == newest
    found = read_files(place, "flows", ENDINGS)
    assert found.commit == newest
    assert found.files == {"flows/a.yaml": "new – ü".encode(), "flows/deep/b.yaml": b"b"}
    everything = ["d.yaml", "flows/a.yaml", "flows/deep/b.yaml", "other/c.yaml"]
    assert sorted(read_files(place, ".", ENDINGS).files) == everything
    assert list(read_files(place, "flows/deep", ENDINGS).files) == ["flows/deep/b.yaml"]
    with pytest.raises(GitRefused, match=r"has no folder flows/a.yaml; see the setting flows_git_folder"):
        read_files(place, "flows/a.yaml", ENDINGS)


def test_a_branch_is_named_or_the_one_the_server_names(tmp_path: Path, publish: Publish) -> None:
    checkout = new_checkout(tmp_path / "repo")
    place = publish(checkout)
    with pytest.raises(GitRefused, match="is empty"):
        newest_commit(GitPlace(url=place))
    checkout.commit(flows__a="main")
    checkout.branch("live")
    checkout.commit(flows__a="live")
    assert read_files(GitPlace(url=place, branch="live"), "flows", ENDINGS).files.popitem()[1] == b"live"
    assert read_files(GitPlace(url=place, branch="master"), "flows", ENDINGS).files.popitem()[1] == b"main"
    with pytest.raises(GitRefused, match="has no branch 'lvie'; it has live, master"):
        newest_commit(GitPlace(url=place, branch="lvie"))


def test_a_login_is_given_and_never_shown(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path / "repo")
    commit = checkout.commit(flows__a="text")
    with git_server(checkout, login="ada:s3cr3t") as url:
        assert newest_commit(GitPlace(url=url, login="ada:s3cr3t")) == commit
        with pytest.raises(GitRefused, match="lets nobody in without a login; keep USER:PASSWORD as a secret"):
            newest_commit(GitPlace(url=url))
        with pytest.raises(GitRefused, match="does not take the login") as refused:
            read_files(GitPlace(url=url, login="ada:wr0ng"), "flows", ENDINGS)
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(GitUnavailable, match="does not answer"):
        newest_commit(GitPlace(url=url, login="ada:s3cr3t"))


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    checkout = new_checkout(tmp_path / "repo")
    for url in ((tmp_path / "nothing").as_uri(), tmp_path.as_uri()):
        with pytest.raises(GitRefused, match="there is no Git repository at"):
            newest_commit(GitPlace(url=url))
    with git_server(checkout) as url, pytest.raises((GitRefused, GitUnavailable)):
        newest_commit(GitPlace(url=url.replace("flows.git", "other.git")))
