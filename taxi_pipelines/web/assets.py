"""Scripts, icons and the one stylesheet: read at the start, served under the hash of all of them, kept by browsers for good.

The stylesheet is the files of `styles/` one after the other, in the order of their names.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HERE = Path(__file__).parent
STYLESHEET = "app.css"

_FOR_GOOD = "public, max-age=31536000, immutable"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class Assets:
    """An ASGI application for `/static/{version}/{name}`; `url` makes such addresses."""

    def __init__(self) -> None:
        static = HERE / "static"
        self._files = {str(path.relative_to(static)): path.read_bytes() for path in static.rglob("*") if path.is_file()}
        self._files[STYLESHEET] = b"\n".join(path.read_bytes() for path in sorted((HERE / "styles").glob("*.css")))
        digest = hashlib.sha256()
        for name in sorted(self._files):
            digest.update(name.encode() + b"\0" + self._files[name])
        self.version = digest.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError for one that is not there: a defect."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        version, _, name = scope["path"].removeprefix("/static/").partition("/")
        content = self._files.get(name)
        if content is None or scope["method"] not in ("GET", "HEAD"):
            await Response("there is no such file", 404, media_type="text/plain")(scope, receive, send)
            return
        cached = _FOR_GOOD if version == self.version else "no-cache"
        response = Response(content, media_type=_type_of(name), headers={"Cache-Control": cached})
        if Headers(scope=scope).get("if-none-match") == self.version:
            response = Response(status_code=304)
        response.headers["ETag"] = self.version
        await response(scope, receive, send)


def _type_of(name: str) -> str:
    return _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
