"""Google's errors, in the shapes its clients raise them, are sorted and said in one line."""

import pytest
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from taxi_pipelines.errors import CredentialsInvalid, LakeRefused, LakeUnavailable, WarehouseRefused
from taxi_pipelines.gcp.errors import (
    api_message,
    credentials_error,
    denied_permission,
    disabled_api,
    google_errors,
    is_transient,
)

DISABLED = (
    "BigQuery API has not been used in project 12 before or it is disabled. Enable it by visiting https://console..."
)


@pytest.mark.parametrize(
    "error",
    [
        api.TooManyRequests("slow down"),
        api.InternalServerError("oops"),
        api.ServiceUnavailable("busy"),
        api.GatewayTimeout("late"),
        api.RetryError("gave up", cause=api.ServiceUnavailable("busy")),
        auth.TransportError("no route"),
        auth.RefreshError("internal_failure: try again", retryable=True),
        requests.ConnectionError("refused"),
        requests.Timeout("late"),
        ConnectionResetError("reset"),
        TimeoutError("late"),
    ],
)
def test_what_goes_away_by_itself_is_transient_and_no_matter_of_credentials(error: Exception) -> None:
    assert is_transient(error)
    assert credentials_error(error) is None


@pytest.mark.parametrize(
    "error",
    [
        api.Forbidden("no"),
        api.NotFound("gone"),
        api.BadRequest("what?"),
        api.PreconditionFailed("somebody else"),
        api.RetryError("gave up", cause=api.NotFound("gone")),
        auth.RefreshError("invalid_grant: Bad Request"),
        ValueError("not Google's"),
    ],
)
def test_what_stays_wrong_is_not_transient(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("error", "what", "command"),
    [
        (
            auth.DefaultCredentialsError("Your default credentials were not found. To set up …"),
            "no Google Cloud credentials are found",
            "gcloud auth application-default login",
        ),
        (
            auth.RefreshError("invalid_grant: Token has been expired or revoked.", {"error": "invalid_grant"}),
            "the credentials have expired or were revoked",
            "gcloud auth application-default login",
        ),
        (
            auth.RefreshError("Reauthentication is needed. Please run `gcloud auth application-default login`"),
            "the login has expired",
            "gcloud auth application-default login",
        ),
        (
            auth.RefreshError("invalid_grant: Invalid JWT Signature.", {"error": "invalid_grant"}),
            "was deleted, disabled or altered",
            "gcloud iam service-accounts keys create",
        ),
        (
            auth.RefreshError("invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes)", {}),
            "clock is wrong",
            "timedatectl",
        ),
        (
            auth.RefreshError("invalid_grant: Invalid grant: account not found", {}),
            "no longer exists",
            "gcloud iam service-accounts keys create",
        ),
        (
            auth.RefreshError("Unable to acquire impersonated credentials", '{"error": {"code": 403}}'),
            "cannot be impersonated",
            "roles/iam.serviceAccountTokenCreator",
        ),
        (
            api.Unauthorized("Request had invalid authentication credentials. Expected OAuth 2 access token"),
            "Google does not accept the credentials",
            "gcloud auth application-default login",
        ),
        (auth.MalformedError("odd"), "Google does not accept the credentials: odd", "gcloud"),
    ],
)
def test_bad_credentials_are_named_with_the_command_that_mends_them(error: Exception, what: str, command: str) -> None:
    said = credentials_error(error)
    assert isinstance(said, CredentialsInvalid)
    assert what in said.what
    assert command in said.hint
    assert "\n" not in str(said)


def test_the_servers_message_is_taken_without_method_address_and_line_breaks() -> None:
    error = api.Forbidden("GET https://storage.googleapis.com/storage/v1/b/x?prettyPrint=false: a\n  b")
    assert api_message(error) == "a b"
    detailed = api.BadRequest("POST https://x/y: outer", errors=[{"message": "inner", "reason": "invalid"}])
    assert api_message(detailed) == "inner"


def test_a_service_that_is_not_enabled_is_told_from_a_right_that_is_lacking() -> None:
    lacking = api.Forbidden("a@b.c does not have storage.objects.list access to the Google Cloud Storage bucket.")
    assert disabled_api(api.Forbidden(DISABLED))
    assert disabled_api(api.BadRequest("The project p has not enabled BigQuery."))
    assert not disabled_api(lacking)
    assert denied_permission(lacking) == "storage.objects.list"
    assert denied_permission(api.Forbidden(DISABLED)) is None
    assert denied_permission(api.NotFound("storage.objects.get")) is None


def test_any_error_of_the_clients_becomes_ours() -> None:
    with pytest.raises(LakeUnavailable, match="busy"), google_errors(LakeRefused, "bucket gs://x"):
        raise api.ServiceUnavailable("busy")
    with pytest.raises(CredentialsInvalid), google_errors(LakeRefused, "bucket gs://x"):
        raise auth.DefaultCredentialsError("Your default credentials were not found.")
    with (
        pytest.raises(WarehouseRefused, match=r"enable bigquery\.googleapis\.com"),
        google_errors(WarehouseRefused, "dataset x"),
    ):
        raise api.Forbidden(DISABLED)
    with pytest.raises(WarehouseRefused, match="dataset x: no right"), google_errors(WarehouseRefused, "dataset x"):
        raise api.Forbidden("no right")
