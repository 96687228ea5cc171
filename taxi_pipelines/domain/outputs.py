"""How much a task run or an execution may put out: outputs are plain JSON, and are read and written with their task run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MAX_OUTPUTS = 1_000_000
"""Bytes of JSON that the outputs of one task run, or of one execution, may have; what is larger belongs in a file."""


def why_unfit(outputs: Mapping[str, Any]) -> str | None:
    """Why these outputs cannot be kept, in words for the task's error; None where they can."""
    try:
        size = len(json.dumps(outputs))
    except (TypeError, ValueError, RecursionError) as error:
        return f"the outputs are not plain JSON: {error}"
    if size <= MAX_OUTPUTS:
        return None
    largest = max(outputs, key=lambda name: len(json.dumps(outputs[name])))
    return (
        f"the outputs have {size:,} bytes of JSON, {largest!r} the most, and at most {MAX_OUTPUTS:,} are kept; "
        "write it to a file and put out the file"
    )
