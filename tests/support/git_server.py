"""Git repositories made with dulwich, and a smart HTTP server for them on loopback, with a login if wanted."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from dulwich import porcelain
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

_WHO = b"Ada <ada@example.com>"


@dataclass(frozen=True)
class Checkout:
    """A repository with a working folder."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def commit(self, *removed: str, **files: str | bytes) -> str:
        """Writes files (`flows__a` is flows/a.yaml), removes others by path; the commit's name."""
        with closing(Repo(str(self.folder))) as repository:
            for name in removed:
                (self.folder / name).unlink()
            for name, content in files.items():
                path = self.folder / f"{name.replace('__', '/')}.yaml"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            porcelain.add(repository)
            return porcelain.commit(repository, message=b"change", author=_WHO, committer=_WHO, all=True).decode()

    def branch(self, name: str) -> None:
        """Makes a branch here, and goes on in it."""
        with closing(Repo(str(self.folder))) as repository:
            porcelain.branch_create(repository, name)
            porcelain.checkout(repository, name)


def new_checkout(folder: Path) -> Checkout:
    """An empty repository."""
    with closing(Repo.init(str(folder), mkdir=True)):
        return Checkout(folder)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _asking_for(login: str | None, inner: Any) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    expected = None if login is None else f"Basic {base64.b64encode(login.encode()).decode()}"

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if expected and environ.get("HTTP_AUTHORIZATION") != expected:
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="git"'), ("Content-Length", "0")])
            return []
        return inner(environ, start_response)

    return application


@contextmanager
def git_server(checkout: Checkout, login: str | None = None) -> Iterator[str]:
    """Its URL over HTTP, while the block runs."""
    with closing(Repo(str(checkout.folder))) as repository:
        chain = make_wsgi_chain(DictBackend({"/flows.git": repository}))
        with make_server("127.0.0.1", 0, _asking_for(login, chain), handler_class=_Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/flows.git"
            finally:
                server.shutdown()
                thread.join()
