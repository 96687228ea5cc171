"""What an engine hears when the SQLite file cannot be written, and that it loses nothing by it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.errors import DiskFull, HomeUnwritable, StoreBusy, StoreCorrupt
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.store import database as module
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from tests.support import records
from tests.support.records import NOW
from tests.support.rights import as_nobody

SIZE = 4 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def started(database: Database) -> tuple[EngineStore, ExecutionStore]:
    """With an engine `one` that holds the execution `e`."""
    engines, executions = EngineStore(database), ExecutionStore(database)
    engines.register("one", "host", 1, NOW)
    executions.create(records.execution("e"), holder="one")
    return engines, executions


def big_runs(first: int) -> list[TaskRun]:
    outputs = {"text": "x" * 20_000}
    return [records.task_run(f"r{number}", "e", outputs=outputs) for number in range(first, first + 10)]


def test_on_a_full_disk_a_batch_is_refused_as_a_whole_and_written_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    with closing(Database(small_disk / "metadata.db")) as database:
        engines, executions = started(database)
        kept = 0
        with pytest.raises(
            DiskFull, match=r"^no space left on the disk of .*metadata\.db; free some space and run again$"
        ):
            while kept < 1000:
                engines.commit("one", Batch(number=kept + 1, task_runs=big_runs(kept * 10)))
                kept += 1
        assert kept
        assert len(executions.task_runs("e")) == kept * 10
        with pytest.raises(DiskFull):
            engines.commit("one", Batch(number=kept + 1, task_runs=big_runs(kept * 10)))
        ballast.unlink()
        assert engines.commit("one", Batch(number=kept + 1, task_runs=big_runs(kept * 10))) == []
        assert len(executions.task_runs("e")) == kept * 10 + 10


def test_while_somebody_locks_the_file_an_engine_hears_busy_and_may_try_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "metadata.db"
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
    with closing(Database(path)) as database, closing(Database(path)) as other:
        engines, executions = started(database)
        batch = Batch(number=1, task_runs=big_runs(0))
        with other.write():
            for work in (lambda: engines.commit("one", batch), lambda: engines.beat("one", NOW)):
                with pytest.raises(
                    StoreBusy, match=r"^.*metadata\.db stayed locked for 0\.1 s; wait for the other process"
                ):
                    work()
            assert executions.task_runs("e") == []
        assert engines.commit("one", batch) == []


def test_a_file_that_was_damaged_under_an_engine_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    with closing(Database(path)) as database:
        started(database)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with closing(Database(path)) as database:
        engines, executions = EngineStore(database), ExecutionStore(database)
        for work in (lambda: engines.commit("one", Batch(task_runs=big_runs(0))), lambda: executions.task_runs("e")):
            with pytest.raises(
                StoreCorrupt, match=r"^.*metadata\.db is unreadable: .*malformed.*; put a backup in its place"
            ):
                work()


def test_a_home_that_can_only_be_read_shows_executions_and_refuses_new_ones() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "metadata.db"
        with closing(Database(path)) as database:
            started(database)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        with closing(Database(path)) as database, as_nobody():
            engines, executions = EngineStore(database), ExecutionStore(database)
            assert executions.find("e") == records.execution("e")
            assert engines.commands("one") == []
            for work in (
                lambda: executions.create(records.execution("new")),
                lambda: engines.register("two", "host", 2, NOW),
            ):
                with pytest.raises(HomeUnwritable, match=r"^no right to write .*metadata\.db; set TAXI_HOME"):
                    work()
        path.parent.chmod(0o755)
