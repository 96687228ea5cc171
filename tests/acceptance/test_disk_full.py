"""A full disk, for real: a small file system of its own. The month fails in one line, and succeeds once there is room."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import DiskFull
from taxi_pipelines.synthetic.files import write_month

SIZE = 3 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("taken", [0.2, 0.45, 0.75, 0.9, 0.999])
def test_a_full_disk_is_one_clear_line_and_the_next_run_succeeds(
    taken: float, small_disk: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    write_month(source, "green", Month(2021, 1), 20_000)
    write_month(source, "green", Month(2021, 2), 50_000)
    with Pipeline(home=small_disk / "home", source=source) as taxi:
        taxi.run("green", "2021-01")
        free = shutil.disk_usage(small_disk).free
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * int(free * taken))
        with pytest.raises(DiskFull, match=r"no space left on the disk of .*; free some space"):
            taxi.run("green", "2021-02")
        assert taxi.query("select count(*) n from green_tripdata where source_month = '2021-01-01'")["n"].tolist() == [
            20_000
        ]
        ballast.unlink()
        shutil.rmtree(small_disk / "home" / "lake" / "raw" / "green" / "2021-01")
        assert taxi.run("green", "2021-02").rows == 50_000
        assert taxi.verify("green", ["2021-02"])[0].ok
        assert not [path for path in (small_disk / "home").rglob("*") if ".staging" in path.name or ".tmp" in path.name]
