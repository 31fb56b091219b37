"""`python -m bench.soak --minutes 30`: whether a live pipeline's memory, threads or files grow.

A simulated session is pushed over and over, each time later, into `bf.Live` with windows of every
kind, a shared ring, alarms, and two readers; now and then another Live is opened and closed beside
it. Printed are the slope of the resident memory after the first third and what was left behind.
"""

import argparse
import os
import threading
import time
from pathlib import Path

import numpy as np

import bookflow as bf

DAY = 86_400 * 10**9
FEATURES = {
    "mid": bf.Mid(),
    "ofi": bf.OrderFlowImbalance(window="10s"),
    "slow": bf.OrderFlowImbalance(window="ew:1m"),
    "mlofi": bf.MultiLevelOrderFlowImbalance(levels=5, window="1000events"),
    "vpin": bf.VPIN(bucket_volume=5_000, n_buckets=50),
    "vwap": bf.VWAP(window="session"),
    "alarm": "Cusum(of=ZScore(of=OrderFlowImbalance(), window=100events), k=0.5, h=8)",
}


def resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def left() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=200_000, help="events a second")
    args = parser.parse_args()
    session = bf.simulate(1, 200_000)
    events = session.events
    length = int(np.ptp(events.ts)) // DAY * DAY + DAY
    pipe = bf.Pipeline(session.instrument, clock="1s", features=FEATURES, session="00:00 UTC")
    before = left()
    at: list[float] = []
    memory: list[float] = []
    alarms: list[int] = [0]
    done = threading.Event()

    def count(alarm: bf.LiveAlarm) -> None:
        alarms[0] += 1

    def read(ring: bf.FeatureRing) -> None:
        while not done.is_set():
            try:
                with ring.latest(min(len(ring), 1000)) as rows:
                    float(np.nansum(rows["ofi"]))
            except bf.Overrun:
                pass
            time.sleep(0.01)

    name = f"soak-{os.getpid()}"
    start = time.monotonic()
    sent = rounds = 0
    with bf.Live(pipe, name=name, events=10_000) as live:
        live.on_alarm("alarm", count)
        rings = (live.rows, bf.FeatureRing.attach(name))
        readers = [threading.Thread(target=read, args=(ring,)) for ring in rings]
        for reader in readers:
            reader.start()
        while time.monotonic() - start < 60 * args.minutes:
            columns = dict(events.columns)
            columns["ts"] = events.ts + rounds * length
            day = bf.Events(columns, session.instrument)
            for i in range(0, len(day), 2_000):
                live.push(day[i : i + 2_000])
                sent += min(2_000, len(day) - i)
                ahead = sent / args.rate - (time.monotonic() - start)
                if ahead > 0:
                    time.sleep(ahead)
                if i % 50_000 == 0:
                    at.append(time.monotonic() - start)
                    memory.append(resident())
            rounds += 1
            with bf.Live(pipe) as other:
                other.push(events[:5_000])
            live.state()
        done.set()
        for reader in readers:
            reader.join()
        counters = live.counters
    assert counters["sent"] == counters["received"] == sent
    assert counters["dropped"] == 0
    late = np.asarray(at) > at[-1] / 3
    slope = np.polyfit(np.asarray(at)[late], np.asarray(memory)[late], 1)[0] * 3600
    del live, other, rings
    print(f"{sent:,} events, {counters['rows']:,} rows, {alarms[0]:,} alarms in {at[-1]:.0f} s")
    print(f"resident {memory[0]:.0f} -> {memory[-1]:.0f} MB, slope {slope:+.2f} MB/h")
    print(f"files and threads before {before}, after {left()}")


if __name__ == "__main__":
    main()
