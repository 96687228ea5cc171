"""Files on their way into a lake, and what is left of those whose writer died."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from taxi_pipelines.lakes.writer import begin, remove_dead


def test_a_file_is_dead_when_its_writer_is_and_not_before(tmp_path: Path) -> None:
    writer = begin(tmp_path)
    assert not remove_dead(writer.path)
    writer.close()
    assert remove_dead(writer.path)
    assert not remove_dead(writer.path), "somebody else removed it"


def test_a_writer_that_has_begun_keeps_its_file_whoever_sweeps(tmp_path: Path) -> None:
    done = Event()

    def sweep() -> None:
        while not done.is_set():
            for path in tmp_path.iterdir():
                remove_dead(path)

    with ThreadPoolExecutor(2) as pool:
        sweeping = [pool.submit(sweep) for _ in range(2)]
        for _ in range(300):
            with begin(tmp_path) as writer:
                assert writer.path.exists()
        done.set()
        for each in sweeping:
            each.result(30)
