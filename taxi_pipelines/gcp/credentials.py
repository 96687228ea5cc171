"""Who we are to Google: credentials in every usual way. Nothing here says what it was given, only what is wrong with it."""

from __future__ import annotations

import base64
import binascii
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google.auth
from google.auth import impersonated_credentials
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2 import service_account

from taxi_pipelines.errors import CredentialsInvalid
from taxi_pipelines.gcp.errors import credentials_error

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
NEW_KEY = "make a new key (run: gcloud iam service-accounts keys create key.json --iam-account=ACCOUNT)"
SETTING = "TAXI_CREDENTIALS is a path to a key file, its JSON, or base64 of that"

_OTHERS = {
    "authorized_user": "a user's login",
    "external_account": "a workload identity configuration",
    "impersonated_service_account": "an impersonation configuration",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """Credentials, and what they say of themselves. `project` is theirs, if they have one."""

    credentials: Credentials
    project: str | None

    @property
    def principal(self) -> str | None:
        """The account as roles name it, `user:…` or `serviceAccount:…`; None where only Google knows it."""
        if isinstance(self.credentials, impersonated_credentials.Credentials):
            return _service_account(self.credentials.service_account_email)
        email = getattr(self.credentials, "service_account_email", None)
        if email and "@" in email:
            return _service_account(email)
        account = getattr(self.credentials, "account", None)
        return f"user:{account}" if account else None


def find_identity(given: str | None, impersonate: str | None, scopes: Sequence[str] = SCOPES) -> Identity:
    """The key that is given, else Application Default Credentials; both may act as the service account `impersonate`."""
    own = SCOPES if impersonate else scopes
    try:
        found = _from_key(read_key(given), own) if given else _default(own)
    except GoogleAuthError as error:
        raise credentials_error(error) or CredentialsInvalid(
            f"credentials cannot be asked for: {error}", "run again"
        ) from error
    if not impersonate:
        return found
    acting = impersonated_credentials.Credentials(
        source_credentials=found.credentials, target_principal=impersonate, target_scopes=list(scopes)
    )
    return Identity(credentials=acting, project=found.project or _project_of(impersonate))


def read_key(given: str) -> Mapping[str, Any]:
    """The service account's key out of a path, raw JSON or base64, lines wrapped or not. Raises CredentialsInvalid."""
    text = given.strip()
    if text.startswith("{"):
        return _checked(text, "the key")
    if text.startswith(("ey", "ew")) and len(text) > 100:  # how base64 of "{" begins
        return _checked(_decoded(text), "the decoded key")
    path = Path(text).expanduser()
    name = (
        f"the key file {path}" if path.suffix == ".json" else "the key file"
    )  # else it may be a secret of another kind
    try:
        return _checked(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        raise CredentialsInvalid(f"{name} is not there", SETTING) from None
    except OSError as error:
        raise CredentialsInvalid(f"{name} cannot be read: {error.strerror}", SETTING) from None
    except UnicodeDecodeError:
        raise CredentialsInvalid(f"{name} is not JSON", NEW_KEY) from None


def _decoded(text: str) -> str:
    plain = "".join(text.split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise CredentialsInvalid("the key is cut off or not base64", "encode the file: base64 key.json") from None


def _checked(text: str, name: str) -> Mapping[str, Any]:
    try:
        key = json.loads(text)
    except ValueError:
        raise CredentialsInvalid(f"{name} is not JSON", NEW_KEY) from None  # the cause would show the secret
    kind = key.get("type") if isinstance(key, dict) else None
    if kind == "service_account":
        return key
    if kind in _OTHERS:
        hint = "point GOOGLE_APPLICATION_CREDENTIALS to it instead, and set no TAXI_CREDENTIALS"
        raise CredentialsInvalid(f"{name} is {_OTHERS[kind]}, not a service account's key", hint)
    raise CredentialsInvalid(f"{name} is not a service account's key", NEW_KEY)


def _from_key(key: Mapping[str, Any], scopes: Sequence[str]) -> Identity:
    try:
        credentials = service_account.Credentials.from_service_account_info(key, scopes=scopes)
    except (GoogleAuthError, ValueError, TypeError):
        lacking = [name for name in ("client_email", "token_uri", "private_key") if not key.get(name)]
        what = f"it has no {', '.join(lacking)}" if lacking else "its private_key is cut off or altered"
        raise CredentialsInvalid(f"the service account's key is broken: {what}", NEW_KEY) from None
    return Identity(credentials=credentials, project=key.get("project_id"))


def _default(scopes: Sequence[str]) -> Identity:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a login without a quota project is all that we need
        credentials, project = google.auth.default(scopes=scopes)
    return Identity(credentials=credentials, project=project)


def _service_account(email: str) -> str:
    return f"serviceAccount:{email}"


def _project_of(account: str) -> str | None:
    """`name@PROJECT.iam.gserviceaccount.com` → PROJECT."""
    domain = account.partition("@")[2]
    return domain.removesuffix(".iam.gserviceaccount.com") if domain.endswith(".iam.gserviceaccount.com") else None
