"""Where the recordings are, and a fixture that skips where there are none."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("BOOKFLOW_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with recordings (`data/`) and independent results (`oracles/`)."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs the recordings of BOOKFLOW_SHARED")
    return SHARED


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root, for tests of the repository itself."""
    return ROOT
