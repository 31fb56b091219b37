"""Commands that are cut short: a full disk, a signal. No half of a file, nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import demo, inputs, output
from bookflow.commands.progress import Progress
from bookflow.simulation import simulate

FEATURES = ["--every", "event", "-f", "mid=Mid()", "--out"]
# A limit on the size of files fails a write as a full disk does.
LIMITED = (
    "import resource, sys\n"
    "from bookflow.cli import main\n"
    "from bookflow.commands import inputs, output\n"
    "limit, part_rows = int(sys.argv[1]), int(sys.argv[2])\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
    "inputs.CHUNK, output.PART_ROWS = 500, part_rows\n"
    "sys.exit(main(sys.argv[3:]))"
)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "events.npy"
    path.parent.mkdir()
    simulate(seed=0, events=5_000).events.write_npy(path)
    return path


def limited(limit: int, part_rows: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    pytest.importorskip("resource", reason="there is no limit of file sizes on this system")
    command = [sys.executable, "-c", LIMITED, str(limit), str(part_rows), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
@pytest.mark.parametrize("part_rows", [1 << 20, 500], ids=["written", "joined"])
def test_a_full_disk_is_2_and_leaves_the_old_file(
    suffix: str, part_rows: int, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"features{suffix}"
    out.write_bytes(b"old")
    # A part of 500 rows fits, all of them do not.
    arguments = ["features", str(recording), "--price-unit", "0.01", *FEATURES, str(out)]
    done = limited(40_000, part_rows, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"bookflow features: {out}: cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, "in"]


@pytest.mark.parametrize(("limit", "name"), [(1_000, "features.parquet"), (1 << 20, "report.html")])
def test_a_full_disk_leaves_no_half_of_the_demo(limit: int, name: str, tmp_path: Path) -> None:
    done = limited(limit, 1 << 20, "demo", "--events", "2000", "--out", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"bookflow demo: {tmp_path / name}: cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["features.parquet"][: limit > 1_000]


def test_output_that_nothing_takes_is_2(recording: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no device that is always full on this system")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "bookflow", "info", str(recording), "--price-unit", "0.01"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("bookflow info: ")
    assert done.stderr.count("\n") == 1


def test_termination_cleans_up(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[list[str]] = []

    def terminate(progress: Progress, n: int) -> None:
        there.append(sorted(path.name for path in tmp_path.iterdir()))
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Progress, "add", terminate)
    before = signal.getsignal(signal.SIGTERM)
    out = tmp_path / "features.npy"
    with pytest.raises(SystemExit) as left:
        main(["features", str(recording), "--price-unit", "0.01", *FEATURES, str(out)])
    assert left.value.code == 143
    assert len(there) == 1
    assert there[0][0].startswith(".features.npy.")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_commands_run_in_other_threads_too(recording: Path) -> None:
    codes: list[int] = []
    arguments = ["info", str(recording), "--price-unit", "0.01"]
    thread = threading.Thread(target=lambda: codes.append(main(arguments)))
    thread.start()
    thread.join()
    assert codes == [0]


def test_an_output_may_have_the_name_of_a_part(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "CHUNK", 500)
    monkeypatch.setattr(output, "PART_ROWS", 500)
    sizes = []
    for name in ("part0.csv", "other.csv"):
        out = tmp_path / name
        arguments = ["features", str(recording), "--price-unit", "0.01", *FEATURES, str(out)]
        assert main(arguments) == 0
        sizes.append(os.path.getsize(out))
    assert sizes[0] == sizes[1]


def test_the_demo_replaces_both_files_or_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.html").write_text("old")

    def half(path: Path, *rest: object, **settings: object) -> None:
        path.write_text("half of")
        raise bf.InputError("went wrong")

    monkeypatch.setattr(demo, "write_report", half)
    assert main(["demo", "--events", "2000", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "bookflow demo: went wrong\n"
    assert (tmp_path / "report.html").read_text() == "old"
