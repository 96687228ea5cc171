"""Months of taxi trips as tasks: extract, load, merge, check, all of it at once, verify, roll back.

What they do is `month_tasks`', which stands above: types know nothing of taxis, they only name what does the work.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from taxi_pipelines.task_types import Properties, TypeSpec

_RUN = "taxi_pipelines.month_tasks:"


class Place(Properties):
    """From where and into what."""

    target: str | None = Field(
        default=None, description="duckdb, postgres or bigquery; the setting `target` where none, or nothing, is given."
    )
    source: str | None = Field(
        default=None, description="URL or folder of the published files; the setting `source` if not given."
    )
    lake: str | None = Field(
        default=None, description="A folder, or gs://BUCKET/PREFIX; the setting `lake` if not given."
    )


class OneMonth(Place):
    """A month of a type of taxi."""

    taxi: str = Field(description="yellow, green, fhv, fhvhv, or zones.")
    month: str | None = Field(default=None, description="The month, as 2024-01; zones have none.")


class ForcedMonth(OneMonth):
    """A month that may be loaded again."""

    force: bool = Field(default=False, description="Whether a month that is unchanged is fetched and loaded again.")


class LoadFile(Place):
    """A file to stage."""

    file: dict[str, Any] = Field(description="What `taxi.extract` put out, as a whole.")


class MergeStaged(Place):
    """A staged version to publish."""

    staged: dict[str, Any] = Field(description="What `taxi.load` put out, as a whole.")


_RECEIPT = "The receipt, as `taxi run --json` prints it."
_PUBLISHED = {
    "receipt": _RECEIPT,
    "action": "loaded, reloaded, unchanged or rolled_back.",
    "rows": "Rows of the month in the table.",
    "added": "Rows added against the version before.",
    "removed": "Rows removed against the version before.",
    "table": "The table.",
}
_CHECKS = {"checks": "Each check: its name, whether it passed, what was measured."}
_EXAMPLE = "taxi: green\nmonth: 2021-01"
_ROWS = {"rows": "Rows of the month in the table."}
_CHANGES = _ROWS | {"added": "Rows added.", "removed": "Rows removed."}

TAXI = (
    TypeSpec(
        name="taxi.extract",
        title="Brings a month's published file into the lake, if the table has not loaded it yet.",
        properties=ForcedMonth,
        outputs={
            "uri": "Where the file lies in the lake; null where an unchanged one is no longer there.",
            "url": "Where it was published.",
            "sha256": "The hash of its content.",
            "bytes": "Its size.",
            "unchanged": "Whether the table has it already: then the tasks after this have nothing to do.",
            "taxi": "The type of taxi.",
            "month": "The month.",
            "at": "When the source was asked.",
            "forced": "Whether it was to be loaded again.",
            "seconds": "What it took.",
        },
        metrics={"bytes": "Bytes fetched."},
        run=f"{_RUN}extract",
        repeatable=True,
        example=f"type: taxi.extract\n{_EXAMPLE}",
    ),
    TypeSpec(
        name="taxi.load",
        title="Cleans a file of the lake into a version that no reader sees yet, and checks it.",
        properties=LoadFile,
        outputs={
            "rows": "Rows staged; null where there was nothing to do.",
            "bytes": "Bytes of the file.",
            "file": "What was given.",
            "staged": "The version, its columns and its checks.",
            "seconds": "What load and check took.",
        },
        metrics={"rows": "Rows staged.", "bytes": "Bytes of the file."},
        run=f"{_RUN}load",
        repeatable=True,
        example='type: taxi.load\nfile: "{{ outputs.extract }}"',
    ),
    TypeSpec(
        name="taxi.merge",
        title="Proves a staged version once more and puts it into the table, in one atomic step, with its receipt.",
        properties=MergeStaged,
        outputs=_PUBLISHED,
        metrics=_CHANGES,
        run=f"{_RUN}merge",
        repeatable=True,
        example='type: taxi.merge\nstaged: "{{ outputs.load }}"',
    ),
    TypeSpec(
        name="taxi.check",
        title="Proves a month in the table against its receipt and the lake.",
        properties=OneMonth,
        outputs={"rows": "Rows of the month in the table.", "receipt": _RECEIPT} | _CHECKS,
        metrics=_ROWS,
        run=f"{_RUN}check",
        repeatable=True,
        example=f"type: taxi.check\n{_EXAMPLE}",
    ),
    TypeSpec(
        name="taxi.month",
        title="Extracts, loads, merges and checks a month in one task.",
        properties=ForcedMonth,
        outputs=_PUBLISHED | _CHECKS,
        metrics=_CHANGES,
        run=f"{_RUN}whole_month",
        repeatable=True,
        example=f"type: taxi.month\n{_EXAMPLE}",
    ),
    TypeSpec(
        name="taxi.verify",
        title="Compares every value of a month in the table with the file in the lake; fails where they differ.",
        properties=OneMonth,
        outputs={
            "rows": "Rows of the month in the table.",
            "differing": "Rows that differ.",
            "differences": "Some of the differences.",
        },
        metrics={"rows": "Rows compared."},
        run=f"{_RUN}verify",
        repeatable=True,
        example=f"type: taxi.verify\n{_EXAMPLE}",
    ),
    TypeSpec(
        name="taxi.rollback",
        title="Puts the version of a month before the published one back.",
        properties=OneMonth,
        outputs=_PUBLISHED,
        metrics=_CHANGES,
        run=f"{_RUN}roll_back",
        example=f"type: taxi.rollback\n{_EXAMPLE}",
    ),
)
"""Every type of task that works on months."""
