"""`bookflow live-demo`: one process simulates a market and computes, another one reads and prints.

The feed process pushes a simulated session, in so many seconds, into a `Live` whose rows lie in a
shared ring; this process attaches to the ring and prints its newest row. Nothing goes between them
but that memory.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

from bookflow.commands.demo import demo_pipeline
from bookflow.commands.text import counted, moment, table
from bookflow.errors import InputError, SegmentError
from bookflow.live import Live
from bookflow.rings import FeatureRing
from bookflow.simulation import simulate

_SHOWN = ("bid", "ask", "spread", "qi", "ofi", "tfi", "vpin")
_TURN = 0.005  # s between two pushes of what has become due
_PATIENCE = 120.0  # s for the feed process to simulate its session


def run(args: argparse.Namespace) -> int:
    if args.feed:
        return _feed(args.feed, args)
    name = f"demo-{os.getpid()}"
    asked = ("seconds", "events", "seed")
    given = [text for key in asked for text in (f"--{key}", str(getattr(args, key)))]
    feed = subprocess.Popen(
        [sys.executable, "-m", "bookflow", "live-demo", "--feed", name, *given],
        stdin=subprocess.PIPE,  # its end tells the feed that nobody reads any more
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ring = _attached(name, feed)
        _print_rows(ring)
        said, _ = feed.communicate(timeout=60)
    finally:
        if feed.poll() is None:
            feed.terminate()
            feed.wait()
    if feed.returncode != 0 or not said:
        raise InputError(f"the feed process ended with code {feed.returncode}", source="live-demo")
    facts = json.loads(said)
    p50, p999 = facts["latency"]
    print(
        table(
            [
                ("feed", f"process {feed.pid}, {facts['sent']:,} events sent, "
                 f"{facts['received']:,} taken, {facts['dropped']:,} dropped"),
                ("reader", f"process {os.getpid()}, {ring.written:,} rows of the shared ring"),
                ("push to row", f"p50 {p50 / 1e3:.1f} us, p99.9 {p999 / 1e3:.1f} us"),
                ("faults", counted(facts["faults"]) or "none"),
            ],
            indent="",
        )
    )  # fmt: skip
    return 0


def _attached(name: str, feed: "subprocess.Popen[str]") -> FeatureRing:
    """The ring, once the other process has made it."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return FeatureRing.attach(name)
        except SegmentError:
            if feed.poll() is not None:
                raise InputError(
                    f"the feed process ended with code {feed.returncode}", source="live-demo"
                ) from None
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def _print_rows(ring: FeatureRing) -> None:
    """The newest row twice a second, until the feed has closed the ring."""
    seen = lines = 0
    while True:
        lives = ring.maker_lives  # before the rows: what came before it closed is shown
        written = ring.wait(seen, timeout=0.5)
        if written > seen:
            seen = written
            row = ring.copy(1)
            if lines % 20 == 0:
                print(
                    f"{'time (UTC)':>19}" + "".join(f"{name:>10}" for name in _SHOWN) + "    rows"
                )
            lines += 1
            values = "".join(f"{row[name][0]:>10.4g}" for name in _SHOWN)
            print(f"{moment(int(row['ts'][0]))[:19]}{values}{seen:>10}", flush=True)
        if not lives:
            return
        time.sleep(0.5)


def _feed(name: str, args: argparse.Namespace) -> int:
    """The other process."""
    simulation = simulate(args.seed, args.events)
    events = simulation.events
    times = events.ts - events.ts[0]
    speed = times[-1] / max(args.seconds, 1e-3)  # ns of the session a second
    with Live(demo_pipeline(simulation), name=name, replace=True) as live:
        begin = time.monotonic()
        sent = 0
        while sent < len(events) and not _reader_gone():
            due = int(np.searchsorted(times, (time.monotonic() - begin) * speed, side="right"))
            if due > sent:
                live.push(events[sent:due])
                sent = due
            time.sleep(_TURN)
        live.finish()
        facts = {key: live.counters[key] for key in ("sent", "received", "dropped", "faults")}
        facts["latency"] = live.latency(0.5, 0.999)
        time.sleep(1.0)  # the last rows are read
    print(json.dumps(facts))
    return 0


def _reader_gone() -> bool:
    """Whether the other end of standard input was closed."""
    import select

    return bool(select.select([sys.stdin], [], [], 0)[0])
