"""Every error of the product, in one tree.

    PipelineError
    ├── TransientError     may go away by itself: worth another try
    │   ├── SourceUnavailable   StoreBusy   LakeUnavailable   WarehouseUnavailable
    │   ├── GitUnavailable   AlertUndelivered
    └── PermanentError     the same call will fail again until somebody acts
        ├── UsageError ── UnknownType, InvalidMonth
        ├── SourceMissing, SourceCorrupt, SchemaMismatch
        ├── LakeCorrupt, WarehouseCorrupt, StoreCorrupt
        ├── LakeRefused, WarehouseRefused, GitRefused, CredentialsInvalid
        ├── NotFound, CheckFailed, NotLoaded, NoEarlierVersion, QueryFailed, ExpressionFailed, TaskFailed
        └── DiskFull, HomeUnwritable, InternalError

The `code` of a class is stable: scripts and the API rely on it. The text says what happened, to which thing, and
after a semicolon what to do. Driver errors are translated where the driver is called, `raise … from error`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any


class PipelineError(Exception):
    """Root of the tree; `str(error)` is "what happened; what to do"."""

    code = "error"
    exit_code = 1

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}; {hint}" if hint else what)
        self.what = what
        self.hint = hint


class TransientError(PipelineError):
    """May go away by itself."""

    code = "transient"


class PermanentError(PipelineError):
    """Will fail again until somebody acts."""

    code = "permanent"


class SourceUnavailable(TransientError):
    """The source did not answer, or broke off more often than we retry."""

    code = "source-unavailable"


class StoreBusy(TransientError):
    """The metadata database stayed locked longer than we wait."""

    code = "store-busy"


class LakeUnavailable(TransientError):
    """The lake's server does not answer, is too busy, or somebody else wrote at the same moment."""

    code = "lake-unavailable"


class WarehouseUnavailable(TransientError):
    """The warehouse's server does not answer, restarted while we worked, or is too busy."""

    code = "warehouse-unavailable"


class GitUnavailable(TransientError):
    """The server of the flows' Git repository does not answer."""

    code = "git-unavailable"


class AlertUndelivered(TransientError):
    """The place an alert goes to did not take it."""

    code = "alert-undelivered"


class UsageError(PermanentError):
    """The call itself is wrong; nothing was touched."""

    code = "usage"
    exit_code = 2


class UnknownType(UsageError):
    """No such taxi type; names the nearest."""

    code = "unknown-type"

    def __init__(self, given: str, known: Iterable[str]) -> None:
        known = list(known)
        near = get_close_matches(given.lower(), known, n=1)
        valid = ", ".join(known)
        hint = f"did you mean {near[0]!r}? Valid are {valid}" if near else f"valid are {valid}"
        super().__init__(f"unknown taxi type {given!r}", hint)


class InvalidMonth(UsageError):
    """Not a month, or a month before the type's first."""

    code = "invalid-month"


class SourceMissing(PermanentError):
    """The source does not have this month: not published yet, or never."""

    code = "source-missing"


class SourceCorrupt(PermanentError):
    """What the source sent is not a whole file of trips."""

    code = "source-corrupt"


class SchemaMismatch(PermanentError):
    """A published column does not fit the canonical schema."""

    code = "schema-mismatch"


class LakeCorrupt(PermanentError):
    """A file in the lake is no longer what its manifest says."""

    code = "lake-corrupt"


class WarehouseCorrupt(PermanentError):
    """The warehouse's own files are missing or unreadable."""

    code = "warehouse-corrupt"


class LakeRefused(PermanentError):
    """The lake's server does not let us do this: no such bucket, no right, a name taken by somebody else."""

    code = "lake-refused"


class GitRefused(PermanentError):
    """The flows' Git repository is not there, lets nobody in with this login, or has no such branch or folder."""

    code = "git-refused"


class CredentialsInvalid(PermanentError):
    """No credentials for Google Cloud are found, or they cannot be read, or are no longer valid."""

    code = "credentials-invalid"


class WarehouseRefused(PermanentError):
    """The warehouse's server does not let us do this: wrong password, no right, too old."""

    code = "warehouse-refused"


class NotFound(PermanentError):
    """What was named is not there: a flow, an execution, a key, a secret, a file."""

    code = "not-found"


class StoreCorrupt(PermanentError):
    """The metadata database is unreadable, or of a newer version."""

    code = "store-corrupt"


class CheckFailed(PermanentError):
    """A check of severity `fail` did not pass; the old month stays."""

    code = "check-failed"


class NotLoaded(PermanentError):
    """The month is not in the warehouse."""

    code = "not-loaded"


class NoEarlierVersion(PermanentError):
    """There is nothing to roll back to."""

    code = "no-earlier-version"


class QueryFailed(PermanentError):
    """The warehouse refused the SQL; carries the engine's own message, and where in the statement, from 1, if that is known."""

    code = "query-failed"

    def __init__(self, what: str, hint: str = "", *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(what, hint)
        self.line = line
        self.column = column


class ExpressionFailed(PermanentError):
    """A template cannot be compiled or rendered: wrong syntax, an undefined name, or more work than is allowed."""

    code = "expression-failed"

    def __init__(
        self, what: str, hint: str = "", *, expression: str = "", line: int = 0, column: int = 0, name: str = ""
    ) -> None:
        super().__init__(what, hint)
        self.expression = expression
        self.line = line
        self.column = column
        self.name = name


class TaskFailed(PermanentError):
    """A task's command ended with an error, or a server answered it with one; the task keeps the outputs it had until then."""

    code = "task-failed"

    def __init__(self, what: str, hint: str = "", *, outputs: Mapping[str, Any]) -> None:
        super().__init__(what, hint)
        self.outputs = dict(outputs)


class DiskFull(PermanentError):
    """No space left where we write."""

    code = "disk-full"


class HomeUnwritable(PermanentError):
    """The home folder cannot be written."""

    code = "home-unwritable"


class InternalError(PermanentError):
    """A defect of ours: an error nobody foresaw. `--debug` shows where it came from."""

    code = "internal"


NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NO_RIGHT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def from_os_error(error: OSError, place: object) -> PipelineError | None:
    """The error to raise for a failed write at `place`, or None where it is not about space or rights."""
    if error.errno in NO_SPACE or "No space left" in str(error):
        return DiskFull(f"no space left on the disk of {place}", "free some space and run again")
    if error.errno in NO_RIGHT:
        return HomeUnwritable(f"no right to write {place}", "set TAXI_HOME to a folder you may write")
    return None
