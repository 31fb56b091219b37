"""Rules of the repository that no reader of a diff should have to remember."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import bookflow as bf
from bookflow import _core, reference
from bookflow.events import EVENT_DTYPE, Action, Flag, Side, Status

ROOT = Path(__file__).parents[1]
LARGEST = 200_000  # bytes: recordings stay outside
CORE = ROOT / "cpp" / "include" / "bookflow"


def files() -> list[Path]:
    """What is in the repository, or will be at the next commit; the sdist's files without git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [
        path for name in listed.stdout.decode().split("\0")[:-1] if (path := ROOT / name).is_file()
    ]


def texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["version"]
    assert version("bookflow") == wanted
    assert bf.__version__ == wanted
    assert _core.__version__ == wanted
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert newest
    assert newest[1] == wanted


def test_the_core_knows_no_python() -> None:
    for header in CORE.rglob("*.hpp"):
        assert not re.search(r"Python\.h|pybind11|PyObject", header.read_text(encoding="utf-8")), (
            header
        )


def test_the_core_keeps_no_globals() -> None:
    """`inline` variables of the core are constants."""
    for header in CORE.rglob("*.hpp"):
        text = header.read_text(encoding="utf-8")
        assert not re.search(r"^(inline|static) (?!constexpr)[^({]*[;=]", text, re.M), header


def test_no_path_of_a_machine_and_no_registry_host() -> None:
    home = re.compile(r"(?<![\w.])/(home|root|work|Users|opt)/\w")
    host = re.compile(r"pypi\.(org|io)|pythonhosted|conda\.(io|org)|anaconda\.(com|org)")
    here = Path(__file__).relative_to(ROOT)
    found = [
        f"{path}: {match[0]}"
        for path, text in texts()
        for pattern in (home, host)
        if path != here and (match := pattern.search(text))
    ]
    assert found == []


def test_no_large_file() -> None:
    assert {path.name: size for path in files() if (size := path.stat().st_size) > LARGEST} == {}


def test_words_are_the_same_in_both_languages() -> None:
    def unaliased(enum: type[Action] | type[Side] | type[Flag] | type[Status]) -> dict[str, int]:
        return {member.name: int(member) for member in enum if member.name is not None}

    assert unaliased(Action) == _core.ACTIONS
    assert unaliased(Side) == _core.SIDES
    assert unaliased(Flag) == _core.FLAGS
    assert unaliased(Status) == _core.STATUS
    assert EVENT_DTYPE == _core.EVENT_DTYPE
    assert EVENT_DTYPE.itemsize == 48
    assert bf.NONE == _core.NONE == reference.NONE
    assert int(reference.BAD) == _core.BAD_STATUS
    for word in ("Action", "Side", "Flag", "Status"):
        ours, theirs = getattr(bf, word), getattr(reference, word)
        assert ours.__members__.items() == theirs.__members__.items()


def test_the_page_of_benchmarks_tells_what_was_missed() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert (ROOT / "bench" / "missed.md").read_text(encoding="utf-8").rstrip() in page


def test_every_status_bit_and_fault_is_documented() -> None:
    page = (ROOT / "docs" / "book-status.md").read_text(encoding="utf-8")
    for name, value in _core.STATUS.items():
        assert f"| `{name}` | {value} |" in page
    for fault in _core.FAULTS:
        assert f"| `{fault}` |" in page


@pytest.mark.parametrize("calculator", bf.calculators(), ids=lambda c: c["name"])
def test_a_calculator_is_whole(calculator: dict[str, str]) -> None:
    """A header, a docstring that begins with a sentence, a reference with a worked example."""
    name, function = calculator["name"], calculator["function"]
    declared = f'kName = "{name}"'
    headers = (CORE / "calculators").glob("*.hpp")
    assert any(declared in header.read_text(encoding="utf-8") for header in headers)
    first = calculator["doc"].split("\n\n")[0]
    assert first.endswith("."), first
    assert getattr(bf, name).__doc__
    assert getattr(bf, function).__doc__
    assert function in reference.DEFINITIONS
    assert ">>>" in (getattr(reference, function).__doc__ or "")


def test_the_stub_is_current() -> None:
    """`python -m bookflow._stub` would write what is there."""
    from bookflow import _stub

    stub = ROOT / "python" / "bookflow" / "_core.pyi"
    assert stub.read_text(encoding="utf-8") == _stub.text()


def test_importing_brings_in_numpy_alone() -> None:
    """The extras are imported where they are used."""
    code = "import sys, numpy; a = set(sys.modules); import bookflow; print(*set(sys.modules) - a)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    extras = {"polars", "pandas", "pyarrow", "plotly", "databento_dbn", "msgspec", "zstandard"}
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert not loaded & extras
