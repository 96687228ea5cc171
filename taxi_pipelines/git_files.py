"""The files of a Git repository, read over https:// or file:// with dulwich: no `git` is needed, and nothing is kept on disk.

Only the newest commit of a branch is fetched, without its history, into a folder that is gone when its files have been read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from stat import S_ISREG
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

from dulwich.client import (
    GitClient,
    HttpGitClient,
    HTTPProxyUnauthorized,
    HTTPUnauthorized,
    LocalGitClient,
    default_urllib3_manager,
)
from dulwich.config import ConfigDict
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo
from urllib3 import Retry, Timeout
from urllib3.exceptions import HTTPError

from taxi_pipelines.domain.flow_change import CommitFiles
from taxi_pipelines.errors import GitRefused, GitUnavailable

TIMEOUT = Timeout(connect=4.0, read=15.0)
"""Seconds without a byte from the server: a service that is to stop waits so long at most."""

_RETRIES = Retry(connect=0, read=0, redirect=5)

LARGEST_FILE = 1 << 20
"""Bytes; larger ones are no flows."""

TREE_MODE = 0o040000


@dataclass(frozen=True, kw_only=True, slots=True)
class GitPlace:
    """A branch of a repository, None for the one its server names; `login` is USER:PASSWORD."""

    url: str
    branch: str | None = None
    login: str | None = None

    @property
    def ref(self) -> bytes:
        """What Git calls the branch."""
        return b"HEAD" if self.branch is None else f"refs/heads/{self.branch}".encode()


def newest_commit(place: GitPlace) -> str:
    """Which commit the branch is at. Raises GitUnavailable and GitRefused."""
    with _asking(place) as (client, path):
        return _commit_of(client.get_refs(path.encode()).refs, place)


def read_files(place: GitPlace, folder: str, endings: tuple[str, ...]) -> CommitFiles:
    """The files below a folder (`.` is all) with these endings, of the newest commit. Raises GitUnavailable and GitRefused."""
    with TemporaryDirectory(prefix="taxi-git-") as scratch, closing(Repo.init_bare(scratch)) as repository:
        with _asking(place) as (client, path):
            wanted: Any = lambda refs, depth=None: [_bytes_of(refs, place)]  # noqa: E731 - its types are dulwich's own
            found = client.fetch(path.encode(), repository, determine_wants=wanted, depth=1)
            commit = _commit_of(found.refs, place)
        its = repository[commit.encode()]
        assert isinstance(its, Commit)
        tree = _folder(repository, its.tree, PurePosixPath(folder), place)
        paths = _walk(repository, tree, PurePosixPath(folder))
        files = {str(path): blob for path, blob in paths if path.suffix.lower() in endings}
    return CommitFiles(commit=commit, files=files)


@contextmanager
def _asking(place: GitPlace) -> Iterator[tuple[GitClient, str]]:
    """A client and the path to ask it for; what goes wrong comes out as ours. Our settings count, not the user's of `git`."""
    try:
        with ExitStack() as stack:
            yield _client(place, stack), unquote(urlsplit(place.url).path)
    except (HTTPUnauthorized, HTTPProxyUnauthorized) as error:
        what = "lets nobody in without a login" if place.login is None else "does not take the login"
        hint = "keep USER:PASSWORD as a secret, and name that in flows_git_login"
        raise GitRefused(f"{place.url} {what}", hint) from error
    except NotGitRepository as error:
        raise GitRefused(f"there is no Git repository at {place.url}", "see the setting flows_git") from error
    except (GitProtocolError, HangupException, HTTPError, OSError) as error:
        raise GitUnavailable(f"{place.url} does not answer: {_said(error)}") from error


def _client(place: GitPlace, stack: ExitStack) -> GitClient:
    config = ConfigDict()
    if place.url.startswith("file://"):
        return LocalGitClient(config=config)
    user, _, password = (place.login or "").partition(":")
    timeout: Any = TIMEOUT
    pool: Any = _Pool(default_urllib3_manager(config, base_url=place.url, timeout=timeout))
    stack.callback(pool.close)
    return HttpGitClient(place.url, config=config, pool_manager=pool, username=user or None, password=password or None)


class _Pool:
    """Connections whose answers are all closed in the end: dulwich leaves those open that it does not like."""

    def __init__(self, manager: Any) -> None:
        self.headers = manager.headers
        self._manager = manager
        self._answers: list[Any] = []

    def request(self, *given: Any, **options: Any) -> Any:
        """As urllib3's."""
        self._answers.append(self._manager.request(*given, retries=_RETRIES, **options))
        return self._answers[-1]

    def close(self) -> None:
        """Lets go of everything."""
        for answer in self._answers:
            answer.close()
        self._manager.clear()


def _said(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split()) or type(error).__name__


def _bytes_of(refs: Mapping[Any, Any], place: GitPlace) -> bytes:
    found = refs.get(place.ref)
    if not found:
        if place.branch is None:
            raise GitRefused(f"{place.url} is empty", "commit something")
        branches = sorted(name.decode().removeprefix("refs/heads/") for name in refs if name.startswith(b"refs/heads/"))
        raise GitRefused(f"{place.url} has no branch {place.branch!r}", f"it has {', '.join(branches) or 'none'}")
    return bytes(found)


def _commit_of(refs: Mapping[Any, Any], place: GitPlace) -> str:
    return _bytes_of(refs, place).decode()


def _folder(repository: Repo, root: Any, folder: PurePosixPath, place: GitPlace) -> Tree:
    """The tree of a folder."""
    tree = repository[root]
    for part in folder.parts:
        assert isinstance(tree, Tree)
        name = part.encode()
        tree = repository[tree[name][1]] if name in tree else Blob()
        if not isinstance(tree, Tree):
            hint = "see the setting flows_git_folder; . is all of the repository"
            raise GitRefused(f"{place.url} has no folder {folder}", hint)
    assert isinstance(tree, Tree)
    return tree


def _walk(repository: Repo, tree: Tree, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Regular files: links and submodules lead elsewhere."""
    for name, mode, sha in tree.items():
        path = at / name.decode("utf-8", "replace")
        if S_ISREG(mode):
            blob = repository[sha]
            assert isinstance(blob, Blob)
            if len(blob.data) <= LARGEST_FILE:
                yield path, blob.data
        elif mode == TREE_MODE:
            inner = repository[sha]
            assert isinstance(inner, Tree)
            yield from _walk(repository, inner, path)
