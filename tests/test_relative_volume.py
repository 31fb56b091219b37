"""Volume against the same time of the sessions before, in a pipeline that has sessions."""

import numpy as np
import pytest

import bookflow as bf
from bookflow import reference

HOUR = 3_600_000_000_000
# 09:30 in New York is 14:30 UTC on Friday 2024-03-08 and 13:30 UTC on the Monday after it.
OPENINGS = [1_709_908_200_000_000_000 + day * 24 * HOUR - (HOUR if day > 1 else 0)
            for day in (-1, 0, 3, 4)]  # fmt: skip


@pytest.mark.parametrize("step", [60, 600])
@pytest.mark.parametrize("sessions", [1, 2, 3])
def test_by_the_local_clock_over_a_change_of_time(sessions: int, step: int) -> None:
    """Numbers made here in numpy, and the reference, which counts from scratch."""
    random = np.random.default_rng(sessions)
    times, sizes = [], []
    for opened in OPENINGS:
        ages = np.sort(random.integers(0, 13 * HOUR // 2, 40))
        times.append(opened + ages // (HOUR // 600) * (HOUR // 600))
        sizes.append(random.integers(1, 50, 40))
    n = sum(map(len, times))
    columns = {
        "ts": np.concatenate(times),
        "action": np.full(n, bf.Action.TRADE, np.uint8),
        "side": np.ones(n, np.uint8),
        "price": np.full(n, 100),
        "size": np.concatenate(sizes),
        "flags": np.full(n, bf.Flag.LAST, np.uint8),
    }
    instrument = bf.Instrument("S", price_unit="1", tick="1")
    hours = "09:30-16:00 America/New_York"
    features = {"x": bf.RelativeVolume(sessions=sessions, step=step)}
    pipe = bf.Pipeline(instrument, clock="10m", session=hours, features=features)
    events = bf.Events.from_numpy(columns, instrument, source="test")
    frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])

    def until(day: int, age: int) -> int:
        return int(sizes[day][times[day] - OPENINGS[day] <= age].sum())

    expected = []
    for ts in frame.ts.tolist():
        day = max(d for d, opened in enumerate(OPENINGS) if opened <= ts)
        age = (ts - OPENINGS[day]) // (step * 10**9) * (step * 10**9)
        usual = sum(until(d, age) for d in range(day - sessions, day)) if day >= sessions else 0
        expected.append(sessions * until(day, age) / usual if usual else np.nan)
    assert np.isfinite(expected).sum() > 30
    np.testing.assert_array_equal(frame["x"], expected)

    plain = reference.Pipeline(
        instrument,
        clock="10m",
        session=hours,
        features={"x": ("relative_volume", {"sessions": sessions, "step": step})},
    )
    rows = zip(columns["ts"].tolist(), columns["size"].tolist(), strict=True)
    plain.run([(t, bf.Action.TRADE, bf.Side.BUY, 100, size) for t, size in rows])
    plain.finish()
    np.testing.assert_array_equal(frame["x"], [row.values["x"] for row in plain.rows])
