"""The process that runs jq programs and regular expressions for `confined`: a JSON request a line in, a JSON answer a line out.

Run as a script, alone: it imports nothing of the package. It may not open files, its memory is bounded, it has no
environment, and it ends when it is idle or when its parent has gone.
"""

from __future__ import annotations

import functools
import json
import re
import resource
import select
import sys
from collections.abc import Callable

import jq  # type: ignore[import-not-found]  # it has no stubs

MEMORY_BYTES = 768 * 1024**2
IDLE_SECONDS = 60.0
OPEN_FILES = 3

GROUP_REFERENCE = re.compile(r"\\(.)|\$(?:\{(\w+)\}|(\d))", re.DOTALL)


def run_jq(request: dict[str, str]) -> object:
    """Every result of the program, in a list."""
    return _program(request["program"]).input_text(request["value"]).all()


def replace(request: dict[str, str]) -> object:
    """Every match replaced; `$1` and `${name}` in the replacement stand for groups, as in Java."""
    pattern = _compiled(request["pattern"])
    replacement = request["replacement"]

    def expand(match: re.Match[str]) -> str:
        def piece(reference: re.Match[str]) -> str:
            if reference[1] is not None:
                return reference[1]
            return match[reference[2] if reference[2] else int(reference[3])] or ""

        return GROUP_REFERENCE.sub(piece, replacement)

    return pattern.sub(expand, request["text"])


def split(request: dict[str, str]) -> object:
    """The pieces between matches; at most `limit` where that is above 0."""
    pattern, limit = _compiled(request["pattern"]), int(request["limit"])
    text, start = request["text"], 0
    pieces: list[str] = []
    for match in pattern.finditer(text):
        if match.end() == 0 or (match.start() == match.end() == len(text)):
            continue
        if 0 < limit <= len(pieces) + 1:
            break
        pieces.append(text[start : match.start()])
        start = match.end()
    return [*pieces, text[start:]]


_program = functools.lru_cache(maxsize=64)(jq.compile)  # compiling takes 3 ms, running 0.1 ms


def _compiled(pattern: str) -> re.Pattern[str]:
    """Java writes `(?<name>` where Python writes `(?P<name>`."""
    return re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", pattern))


TASKS: dict[str, Callable[[dict[str, str]], object]] = {"jq": run_jq, "replace": replace, "split": split}


def answer(line: str) -> str:
    """To one request: `{"value": …}` or `{"error": …}`."""
    request = json.loads(line)
    try:
        return json.dumps({"value": TASKS[request["task"]](request)})
    except (ValueError, re.error, IndexError, StopIteration) as error:
        return json.dumps({"error": " ".join(str(error).split())[:300]})
    except (MemoryError, RecursionError) as error:
        return json.dumps({"error": f"too much memory or depth: {type(error).__name__}"})


def main() -> None:
    """Answers until the parent closes the pipe, or nothing is asked for a while."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while select.select([source], [], [], IDLE_SECONDS)[0]:
        line = source.readline()
        if not line:
            return
        sink.write(answer(line.decode()).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    main()
