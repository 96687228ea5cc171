"""Messages to Slack, mail, Teams and a hundred other places, through apprise: the one module that imports it.

Apprise's URLs hold passwords and tokens: of what it says about a failure, nothing that stands in the URL is passed on.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote

import apprise

from taxi_pipelines.errors import AlertUndelivered

PLACES = "https://appriseit.com/services/"
"""The list of places, with their URLs."""

_SECRET_PIECE = re.compile(r"[^/?&=:@#,+ ]{4,}")
_ASSET = apprise.AppriseAsset(app_id="taxi-pipelines", app_desc="taxi-pipelines", async_mode=False)


def send(url: str, title: str, body: str) -> None:
    """Sends plain text there, and waits until it is taken. Raises AlertUndelivered."""
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
        place = apprise.Apprise(asset=_ASSET)
        if not place.add(url.strip()):
            raise AlertUndelivered("its URL is none that apprise knows", f"see {PLACES}")
        try:
            sent = place.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        except Exception as error:  # its plugins raise what they like
            raise AlertUndelivered(f"it was not taken: {_hidden(repr(error), url)}") from error
        lines = said.getvalue().strip().splitlines()
    if not sent:
        raise AlertUndelivered(f"it was not taken: {_hidden(lines[-1], url)}" if lines else "it was not taken")


def _hidden(said: str, url: str) -> str:
    for piece in sorted({*_SECRET_PIECE.findall(url), *_SECRET_PIECE.findall(unquote(url))}, key=len, reverse=True):
        said = said.replace(piece, "***")
    return said.rstrip(".")
