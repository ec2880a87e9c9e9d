"""What every test may use: the folder of real data, and, importable from everywhere, what stands beside this file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

collect_ignore = ["additions"]  # what tests add to a copy of the sources


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real questions and replies; without it the test is skipped."""
    folder = Path(os.environ.get("QRD_TEST_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
    if not (folder / "questions").is_dir():
        pytest.skip("no real data here (QRD_TEST_DATA)")
    return folder
