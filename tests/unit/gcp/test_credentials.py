"""Keys by path, as JSON and as base64; whatever is wrong with one is a line that does not show it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth import _cloud_sdk, impersonated_credentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request

from taxi_pipelines.errors import CredentialsInvalid
from taxi_pipelines.gcp.credentials import find_identity, read_key
from taxi_pipelines.gcp.errors import credentials_error
from tests.unit.gcp.conftest import EMAIL


@pytest.fixture(autouse=True)
def _nobody(no_credentials: None) -> None:
    """Only what a test gives counts."""


def _wrapped(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


@pytest.mark.parametrize("form", ["path", "json", "base64", "base64, wrapped", "base64, unpadded and for URLs"])
def test_a_key_is_read_in_every_usual_form(key: dict[str, Any], tmp_path: Path, form: str) -> None:
    text = json.dumps(key)
    path = tmp_path / "key.json"
    path.write_text(text)
    given = {
        "path": str(path),
        "json": f"\n{text}\n",
        "base64": base64.b64encode(text.encode()).decode(),
        "base64, wrapped": _wrapped(text),
        "base64, unpadded and for URLs": base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    }[form]
    identity = find_identity(given, None)
    assert (identity.project, identity.principal) == ("my-project", f"serviceAccount:{EMAIL}")


def test_a_home_folder_is_written_with_a_tilde(
    key: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_key("~/key.json") == key


def test_impersonation_is_shown_as_the_account_that_acts(key: dict[str, Any]) -> None:
    identity = find_identity(json.dumps(key), "loader@other-project.iam.gserviceaccount.com")
    assert isinstance(identity.credentials, impersonated_credentials.Credentials)
    assert identity.principal == "serviceAccount:loader@other-project.iam.gserviceaccount.com"


def test_application_default_credentials_are_found_by_their_variable(
    key: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "adc.json").write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    assert find_identity(None, None).principal == f"serviceAccount:{EMAIL}"


def test_a_login_without_a_quota_project_is_enough_and_warns_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = {
        "type": "authorized_user",
        "client_id": _cloud_sdk.CLOUD_SDK_CLIENT_ID,
        "client_secret": "s",
        "refresh_token": "t",
    }
    (tmp_path / "adc.json").write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    assert find_identity(None, None).principal is None


def test_no_credentials_at_all_say_how_to_log_in() -> None:
    with pytest.raises(
        CredentialsInvalid, match=r"^no Google Cloud credentials are found; run: gcloud auth application-default login"
    ):
        find_identity(None, None)


SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nowhere/key.json", r"the key file nowhere/key\.json is not there"),
        (".", "cannot be read: Is a directory"),
        (f"ya29.{SECRET}", "^the key file is not there; TAXI_CREDENTIALS is a path"),
        (f"{SECRET}/" * 300, "^the key file cannot be read: File name too long"),
        ('{"type": "service_account"' + SECRET, "the key is not JSON"),
        ('{"installed": {"client_secret": "' + SECRET + '"}}', "is not a service account's key"),
        ('{"type": "authorized_user", "refresh_token": "' + SECRET + '"}', "a user's login.*GOOGLE_APPLICATION"),
        ('{"type": "external_account", "x": "' + SECRET + '"}', "a workload identity configuration"),
        ('{"type": "service_account", "private_key": "' + SECRET + '"}', "it has no client_email, token_uri"),
        ("ey" + SECRET * 20 + "!", "cut off or not base64"),
        (base64.b64encode(b'{"a": ' + SECRET.encode() * 9).decode(), "not JSON"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_without_showing_it(given: str, said: str) -> None:
    with pytest.raises(CredentialsInvalid, match=said) as refused:
        find_identity(given, None)
    text = str(refused.value)
    assert SECRET not in text and base64.b64encode(SECRET.encode()).decode()[:20] not in text
    assert "\n" not in text
    assert refused.value.hint


def test_a_private_key_that_is_cut_off_is_named(key: dict[str, Any]) -> None:
    broken = key | {"private_key": key["private_key"][:200]}
    with pytest.raises(CredentialsInvalid, match="its private_key is cut off or altered"):
        find_identity(json.dumps(broken), None)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CredentialsInvalid, match="the key file is not JSON"):
        read_key(str(tmp_path / "key.p12"))


def test_a_key_that_google_refuses_needs_a_new_one(key: dict[str, Any], token_server: str) -> None:
    identity = find_identity(json.dumps(key | {"token_uri": token_server}), None)
    with requests.Session() as session, pytest.raises(RefreshError) as refused:
        identity.credentials.refresh(Request(session))
    said = credentials_error(refused.value)
    assert said is not None
    assert str(said).startswith(
        "Google refuses the service account's key: it was deleted, disabled or altered; make a new"
    )
