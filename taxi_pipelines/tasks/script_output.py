"""What a command prints, on its way into the log: lines, what `::{…}::` lines say, and limits on what is kept (S8).

However much is printed, only a bounded part of it is in memory: past the limits it goes to a file, block by block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.tasks.worker_context import WorkerContext

if TYPE_CHECKING:
    from taxi_pipelines.tasks.script_rest import Rest

MOST_LINES = 10_000
"""Lines of each stream that are shown in the log."""
MOST_BYTES = 4 << 20
"""Bytes of each stream that are shown in the log."""
LONGEST_LINE = 64 << 10
"""Bytes; a longer line is shown as several."""
LONGEST_REPORT = 16 << 20
"""Bytes that a `::{…}::` line may have, and all outputs together."""

_MARK = b"::{"
_REPORT = re.compile(rb"::(\{.*\})::", re.DOTALL)
_MASK = b"******"
_LEVELS = {"WARNING": Level.WARN, "CRITICAL": Level.ERROR, **{str(level): level for level in Level}}


class Reports:
    """What `::{…}::` lines say: outputs, metrics and log lines. The `kestra` package of Python prints such lines."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._bytes = 0
        self.outputs: dict[str, Any] = {}

    def take(self, line: bytes) -> bool:
        """Whether it was such a line. Raises PermanentError where all outputs together are too large."""
        match = _REPORT.fullmatch(line)
        if match is None:
            return False
        try:
            said = json.loads(match[1], parse_constant=_no_number)
            self._take(said)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            shown = line[:200].decode("utf-8", "replace")
            self._context.log(Level.WARN, f"this line says nothing one can keep ({error}): {shown}")
            return True
        if "outputs" in said:
            self._bytes += len(line)
            if self._bytes > LONGEST_REPORT:
                raise PermanentError(
                    f"the outputs are larger than {LONGEST_REPORT:,} bytes",
                    "write them to a file, name it in outputFiles",
                )
        return True

    def _take(self, said: Mapping[str, Any]) -> None:
        self.outputs |= dict(said.get("outputs") or {})
        for metric in said.get("metrics") or ():
            tags = {str(name): plain_text(value) for name, value in (metric.get("tags") or {}).items()}
            kind = str(metric.get("type") or "counter")
            self._context.metric(str(metric["name"]), float(metric["value"]), type=kind, tags=tags)
        for line in said.get("logs") or ():
            self._context.log(_LEVELS.get(str(line.get("level")), Level.INFO), _text(plain_text(line.get("message"))))


class Printed:
    """One of a command's two streams. `rest` is the file for what exceeds the limits."""

    def __init__(self, context: WorkerContext, reports: Reports, level: Level, rest: Path) -> None:
        self._context = context
        self._reports = reports
        self._secrets = [secret.encode() for secret in context.secrets]
        self._level = level
        self._place = rest
        self._rest: Rest | None = None
        self._pending = b""
        self._shown_lines = 0
        self._shown_bytes = 0
        self.lines = 0

    def feed(self, data: bytes) -> None:
        """Takes what was printed, in pieces of any size. Raises DiskFull."""
        pending = self._pending + data if self._pending else data
        cut = max(pending.rfind(b"\n"), -1 if self._rest else pending.rfind(b"\r", 0, -1)) + 1
        if not cut:
            longest = LONGEST_REPORT if pending.startswith(_MARK) else LONGEST_LINE
            cut = len(pending) if len(pending) > longest else 0
        self._pending = pending[cut:]
        self._take(pending, cut)

    def close(self) -> None:
        """Takes a last line without an end, and stores what the log does not show."""
        self._take(self._pending, len(self._pending))
        self._pending = b""
        if self._rest is None:
            return
        self._rest.close()
        uri = self._context.keep_file(self._rest.path)
        said = f"the rest of {self._place.stem}, {self._rest.size:,} bytes, is in {uri}; read it with zstd -dc"
        self._rest = None
        self._context.log(Level.WARN, said)

    def _take(self, block: bytes, end: int) -> None:
        """Takes the block up to there."""
        if self._rest is not None:
            self._put_away(self._rest, block, end)
            return
        place = 0
        for line in block[:end].splitlines(keepends=True):
            if self._shown_lines >= MOST_LINES or self._shown_bytes >= MOST_BYTES:
                self._rest = self._open_rest()
                self._put_away(self._rest, block[place:end], end - place)
                return
            place += len(line)
            self._show(line.rstrip(b"\r\n"))

    def _show(self, line: bytes) -> None:
        if line.startswith(_MARK) and self._reports.take(line):
            return
        self.lines += 1
        for start in range(0, len(line) or 1, LONGEST_LINE):
            piece = line[start : start + LONGEST_LINE]
            self._context.log(self._level, _text(piece.decode("utf-8", "replace")))
            self._shown_lines += 1
            self._shown_bytes += len(piece)

    def _open_rest(self) -> Rest:
        shown = f"{self._shown_lines:,} lines, {self._shown_bytes:,} bytes"
        self._context.log(Level.WARN, f"{self._place.stem}: {shown} are shown here; what follows goes to a file")
        module = import_module("taxi_pipelines.tasks.script_rest")
        rest: Rest = module.Rest(self._place.with_name(self._place.name + module.ENDING))
        return rest

    def _put_away(self, rest: Rest, block: bytes, end: int) -> None:
        """The quick way: no line is looked at by itself, unless there may be a report among them."""
        part: bytes | memoryview = memoryview(block)[:end]
        if block.find(b"{", 0, end) >= 0 and block.find(_MARK, 0, end) >= 0:
            lines = block[:end].splitlines(keepends=True)
            kept = [line for line in lines if not self._reports.take(line.rstrip(b"\r\n"))]
            part = b"".join(kept)
            self.lines += len(kept)
        else:
            self.lines += block.count(b"\n", 0, end)
        for secret in self._secrets:
            if secret in block:
                part = bytes(part).replace(secret, _MASK)
        rest.write(part)


def _text(text: str) -> str:
    """NUL is what a database's text cannot hold."""
    return text.replace("\0", "␀")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")
