"""Refusals of the fake BigQuery in Google's words, where known: as the answer to a call, and as the error of a job.

Reasons and their status codes: https://cloud.google.com/bigquery/docs/error-messages
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.google.errors import GoogleError

STATUS = {
    "accessDenied": 403,
    "backendError": 503,
    "badGateway": 502,
    "billingNotEnabled": 403,
    "bytesBilledLimitExceeded": 400,
    "conditionNotMet": 412,
    "duplicate": 409,
    "internalError": 500,
    "invalid": 400,
    "invalidQuery": 400,
    "jobBackendError": 400,
    "jobInternalError": 400,
    "jobRateLimitExceeded": 400,
    "notFound": 404,
    "notImplemented": 501,
    "quotaExceeded": 403,
    "rateLimitExceeded": 403,
    "resourceInUse": 400,
    "resourcesExceeded": 400,
    "responseTooLarge": 403,
    "stopped": 400,
    "tableUnavailable": 400,
}
"""Reason → HTTP status."""


class BigQueryError(GoogleError):
    """A refusal: of the call, or of the job, whichever is under way. `location` is what it is about: a file, a header.

    `entries`: what a job's `errors` tell, of which the error itself is the first.
    """

    def __init__(
        self, reason: str, message: str, *, location: str | None = None, details: Sequence[BigQueryError] = ()
    ) -> None:
        self.entry = {"reason": reason, "message": message} | ({} if location is None else {"location": location})
        self.entries = [self.entry, *(detail.entry for detail in details)]
        super().__init__(STATUS[reason], **self.entry)


def invalid(message: str, *, location: str | None = None) -> BigQueryError:
    """What was asked for makes no sense or does not fit what is there."""
    return BigQueryError("invalid", message, location=location)


def not_found(what: str, where: str | None = None) -> BigQueryError:
    """`what`: "Dataset p:d", "Table p:d.t". `where`: the location it was looked for in."""
    return BigQueryError("notFound", f"Not found: {what}" + (f" was not found in location {where}" if where else ""))


def already_exists(what: str) -> BigQueryError:
    """`what`: "Table p:d.t", "Job p:US.id"."""
    return BigQueryError("duplicate", f"Already Exists: {what}")


def not_modelled(what: str) -> BigQueryError:
    """Google may well do it; this fake does not."""
    return BigQueryError("notImplemented", f"the fake BigQuery does not model {what}")


@contextmanager
def own_faults_told() -> Iterator[None]:
    """A fault of the fake itself is told as 501: at a 500 clients would try again for ten minutes."""
    try:
        yield
    except GoogleError:
        raise
    except Exception as error:
        raise not_modelled("this: " + "".join(traceback.format_exception(error))) from error
