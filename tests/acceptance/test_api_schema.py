"""schemathesis sends what the OpenAPI document allows and what it forbids: no 5xx, no answer that is not documented."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_flows import HELLO
from tests.support.service import Served, serving

TRIGGERED = """\
id: triggered
namespace: demo
tasks: [{id: out, type: log, message: triggered}]
triggers:
  - {id: months, type: schedule, cron: "0 9 1 * *"}
  - {id: web, type: webhook, key: web-key}
"""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize("examples", [1, pytest.param(50, marks=pytest.mark.slow)])
def test_whatever_is_sent_the_answer_is_a_documented_one(tmp_path: Path, examples: int) -> None:
    (tmp_path / "source").mkdir()
    with serving(tmp_path, source=str(tmp_path / "source")) as served:
        config = tmp_path / "schemathesis.toml"
        config.write_text(_names(_there(served)))
        _attack(served, config, examples, "examples,fuzzing", "--exclude-method", "DELETE")  # what is there shall stay
        config.write_text("")
        _attack(served, config, examples, "coverage,fuzzing")
        assert served.client.get("/ready").status_code == 200


def _there(served: Served) -> dict[str, list[str]]:
    """Something of every kind, by the names of the parameters that stand for it in paths. No flow lasts: some are waited for."""
    served.save(HELLO, TRIGGERED)
    ended = served.run("demo/hello")
    served.json("PUT", "/namespaces/demo/kv/limit", json=10, status=204)
    order = {"trigger": "demo.triggered.months", "start": "2021-01", "end": "2021-03"}
    backfill = served.json("POST", "/backfills", json=order)
    return {
        "namespace": ["demo"],
        "id": ["hello", "triggered", backfill["id"]],
        "flow_id": ["triggered"],
        "execution_id": [ended["id"]],
        "key": ["limit", "web-key"],
        "type": ["green"],
        "month": ["2021-01"],
    }


def _names(values: dict[str, list[str]]) -> str:
    """Settings that make schemathesis take these in paths."""
    kept = "".join(f"[dictionaries.{name}]\nvalues = {json.dumps(values[name])}\n" for name in values)
    used = "".join(f'"path.{name}" = {{ dictionary = "{name}" }}\n' for name in values)
    return f"{kept}[parameters]\n{used}"


def _attack(served: Served, config: Path, examples: int, phases: str, *options: str) -> None:
    url = str(served.client.base_url)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{url}/api/v1/openapi.json", "--url", url, "--checks", CHECKS),
        *("--phases", phases, "--max-examples", str(examples), "--generation-deterministic"),
        *("--exclude-path-regex", "/follow$", "--continue-on-failure", "--no-color", *options),
    ]
    ended = subprocess.run(command, cwd=config.parent, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
