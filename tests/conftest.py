"""Where the recordings are, and a fixture that skips where there are none."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# A loaded machine is no fault of the code, and a run before a merge should repeat. The contract
# tests draw anew with BOOKFLOW_EFFORT above 1.
settings.register_profile("bookflow", deadline=None, derandomize=True)
settings.load_profile("bookflow")

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


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Compiled code gives back the registers that long double needs: see CMakeLists.txt."""
    assert np.longdouble(3) / 2 == 1.5, f"long double does not work after {item.nodeid}"
