"""Flows of tasks that touch the world, as text."""

from __future__ import annotations

import json
from typing import Any


def one_task(*tasks: dict[str, Any], **more: Any) -> str:
    """A flow of these tasks; one without an id is `t`."""
    return json.dumps({"id": "f", "namespace": "a.b", "tasks": [{"id": "t", **task} for task in tasks], **more})
