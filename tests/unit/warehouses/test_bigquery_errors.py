from __future__ import annotations

from typing import Any

import pytest
import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from taxi_pipelines.errors import (
    CredentialsInvalid,
    PipelineError,
    QueryFailed,
    SchemaMismatch,
    WarehouseRefused,
    WarehouseUnavailable,
)
from taxi_pipelines.warehouses.bigquery_errors import (
    bigquery_errors,
    job_error,
    query_error,
    translated,
    worth_repeating,
)


def refused(kind: type[api.GoogleAPICallError], message: str, reason: str = "") -> api.GoogleAPICallError:
    """What the client raises."""
    return kind(message, errors=[{"reason": reason, "message": message}])


CALLS: list[tuple[Exception, type[PipelineError], str]] = [
    (refused(api.ServiceUnavailable, "wait", "backendError"), WarehouseUnavailable, "too busy.*wait.*run again"),
    (refused(api.Forbidden, "slow down", "rateLimitExceeded"), WarehouseUnavailable, "slow down"),
    (requests.ConnectionError("gone"), WarehouseUnavailable, "gone"),
    (
        refused(api.Forbidden, "Quota exceeded: loads", "quotaExceeded"),
        WarehouseRefused,
        "a quota is used up.*loads.*ask for more",
    ),
    (
        refused(api.NotFound, "Not found: Dataset p:taxi was not found in location US", "notFound"),
        WarehouseRefused,
        "Dataset p:taxi was not found in location US; set location.*taxi gcp setup",
    ),
    (
        refused(api.NotFound, "Not found: Dataset p:taxi", "notFound"),
        WarehouseRefused,
        "Not found: Dataset p:taxi; run: taxi gcp setup",
    ),
    (
        refused(
            api.Forbidden,
            "Access Denied: Table p:taxi.green: Permission bigquery.tables.update denied on table p:taxi.green",
            "accessDenied",
        ),
        WarehouseRefused,
        "Permission bigquery.tables.update denied.*ask for a role with bigquery.tables.update",
    ),
    (
        refused(api.BadRequest, "limit of 1 bytes", "bytesBilledLimitExceeded"),
        QueryFailed,
        "raise maximum_bytes_billed",
    ),
    (auth.DefaultCredentialsError("Your default credentials were not found."), CredentialsInvalid, "gcloud auth"),
    (refused(api.BadRequest, "nonsense", "invalid"), WarehouseRefused, "green 2021-01: nonsense"),
]


@pytest.mark.parametrize(("error", "kind", "said"), CALLS, ids=lambda value: getattr(value, "message", None))
def test_a_refused_call_is_one_clear_line(error: Exception, kind: type[PipelineError], said: str) -> None:
    with pytest.raises(kind, match=said) as caught, bigquery_errors("green 2021-01"):
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "backendError", "internalError"])
def test_only_passing_reasons_are_worth_repeating(reason: str) -> None:
    assert worth_repeating(refused(api.Forbidden, "x", reason))
    for final in ("quotaExceeded", "accessDenied", "invalid"):
        assert not worth_repeating(refused(api.Forbidden, "x", final))


def failed(*errors: dict[str, Any], as_: type[PipelineError] = WarehouseRefused) -> PipelineError:
    return job_error("green_tripdata 2021-01 version v1", errors, as_)


def test_of_a_load_job_with_bad_rows_the_first_is_told_with_file_and_column() -> None:
    whole = {"reason": "invalid", "message": "Error while reading data, too many errors"}
    row = {"reason": "invalid", "location": "gs://lake/v1.parquet", "message": "Field fare_amount: wrong type"}
    error = failed(whole, whole, row, as_=SchemaMismatch)
    assert isinstance(error, SchemaMismatch)
    assert "gs://lake/v1.parquet: Field fare_amount: wrong type" in str(error)


@pytest.mark.parametrize(
    ("reason", "kind", "hint"),
    [
        ("backendError", WarehouseUnavailable, "run again"),
        ("jobRateLimitExceeded", WarehouseUnavailable, "run again"),
        ("stopped", WarehouseUnavailable, "run again"),
        ("quotaExceeded", WarehouseRefused, "quotas"),
        ("accessDenied", WarehouseRefused, "taxi doctor"),
        ("billingNotEnabled", WarehouseRefused, "taxi doctor"),
        ("bytesBilledLimitExceeded", QueryFailed, "maximum_bytes_billed"),
        ("invalid", SchemaMismatch, "look at that column"),
    ],
)
def test_a_failed_job_says_why_in_its_own_words(reason: str, kind: type[PipelineError], hint: str) -> None:
    error = failed({"reason": reason, "message": "because\nof this"}, as_=SchemaMismatch)
    assert isinstance(error, kind)
    assert "because of this" in error.what and hint in error.hint


def test_a_user_s_statement_is_answered_with_what_to_do() -> None:
    place = "BigQuery dataset p.taxi"
    unknown = query_error(refused(api.NotFound, "Not found: Table p:taxi.green_trips", "notFound"), place)
    assert isinstance(unknown, QueryFailed) and "the tables are fhv_tripdata, fhvhv_tripdata" in unknown.hint
    dataset = query_error(refused(api.NotFound, "Not found: Dataset p:taxi", "notFound"), place)
    assert isinstance(dataset, WarehouseRefused)
    wrong = query_error(refused(api.BadRequest, "Syntax error: Unexpected SELEC", "invalidQuery"), place)
    assert isinstance(wrong, QueryFailed) and wrong.what == "Syntax error: Unexpected SELEC"
    dear = query_error(refused(api.BadRequest, "Query exceeded limit", "bytesBilledLimitExceeded"), place)
    assert isinstance(dear, QueryFailed) and "maximum_bytes_billed" in dear.hint
    assert isinstance(query_error(refused(api.ServiceUnavailable, "x"), place), WarehouseUnavailable)


def test_what_nobody_foresaw_is_still_one_of_ours() -> None:
    assert isinstance(translated(refused(api.MethodNotImplemented, "no"), "x"), PipelineError)
