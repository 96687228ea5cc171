"""What the Google clients raise, in our words: the part that Cloud Storage and BigQuery share.

An adapter asks in this order: `is_transient` → its own Unavailable; `credentials_error` → raise that; then its own refusals,
with `api_message` as the server's words. `google_errors` does so where there is nothing more to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from taxi_pipelines.errors import (
    CredentialsInvalid,
    LakeRefused,
    LakeUnavailable,
    PipelineError,
    WarehouseRefused,
    WarehouseUnavailable,
)

LOGIN = "run: gcloud auth application-default login"
ASK_DOCTOR = "run: taxi doctor --target bigquery, which says what is lacking"
IMPERSONATOR = "roles/iam.serviceAccountTokenCreator"
TRANSIENT_STATUS = frozenset({408, 429, 500, 502, 503, 504})

Refused = type[LakeRefused] | type[WarehouseRefused]

_DISABLED = re.compile(r"has not been used in project|has not enabled BigQuery|SERVICE_DISABLED|accessNotConfigured")
_PERMISSION = re.compile(r"\b(?:bigquery|storage)\.[a-z]+\.[a-zA-Z]+\b")
_FIXES: Mapping[str, tuple[str, str]] = {
    "were not found": (
        "no Google Cloud credentials are found",
        f"{LOGIN}, or name a key file in TAXI_CREDENTIALS",
    ),
    "impersonated credentials": (
        "the service account cannot be impersonated",
        f"run: gcloud iam service-accounts add-iam-policy-binding ACCOUNT --member=user:YOU --role={IMPERSONATOR}",
    ),
    "short-lived token": (
        "Google refuses the key's signature: this machine's clock is wrong",
        "set the clock (run: sudo timedatectl set-ntp true)",
    ),
    "invalid jwt": (
        "Google refuses the service account's key: it was deleted, disabled or altered",
        "make a new one (run: gcloud iam service-accounts keys create key.json --iam-account=ACCOUNT)",
    ),
    "account not found": (
        "the service account of the key no longer exists",
        "make a key of another one (run: gcloud iam service-accounts keys create key.json --iam-account=ACCOUNT)",
    ),
    "account has been deleted": ("the account of the credentials no longer exists", LOGIN),
    "reauth": ("the login has expired", LOGIN),
    "invalid_grant": ("the credentials have expired or were revoked", LOGIN),
    "invalid authentication credentials": ("Google does not accept the credentials", LOGIN),
}


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a little later: 429 and 5xx, broken connections, timeouts."""
    if isinstance(error, api.RetryError):
        return error.cause is None or is_transient(error.cause)
    if isinstance(error, api.GoogleAPICallError):
        return error.code in TRANSIENT_STATUS or isinstance(error, api.ResumableTransferError)
    if isinstance(error, auth.RefreshError | auth.DefaultCredentialsError):
        return bool(error.retryable)
    broken = (auth.TransportError, requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, (*broken, ConnectionError, TimeoutError))


def credentials_error(error: BaseException) -> CredentialsInvalid | None:
    """The error to raise where credentials are missing, broken, expired or revoked; None where it is about something else."""
    refused = isinstance(error, api.Unauthorized)
    if is_transient(error) or not (refused or isinstance(error, auth.GoogleAuthError)):
        return None
    said = api_message(error) if isinstance(error, api.GoogleAPICallError) else _one_line(_auth_text(error))
    for words, (what, hint) in _FIXES.items():
        if words in said.lower():
            return CredentialsInvalid(what, hint)
    return CredentialsInvalid(f"Google does not accept the credentials: {said}", LOGIN)


def api_message(error: api.GoogleAPICallError) -> str:
    """The server's own words, on one line, without the method and address that the client puts before them."""
    first = next((item.get("message") for item in error.errors if isinstance(item, dict)), None)
    said = _one_line(first or error.message or type(error).__name__)
    return re.sub(r"^(GET|POST|PUT|PATCH|DELETE|HEAD) https?://\S+: ", "", said)


def disabled_api(error: BaseException) -> bool:
    """Whether the project has not switched the service on."""
    return isinstance(error, api.Forbidden | api.BadRequest) and bool(_DISABLED.search(f"{error} {error.reason}"))


def denied_permission(error: BaseException) -> str | None:
    """The permission, as `storage.objects.get`, that the server says is lacking; None where it is about something else."""
    named = _PERMISSION.search(str(error)) if isinstance(error, api.Forbidden) else None
    return named[0] if named else None


@contextmanager
def google_errors(refused: Refused, name: str, hint: str = ASK_DOCTOR) -> Iterator[None]:
    """Translates whatever the clients raise while something is done to the thing of that name; `hint` for what we do not know."""
    try:
        yield
    except (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException) as error:
        raise translated(error, refused, name, hint) from error


def translated(error: Exception, refused: Refused, name: str, hint: str = ASK_DOCTOR) -> PipelineError:
    """The error to raise."""
    said = api_message(error) if isinstance(error, api.GoogleAPICallError) else _one_line(str(error))
    if is_transient(error):
        unavailable = LakeUnavailable if refused is LakeRefused else WarehouseUnavailable
        return unavailable(f"{name}: Google cannot be reached, or is too busy ({said})", "run again")
    if invalid := credentials_error(error):
        return invalid
    if disabled_api(error):
        service = "storage" if refused is LakeRefused else "bigquery"
        return refused(f"{name}: {said}", f"run: gcloud services enable {service}.googleapis.com")
    return refused(f"{name}: {said}", hint)


def _auth_text(error: BaseException) -> str:
    """The error's words; a RefreshError has them beside the whole answer."""
    return " ".join(str(part) for part in error.args if isinstance(part, str)) or type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
