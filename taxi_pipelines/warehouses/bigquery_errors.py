"""What BigQuery says, in our words: refused calls, and jobs that failed. The only file that knows its reasons.

Reasons: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from taxi_pipelines.errors import (
    PipelineError,
    QueryFailed,
    SchemaMismatch,
    WarehouseRefused,
    WarehouseUnavailable,
)
from taxi_pipelines.gcp import errors as gcp
from taxi_pipelines.warehouses.bigquery_names import KINDS

DRIVER_ERRORS = (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException)
"""Everything the client raises."""

RETRYABLE = frozenset(
    {
        "rateLimitExceeded",
        "backendError",
        "internalError",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
    }
)
"""Of a job: it may be tried again."""

_PLACE = re.compile(r"\[(\d+):(\d+)\]")
_TOO_DEAR = "bytesBilledLimitExceeded"
_SETUP = "run: taxi gcp setup"
_QUOTAS = "see https://cloud.google.com/bigquery/quotas, wait, or ask for more"
_LOOK = "the file in the lake does not fit the table: look at that column"
_MAXIMUM = "raise maximum_bytes_billed, or read less: name columns, and source_month in WHERE"


def reason_of(error: BaseException) -> str:
    """The reason Google gives for a refused call; empty where it gives none."""
    found = next((item for item in getattr(error, "errors", ()) if isinstance(item, dict)), {})
    return str(found.get("reason", ""))


def worth_repeating(error: BaseException) -> bool:
    """Whether the same call may succeed a little later. The client takes a reason it does not know for a server's error."""
    reason = reason_of(error)
    return reason != _TOO_DEAR and (reason in RETRYABLE or gcp.is_transient(error))


def translated(error: Exception, place: str) -> PipelineError:
    """The error to raise where a call about a thing of that name was refused."""
    reason = reason_of(error)
    if worth_repeating(error):
        said = gcp.api_message(error) if isinstance(error, api.GoogleAPICallError) else " ".join(str(error).split())
        return WarehouseUnavailable(f"{place}: BigQuery cannot be reached, or is too busy ({said})", "run again")
    if not isinstance(error, api.GoogleAPICallError):
        return gcp.translated(error, WarehouseRefused, place)
    said = gcp.api_message(error)
    if isinstance(error, api.NotFound):
        return _not_found(said, place)
    if reason == "quotaExceeded":
        return WarehouseRefused(f"{place}: a quota is used up ({said})", _QUOTAS)
    if reason == _TOO_DEAR:
        return QueryFailed(said, _MAXIMUM)
    if permission := gcp.denied_permission(error):
        return WarehouseRefused(f"{place}: {said}", f"ask for a role with {permission}; taxi doctor names it")
    return gcp.translated(error, WarehouseRefused, place)


def _not_found(said: str, place: str) -> PipelineError:
    if "location" in said:
        return WarehouseRefused(f"{place}: {said}", f"set location to where the dataset is, or {_SETUP}")
    return WarehouseRefused(f"{place}: {said}", _SETUP)


@contextmanager
def bigquery_errors(place: str) -> Iterator[None]:
    """Translates whatever the client raises while something is done to the thing of that name."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translated(error, place) from error


def job_error(place: str, errors: Sequence[Mapping[str, Any]], refused: type[PipelineError]) -> PipelineError:
    """The error to raise for a failed job, given its errors, the one of the job as a whole first.

    `refused`: what it is where the job itself, and not the service, was at fault. Of bad rows the first is told, with file and
    column: the job's own error says no more than that there are some.
    """
    reason = str(errors[0].get("reason", ""))
    told = next((error for error in errors[1:] if error.get("location")), errors[0])
    said = " ".join(str(told.get("message", reason)).split())
    if told.get("location") and str(told["location"]) not in said:
        said = f"{told['location']}: {said}"
    if reason in RETRYABLE:
        return WarehouseUnavailable(f"{place}: the job failed more often than we retry ({said})", "run again")
    if reason == "stopped":
        return WarehouseUnavailable(f"{place}: the job was cancelled ({said})", "run again")
    if reason == "quotaExceeded":
        return WarehouseRefused(f"{place}: a quota is used up ({said})", _QUOTAS)
    if reason == _TOO_DEAR:
        return QueryFailed(said, _MAXIMUM)
    if reason == "notFound":
        return _not_found(said, place)
    if reason in ("accessDenied", "billingNotEnabled"):
        return WarehouseRefused(f"{place}: {said}", "run: taxi doctor --target bigquery, which says what is lacking")
    return refused(f"{place}: {said}", _LOOK if refused is SchemaMismatch else "run: taxi doctor")


def query_error(error: Exception, place: str) -> PipelineError:
    """The error to raise where a user's statement was refused, or failed."""
    if isinstance(error, api.BadRequest) and reason_of(error) in ("", "invalid", "invalidQuery"):
        said = gcp.api_message(error)
        at = _PLACE.search(said)
        line, column = (int(at[1]), int(at[2])) if at else (None, None)
        return QueryFailed(said, "correct the statement", line=line, column=column)
    if isinstance(error, api.NotFound) and "Table" in gcp.api_message(error):
        return QueryFailed(gcp.api_message(error), f"the tables are {', '.join(sorted(KINDS))}")
    return translated(error, place)
