"""Jobs that are killed (SIGKILL) at random times and resumed until they are done.

    python tests/kills.py loop --kills 1000     one small job that saves all the time, by fork
    python tests/kills.py features --kills 1000 `bookflow features --resume`, a process each time

What the resumed jobs wrote must be what jobs that nobody interrupts write, and every checkpoint
that is found must be readable. Prints one line of JSON.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

import bookflow as bf
from bookflow.simulation import simulate

FEATURES = {
    "ofi": "OrderFlowImbalance()",
    "mlofi": "MultiLevelOrderFlowImbalance(levels=2)",
    "vwap": 'VWAP(window="5s")',
    "flow": 'TradeFlowImbalance(window="session")',
}


class Tally:
    """What was found after each kill."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(
            {"kills": 0, "jobs": 0, "unreadable": 0, "fell back": 0, "different": 0, "failed": 0}
        )
        self.reached: set[int] = set()

    def look(self, path: Path) -> None:
        """The checkpoints as they are on disk."""
        self.counts["kills"] += 1
        if self.counts["kills"] % 100 == 0:
            print(dict(self.counts), file=sys.stderr, flush=True)
        if not path.parent.exists():
            return  # killed before its first step or after its last
        self.counts["in a save"] += path.with_name(path.name + ".new").exists()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                saved = bf.Checkpoint(path).load()
            except bf.StateError:
                traceback.print_exc()
                self.counts["unreadable"] += 1
                return
        self.counts["fell back"] += len(told)
        if saved is not None:
            self.reached.add(saved.position.events)

    def report(self) -> int:
        """Prints all; 1 if anything was wrong."""
        print(json.dumps({**self.counts, "different positions": len(self.reached)}))
        return int(any(self.counts[name] for name in ("unreadable", "different", "failed")))


# -- a small job -----------------------------------------------------------------------------------


def small_job(directory: Path, events: bf.Events) -> None:
    """Saves after every 5 events and writes its rows."""
    pipe = bf.Pipeline(events.instrument, clock="3events", features=FEATURES, history=4)
    with bf.Checkpoint(directory / "job", every="5events") as checkpoint:
        out = checkpoint.output(directory / "rows")
        for frame in checkpoint.run(pipe, events.chunks(64)):
            out.write(frame._records().tobytes())
        out.write(pipe.finish()._records().tobytes())


def in_a_child(work: Callable[[], None], seconds: float) -> int | None:
    """Runs it for so long at most; its exit code, or None if it was killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def loop(directory: Path, kills: int, chance: random.Random) -> Tally:
    tally = Tally()
    events = simulate(seed=5, events=1_000).events[:300]
    straight = directory / "straight"
    straight.mkdir()
    begin = time.monotonic()
    small_job(straight, events)
    whole = time.monotonic() - begin
    expected = (straight / "rows").read_bytes()
    while tally.counts["kills"] < kills:
        job = directory / f"job{tally.counts['jobs']}"
        job.mkdir()
        longest = whole / 4
        while True:
            longest *= 1.02  # a machine that became slower must not go on for ever
            code = in_a_child(lambda job=job: small_job(job, events), chance.uniform(0, longest))
            if code is not None:
                break
            tally.look(job / "job")
        tally.counts["jobs"] += 1
        tally.counts["failed"] += code != 0
        tally.counts["different"] += (job / "rows").read_bytes() != expected
        shutil.rmtree(job)
    return tally


# -- the command line ------------------------------------------------------------------------------


def command(directory: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "bookflow", "features"),
        *(str(directory / name) for name in ("one.parquet", "two.parquet")),
        *("--every", "20events", "--out", str(out), *more),
        *(part for name, spec in FEATURES.items() for part in ("-f", f"{name}={spec}")),
    ]


def features(directory: Path, kills: int, chance: random.Random) -> Tally:
    tally = Tally()
    events = simulate(seed=6, events=15_000).events
    events[:9_000].write_parquet(directory / "one.parquet")
    events[9_000:].write_parquet(directory / "two.parquet")
    expected: dict[str, bytes] = {}
    resumed = ("--resume", "--checkpoint-every", "200events")
    begin = time.monotonic()
    first = command(directory, directory / "first.csv", *resumed)
    subprocess.run(first, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole = time.monotonic() - begin
    while tally.counts["kills"] < kills:
        suffix = (".csv", ".npy", ".parquet")[tally.counts["jobs"] % 3]
        out = directory / f"job{tally.counts['jobs']}{suffix}"
        if suffix not in expected:
            path = directory / f"straight{suffix}"
            subprocess.run(command(directory, path), check=True, stdout=subprocess.DEVNULL)
            expected[suffix] = content(path)
        longest = whole
        while True:
            process = subprocess.Popen(
                command(directory, out, *resumed),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                _, said = process.communicate(timeout=chance.uniform(whole / 4, longest))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                longest *= 1.05  # a machine that became slower must not go on for ever
            else:
                break
            if process.returncode != -signal.SIGKILL:
                said = ""
                break
            tally.look(Path(f"{out}.checkpoint") / "state")
        tally.counts["jobs"] += 1
        if process.returncode:
            print(said, file=sys.stderr)
            tally.counts["failed"] += 1
            continue
        left = [path for path in directory.iterdir() if path.name.startswith((f"{out.name}.", "."))]
        tally.counts["different"] += content(out) != expected[suffix] or bool(left)
        out.unlink()
    return tally


def content(path: Path) -> bytes:
    """The bytes of the file; of a Parquet file its values."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    frame = bf.FeatureFrame.read_parquet(path)
    records: np.ndarray = frame._records()
    return records.tobytes() + frame.spec.encode()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("loop", "features"))
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    run = {"loop": loop, "features": features}[args.what]
    with tempfile.TemporaryDirectory() as directory:
        return run(Path(directory), args.kills, random.Random(args.seed)).report()


if __name__ == "__main__":
    sys.exit(main())
