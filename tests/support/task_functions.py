"""Heavy task types for tests: what their functions do is seen in files, whoever is killed meanwhile."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from taxi_pipelines.domain.records import Level
from taxi_pipelines.task_types import Properties, TaskContext, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY


class Touch(Properties):
    """Notes that it began, works a little, leaves its mark."""

    folder: str = Field(description="Where.")
    name: str = Field(description="Its mark.")
    seconds: float = Field(default=0.0, description="How long it works.")


class Act(Properties):
    """Does one of several things that go wrong."""

    how: str = Field(description="Which.")
    folder: str = Field(default="", description="Where.")


def touch(values: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    it = Touch.model_validate(values)
    folder = Path(it.folder)
    with (folder / "begun").open("a") as file:
        file.write(f"{it.name}\n")
    time.sleep(it.seconds)
    (folder / it.name).touch()
    return {"name": it.name}


def act(values: Mapping[str, Any], context: TaskContext) -> Mapping[str, Any]:
    it = Act.model_validate(values)
    match it.how:
        case "exit":
            os._exit(3)
        case "oom":
            os.kill(os.getpid(), 9)
        case "leave":
            (context.folder / "left").touch()
            os.kill(os.getpid(), 9)
        case "look":
            return {"there": [path.name for path in context.folder.iterdir()]}
        case "sleep":
            context.log(Level.INFO, "sleeping")
            time.sleep(60)
        case "stubborn":
            try:
                time.sleep(60)
            except BaseException:
                time.sleep(60)
        case "grandchild":
            child = subprocess.Popen(["sh", "-c", f"setsid sleep 60 & echo $! > {it.folder}/pid; wait"])
            context.log(Level.INFO, "started")
            child.wait()
        case "raise":
            raise RuntimeError("broken")
        case "talk":
            for number in range(5):
                context.log(Level.INFO, f"line {number}")
                time.sleep(0.05)
            context.metric("rows", 42)
        case "file":
            path = context.folder / "out.txt"
            path.write_text("hello")
            return {"uri": context.keep_file(path)}
    return {"how": it.how}


TOUCH = TypeSpec(name="test.Touch", title="Touches.", properties=Touch, run=f"{__name__}:touch", repeatable=True)
ACT = TypeSpec(name="test.Act", title="Acts.", properties=Act, run=f"{__name__}:act")
TYPES = REGISTRY.extended((TOUCH, ACT))
