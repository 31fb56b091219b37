"""`bookflow features --resume`: a job that was interrupted writes what one that was not writes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_lobster import write_pair
from venue_logs import LOGS

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import inputs, job, output
from bookflow.simulation import simulate

KILLS = Path(__file__).with_name("kills.py")
SPECS = ["-f", "ofi=OrderFlowImbalance()", "-f", "mlofi=MultiLevelOrderFlowImbalance(levels=2)"]
FEW = ["--resume", "--checkpoint-every", "300events"]


class Killed(BaseException):
    """What a job is interrupted by."""


@pytest.fixture(scope="module")
def events() -> bf.Events:
    return simulate(seed=2, events=4_000).events


@pytest.fixture
def recording(events: bf.Events, tmp_path: Path) -> Path:
    path = tmp_path / "session.parquet"
    events.write_parquet(path)
    return path


def kill_after(
    monkeypatch: pytest.MonkeyPatch, frames: int, where: tuple[Any, str] = (job._Kept, "write")
) -> None:
    """The job dies when this is done for the last of so many times, without any cleaning up."""
    left = frames
    done: Callable[..., Any] = getattr(*where)

    def die(*args: Any, **settings: Any) -> Any:
        nonlocal left
        result = done(*args, **settings)
        left -= 1
        if left == 0:
            raise Killed
        return result

    monkeypatch.setattr(*where, die)


def interrupted(
    monkeypatch: pytest.MonkeyPatch,
    frames: int,
    command: list[str],
    where: tuple[Any, str] = (job._Kept, "write"),
) -> None:
    with monkeypatch.context() as patch:
        kill_after(patch, frames, where)
        with pytest.raises(Killed):
            main(command)


def content(path: Path) -> bytes:
    if path.suffix != ".parquet":
        return path.read_bytes()
    frame = bf.FeatureFrame.read_parquet(path)
    return frame._records().tobytes() + frame.spec.encode()


def assert_resumes(
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    out: Path,
    frames: tuple[int, ...],
    more: list[str] = FEW,
) -> None:
    """Interrupted so often it writes the same file, and leaves nothing else."""
    straight = out.with_name(f"straight{out.suffix}")
    assert main([*command, "--out", str(straight)]) == 0
    before = set(out.parent.iterdir()) - {Path(f"{out}.checkpoint")}
    for n in frames:
        interrupted(monkeypatch, n, [*command, "--out", str(out), *more])
        assert not out.exists()
        assert Path(f"{out}.checkpoint").exists()
    assert main([*command, "--out", str(out), *more]) == 0
    assert content(out) == content(straight)
    assert set(out.parent.iterdir()) == before | {out}


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".parquet"])
@pytest.mark.parametrize("parts", [False, True])
def test_resumed_is_uninterrupted(
    suffix: str, parts: bool, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if parts:
        monkeypatch.setattr(inputs, "CHUNK", 500)
        monkeypatch.setattr(output, "PART_ROWS", 40)
        monkeypatch.setattr(job, "PART_ROWS", 30)
    command = ["features", str(recording), "--every", "10events", *SPECS]
    assert_resumes(monkeypatch, command, tmp_path / f"x{suffix}", (2, 5, 1, 4))


def test_resumed_while_the_file_is_written(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS]
    out = tmp_path / "x.csv"
    interrupted(monkeypatch, 1, [*command, "--out", str(out), *FEW], (output.Rows, "join"))
    # A process that is killed removes nothing.
    (tmp_path / "x.csv.checkpoint" / ".x.csv.stale").mkdir()
    (tmp_path / "x.csv.checkpoint" / ".x.csv.stale" / "part0.csv").write_bytes(b"half")
    assert_resumes(monkeypatch, command, out, ())


def test_several_inputs(tmp_path: Path, events: bf.Events, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    for path, part in zip(paths, (events[:1000], events[1000:1700], events[1700:]), strict=True):
        part.write_parquet(path)
    command = ["features", *map(str, paths), "--every", "7events", *SPECS]
    assert_resumes(monkeypatch, command, tmp_path / "x.csv", (1, 3, 2, 4))


def test_lobster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [str(p) for day in ("2024-01-02", "2024-01-03") for p in write_pair(tmp_path, day=day)]
    command = ["features", *pairs, "--every", "1s", *SPECS]
    assert_resumes(monkeypatch, command, tmp_path / "x.csv", (1, 3, 2))


def test_a_venues_recording_with_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the reader counted is counted once."""
    logs = [tmp_path / "a.log", tmp_path / "b.log"]
    for path in logs:
        LOGS["kraken"](path)
    command = ["features", *map(str, logs), "--reader", "kraken", "--every", "event", *SPECS]
    command += ["--order", "as-is"]
    out = tmp_path / "x.csv"
    more = ["--resume", "--checkpoint-every", "2events"]
    assert_resumes(monkeypatch, command, out, (3, 8), more)
    said = [line for line in capsys.readouterr().err.splitlines() if "faults" in line]
    assert len(said) == 2
    assert said[0] == said[1]


def test_says_where_it_goes_on(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS, *FEW]
    command += ["--out", str(tmp_path / "x.csv")]
    interrupted(monkeypatch, 4, command)
    assert "there is no checkpoint: from the beginning" in capsys.readouterr().err
    state = tmp_path / "x.csv.checkpoint" / "state"
    state.write_bytes(state.read_bytes()[:-1])
    assert main(command) == 0
    said = capsys.readouterr().err
    assert "state: saved state of " in said
    assert "state.1, at event 900" in said
    assert "going on at event 900" in said


def test_both_checkpoints_damaged(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS, *FEW]
    command += ["--out", str(tmp_path / "x.csv")]
    interrupted(monkeypatch, 4, command)
    for name in ("state", "state.1"):
        (tmp_path / "x.csv.checkpoint" / name).write_bytes(b"BKFL")
    assert main(command) == 2
    assert "no checkpoint can be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (["--every", "11events"], "--every = 11events: is not that of the interrupted job: 10ev"),
        (["--session", "00:00 UTC"], "--session = 00:00 UTC: is not that of the interrupted job"),
        (["-f", "mid=Mid()"], "--features = "),
    ],
)
def test_another_job_is_refused(
    change: list[str],
    rule: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS, *FEW]
    command += ["--out", str(tmp_path / "x.csv")]
    interrupted(monkeypatch, 4, command)
    assert main([*command, *change]) == 2
    assert rule in capsys.readouterr().err
    assert main(command) == 0  # the right one goes on all the same


def test_another_source_is_refused(
    recording: Path,
    tmp_path: Path,
    events: bf.Events,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS, *FEW]
    command += ["--out", str(tmp_path / "x.csv")]
    interrupted(monkeypatch, 4, command)
    simulate(seed=9, events=4_000).events.write_parquet(recording)
    assert main(command) == 2
    assert "is not the file that the checkpoint was made reading" in capsys.readouterr().err


def test_a_job_is_not_begun_over_an_interrupted_one(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS]
    command += ["--out", str(tmp_path / "x.csv"), "--checkpoint-every", "300events"]
    interrupted(monkeypatch, 4, command)
    assert main(command) == 2
    assert "--resume goes on from it, or remove it" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0


def test_a_job_that_fails_before_its_first_checkpoint_leaves_nothing(
    recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["features", str(recording), "--every", "10events", *SPECS, *FEW]
    command += ["--out", str(tmp_path / "x.csv")]
    assert main([*command, "--instrument", "77"]) == 2
    assert main([*command, "--checkpoint-every", "soon"]) == 2
    interrupted(monkeypatch, 1, [*command, "--checkpoint-every", "1h"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["session.parquet"]


@pytest.mark.parametrize(("what", "kills"), [("loop", 20), ("features", 2)])
def test_kills(what: str, kills: int) -> None:
    """SIGKILL at random times: `.ci/long` does it a thousand times."""
    run = subprocess.run(
        [sys.executable, str(KILLS), what, "--kills", str(kills)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    counts = json.loads(run.stdout)
    assert counts["kills"] >= kills
    assert counts["jobs"] > 0
    assert [counts[name] for name in ("unreadable", "different", "failed")] == [0, 0, 0]
