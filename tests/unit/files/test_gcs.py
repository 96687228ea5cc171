"""Files of executions in a bucket, by the official client, on a fake Google."""

from __future__ import annotations

import io
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from taxi_pipelines.engine.retention import purge
from taxi_pipelines.errors import LakeRefused, NotFound, UsageError
from taxi_pipelines.files.gcs import BucketFiles
from taxi_pipelines.files.local import LocalFiles
from taxi_pipelines.files.opening import open_files
from taxi_pipelines.flow_interfaces import Files
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.work_interfaces import GoogleAccess
from tests.support.google.server import start_fake

URI = "kestra:///a/f/executions/x/out%20put.csv"


@pytest.fixture
def google() -> GoogleAccess:
    fake = start_fake()
    fake.reset()
    fake.storage.make_bucket("taxi-lake")
    return GoogleAccess(project="my-project", storage_emulator=fake.url)


@pytest.fixture
def files(google: GoogleAccess) -> Files:
    return open_files("gs://taxi-lake/lake/executions", google)


def test_the_address_says_where_they_are(files: Files, google: GoogleAccess, tmp_path: Path) -> None:
    assert isinstance(files, BucketFiles)
    assert isinstance(open_files(str(tmp_path), google), LocalFiles)


def test_a_file_is_kept_read_replaced_and_deleted(files: Files) -> None:
    assert files.size(URI) is None
    assert files.put(URI, io.BytesIO(b"abc")) == 3
    assert files.put(URI, io.BytesIO(b"defg")) == files.size(URI) == 4
    with files.open(URI) as file:
        assert file.read() == b"defg"
    files.put("kestra:///a/f/executions/xy/other.csv", io.BytesIO(b""))
    assert files.delete("kestra:///a/f/executions/x") == 1
    assert files.delete("kestra:///a/f/executions/x") == 0
    assert files.size("kestra:///a/f/executions/xy/other.csv") == 0
    with pytest.raises(NotFound, match=r"there is no file kestra:///a/f/executions/x/out%20put\.csv"):
        files.open(URI)


def test_no_name_leads_out_of_the_prefix(files: Files) -> None:
    with pytest.raises(UsageError, match="is not the URI of a stored file"):
        files.size("kestra:///a/%2e%2e/%2e%2e/b")


def test_a_bucket_that_is_not_there_is_named(google: GoogleAccess) -> None:
    with pytest.raises(LakeRefused, match="there is no bucket no-such-lake"):
        open_files("gs://no-such-lake/executions", google).put(URI, io.BytesIO(b"abc"))


FLOW = """
id: stores
namespace: demo
tasks:
  - {id: write, type: shell.commands, commands: [echo hello > out.txt], outputFiles: [out.txt]}
  - {id: size, type: storage.size, uri: "{{ outputs.write.outputFiles['out.txt'] }}"}
  - {id: text, type: return, format: "{{ read(outputs.write.outputFiles['out.txt']) }}"}
"""


def test_workers_and_templates_find_files_in_a_lake_that_is_a_bucket(
    google: GoogleAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", str(google.storage_emulator))
    (tmp_path / "flow.yaml").write_text(FLOW)
    with closing(Orchestrator(home=tmp_path / "home", lake="gs://taxi-lake/lake")) as taxi:
        engine, _ = taxi.start_engine()
        execution = taxi.control.make_execution(taxi.save_file(tmp_path / "flow.yaml"), {})
        engine.submit(execution)
        engine.run_until(lambda: taxi.control.execution(execution.id).state.has_ended)
        outputs = {run.task_id: run.outputs for run in taxi.task_runs(execution.id)}
        assert (outputs["size"], outputs["text"]) == ({"size": 6}, {"value": "hello\n"})
        assert [purged.files for purged in purge(taxi.parts, ended_before=datetime.now(UTC))] == [1]
        assert taxi.parts.files.size(outputs["write"]["outputFiles"]["out.txt"]) is None
    assert not (tmp_path / "home" / "lake").exists()
