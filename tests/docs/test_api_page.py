"""docs/api.md says what is: its calls are made, its paths are there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from taxi_pipelines.api import errors
from taxi_pipelines.api.system import NotReady
from taxi_pipelines.errors import PipelineError
from tests.support.cli_flows import HELLO
from tests.support.data import ROOT
from tests.support.service import serving

PAGE = (ROOT / "docs" / "api.md").read_text()
CALLS = re.findall(r"^\$ (curl .+)\n(.*)$", PAGE, re.M)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_every_call_of_the_page_answers_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(HELLO)
    with serving(tmp_path) as served:
        for call, shown in CALLS:
            words = shlex.split(call.replace("http://127.0.0.1:8080", str(served.client.base_url).rstrip("/")))
            done = subprocess.run([*words, "--silent"], capture_output=True, text=True, check=True, cwd=tmp_path)
            if not shown.startswith("$"):
                pieces = map(re.escape, re.split(r",? ?…", re.sub(r'"id":"\w{20}"', "…", shown)))
                assert re.fullmatch(".*".join(pieces), done.stdout.strip(), re.S), (call, done.stdout)


def test_every_path_of_the_page_is_one_of_the_api(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        known = served.json("GET", "/openapi.json")["paths"]
    asked = re.findall(r"`(GET|POST|PUT|DELETE) (/[^`?… ]+)", PAGE)
    assert len(asked) > 10
    assert [path for method, path in asked if method.lower() not in known.get(f"/api/v1{path}", {})] == []


def test_every_error_of_the_api_is_on_the_page() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PipelineError)]
    own = {kind.code for kind in (*kinds, NotReady) if kind.__module__.startswith("taxi_pipelines.api.")}
    assert own >= {"unauthorized", "not-ready"}
    assert [code for code in sorted(own) if f"`{code}`" not in PAGE] == []
