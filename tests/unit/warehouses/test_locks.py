from __future__ import annotations

import os
from pathlib import Path

from taxi_pipelines.warehouses.locks import Locks


def test_a_lock_is_held_against_the_same_thread_too(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a"):
        assert locks.is_held("a")
        with locks.try_hold("a") as held:
            assert not held
        with locks.try_hold("b") as held:
            assert held
    with locks.try_hold("a") as held:
        assert held
        assert locks.is_held("a")
    assert not locks.is_held("a")


def test_looking_at_a_lock_touches_nothing(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    assert not locks.is_held("a")
    assert list(tmp_path.iterdir()) == []
    with locks.hold("a"):
        pass
    path = tmp_path / "locks" / "a.lock"
    os.utime(path, (0, 0))
    assert not locks.is_held("a")
    assert path.stat().st_mtime == 0


def test_taking_a_lock_again_writes_nothing(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a"):
        pass
    os.utime(tmp_path / "a.lock", (0, 0))
    with locks.hold("a"), locks.try_hold("a"):
        pass
    assert (tmp_path / "a.lock").stat().st_mtime == 0
