"""The real trip files: where they lie, and the reason to skip where they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("TAXI_TEST_DATA", ROOT.parent / "shared" / "tlc"))


def real(*parts: str) -> Path:
    """A real file or folder. Skips the test where the real data is not; fails it there in CI."""
    path = REAL_DATA.joinpath(*parts)
    if not path.exists():
        reason = f"no real trip files at {REAL_DATA}: set TAXI_TEST_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


needs_real_data = pytest.mark.skipif(
    not REAL_DATA.exists() and os.environ.get("CI") != "true",
    reason=f"no real trip files at {REAL_DATA}: set TAXI_TEST_DATA",
)
