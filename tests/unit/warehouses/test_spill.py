from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.warehouses.spill import spill_folder, sweep_spill
from tests.support.warehouses import process


def test_a_folder_is_gone_after_use_and_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), spill_folder(tmp_path) as folder:
        (Path(folder) / "big.tmp").write_bytes(b"x")
        raise ValueError("mine")
    assert list(tmp_path.iterdir()) == []


def test_folders_in_use_are_spared(tmp_path: Path) -> None:
    with spill_folder(tmp_path) as one, spill_folder(tmp_path) as two:
        assert one != two
        assert sweep_spill(tmp_path) == 0
        assert Path(one).is_dir() and Path(two).is_dir()


def test_what_a_dead_process_spilled_is_swept(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from taxi_pipelines.warehouses.spill import spill_folder",
        f"with spill_folder(Path({str(tmp_path)!r})) as folder:",
        "    (Path(folder) / 'big.tmp').write_bytes(b'x'); print('ready', flush=True); sys.stdin.read()",
    )
    with process(*code) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        assert sweep_spill(tmp_path) == 0
    assert sweep_spill(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_there_need_be_no_folder_to_sweep(tmp_path: Path) -> None:
    assert sweep_spill(tmp_path / "none") == 0
