"""terraform/, as far as it can be proven without Google: known to the provider's schema, safe, and one with the code and the docs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.gcp import names, permissions, setup
from taxi_pipelines.settings import Settings
from tests.support import terraform as tf
from tests.support import terraform_schema

GUIDE = tf.ROOT / "docs" / "gcp.md"
README = tf.TERRAFORM / "README.md"
FOR_GOOGLE = {
    "lake", "project", "dataset", "location", "credentials", "impersonate", "maximum_bytes_billed", "require_partition_filter",
    "keep_clean",
}  # fmt: skip

BLOCKS = tf.resources(tf.read_module(tf.TERRAFORM))


def of_kind(kind: str) -> list[Mapping[str, Any]]:
    return [block.body for block in BLOCKS if block.kind == kind]


def one(kind: str) -> Any:
    (found,) = of_kind(kind)
    return found


# The files


def test_they_are_formatted() -> None:
    done = tf.terraform("fmt", "-check", "-diff", "-recursive", folder=tf.TERRAFORM)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_resource_and_argument_is_one_the_provider_has() -> None:
    schema = json.loads(tf.SCHEMA.read_text())
    assert len(BLOCKS) > 25
    assert tf.problems(BLOCKS, schema) == []
    assert tf.broken_references(tf.TERRAFORM, BLOCKS, schema) == []


def test_the_schema_is_of_a_provider_version_that_the_module_asks_for() -> None:
    asked = re.findall(r'\bversion = "(.+)"', (tf.TERRAFORM / "versions.tf").read_text())
    assert asked == [">= 6.50.0, < 7.0.0"]
    assert json.loads(tf.SCHEMA.read_text())["provider"] == "hashicorp/google 6.50.0"


@pytest.mark.slow
def test_the_kept_schema_is_what_the_package_says() -> None:
    try:
        archive = terraform_schema.download_package()
    except (OSError, subprocess.CalledProcessError) as error:
        tf.unavailable(f"npm cannot get {terraform_schema.PACKAGE}: {error}")
    assert (
        terraform_schema.text(terraform_schema.distil(archive, {block.kind for block in BLOCKS}))
        == tf.SCHEMA.read_text()
    )


# What is promised


def test_the_bucket_is_private_versioned_and_cleans_up_as_taxi_gcp_setup_does() -> None:
    bucket = one("google_storage_bucket")
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == '"enforced"'
    assert bucket["versioning"][0]["enabled"] is True
    assert "soft_delete_policy" in bucket
    (clean,) = (block['"lifecycle_rule"'] for block in bucket["dynamic"])
    assert clean["for_each"] == "${var.keep_clean ? [] : [1]}"
    condition = clean["content"][0]["condition"][0]
    assert (condition["age"], condition["matches_prefix"]) == (setup.CLEAN_DAYS, ['"lake/clean/"'])
    old = [rule["condition"][0].get("days_since_noncurrent_time") for rule in bucket["lifecycle_rule"]]
    assert setup.OLD_DAYS in old


def test_bucket_and_datasets_lie_in_the_one_location() -> None:
    kinds = ("google_storage_bucket", "google_bigquery_dataset")
    assert {body["location"] for kind in kinds for body in of_kind(kind)} == {"${var.location}"}


def test_the_datasets_are_those_of_the_code() -> None:
    text = (tf.TERRAFORM / "bigquery.tf").read_text()
    assert f'"${{var.dataset}}{names.STAGING_SUFFIX}"' in text
    expires = one("google_bigquery_dataset")["default_table_expiration_ms"]
    assert expires == f'${{each.key == "staging" ? {setup.STAGING_DAYS * setup.DAY_MS} : null}}'


def test_the_account_has_the_roles_that_the_doctor_names_and_no_others() -> None:
    advised = set(re.findall(r"roles/[\w.]+", permissions.grant_on_bucket("b", "m", permissions.BUCKET)))
    (bucket,) = of_kind("google_storage_bucket_iam_member")
    assert set(re.findall(r"roles/[\w.]+", str(bucket["for_each"]))) == advised
    project = next(block for block in BLOCKS if (block.kind, block.name) == ("google_project_iam_member", "taxi"))
    roles = set(re.findall(r"roles/[\w.]+", str(project.body["for_each"])))
    assert roles == {"roles/bigquery.jobUser", "roles/cloudsql.client", "roles/cloudsql.instanceUser"}
    text = "".join(path.read_text() for path in tf.TERRAFORM.glob("*.tf"))
    assert not re.search(r"roles/(owner|editor|\w+\.admin|storage\.objectAdmin)\b|all(Authenticated)?Users", text)


def test_no_secret_value_and_no_key_can_get_into_the_state() -> None:
    kinds = {block.kind for block in BLOCKS}
    assert "google_secret_manager_secret" in kinds
    assert not kinds & {"google_secret_manager_secret_version", "google_service_account_key", "random_password"}
    assert not any("password" in block.body for block in BLOCKS)


def test_the_vm_is_shielded_and_reached_through_iap_alone() -> None:
    vm = one("google_compute_instance")
    assert "access_config" not in vm["network_interface"][0]
    assert vm["shielded_instance_config"][0]["enable_secure_boot"] is True
    assert vm["metadata"]["enable-oslogin"] == '"TRUE"'
    firewall = one("google_compute_firewall")
    assert firewall["source_ranges"] == ['"35.235.240.0/20"']
    assert firewall["allow"] == [{"protocol": '"tcp"', "ports": ['"22"'], "__is_block__": True}]


def test_the_defaults_are_those_of_the_settings() -> None:
    declared = {
        name.strip('"'): body
        for block in tf.read_module(tf.TERRAFORM)["variables.tf"]["variable"]
        for name, body in block.items()
        if not name.startswith("__")
    }
    for name in ("dataset", "location", "maximum_bytes_billed", "require_partition_filter", "keep_clean"):
        default = declared[name]["default"]
        assert (default.strip('"') if isinstance(default, str) else default) == Settings.model_fields[name].default
    assert all(body["description"] and body["type"] for body in declared.values())


# The documentation


def test_every_variable_and_output_is_in_the_readme() -> None:
    module, text = tf.read_module(tf.TERRAFORM), README.read_text()
    for file, word in (("variables.tf", "variable"), ("outputs.tf", "output")):
        declared = [name.strip('"') for block in module[file][word] for name in block if not name.startswith("__")]
        assert [name for name in declared if f"`{name}`" not in text] == []


def test_the_example_sets_declared_variables() -> None:
    text = (tf.TERRAFORM / "terraform.tfvars.example").read_text()
    declared = (tf.TERRAFORM / "variables.tf").read_text()
    used = re.findall(r"^(?:# )?(\w+) += ", text, re.M)
    assert {"project", "bucket"} < set(used)
    assert [name for name in used if f'variable "{name}"' not in declared] == []


def test_the_guide_names_every_setting_for_google() -> None:
    text = GUIDE.read_text()
    assert Settings.model_fields.keys() >= FOR_GOOGLE
    assert [name for name in FOR_GOOGLE if f"`TAXI_{name.upper()}`" not in text or f"`{name}`" not in text] == []


# checkov


@pytest.mark.slow
@pytest.mark.parametrize("extra", [{}, tf.EVERYTHING], ids=["defaults", "everything"])
def test_checkov_finds_nothing_that_is_not_explained(checkov: Path, tmp_path: Path, extra: Mapping[str, Any]) -> None:
    (tmp_path / "all.tfvars").write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in (tf.NEEDED | extra).items()))
    command = [checkov, "--directory", tf.TERRAFORM, "--framework", "terraform", "--skip-download", "--output", "json"]
    command += ["--var-file", tmp_path / "all.tfvars"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["summary"]["passed"] > 40
    assert found["summary"]["parsing_errors"] == 0
    assert [f"{check['check_id']} {check['resource']}" for check in found["results"]["failed_checks"]] == []
    reasons = [check["check_result"]["suppress_comment"] for check in found["results"]["skipped_checks"]]
    assert all(reason and len(reason) > 20 for reason in reasons)


@pytest.fixture(scope="module")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkov in an environment of its own: it pins much."""
    folder = tmp_path_factory.mktemp("checkov")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "checkov>=3.3",
    ]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        tf.unavailable(f"checkov cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin" / "checkov"
