"""A pipeline in a thread of its own: the same bits, nothing lost, and errors that come out."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import Action, Flag, Side

X = bf.Instrument("X", price_unit="1", tick="1")
FEATURES = {"mid": bf.Mid(), "ofi": bf.OrderFlowImbalance()}


def pipeline(**settings: Any) -> bf.Pipeline:
    return bf.Pipeline(X, **({"features": FEATURES} | settings))


def levels(n: int, first: int = 0) -> bf.Events:
    """A bid and an ask that move."""
    i = np.arange(first, first + n)
    side = np.where(i % 2 == 0, 1, 2).astype(np.uint8)
    return bf.Events(
        {
            "ts": 1000 * i,
            "action": np.full(n, Action.QUOTE, np.uint8),
            "side": side,
            "price": np.where(i % 2 == 0, 99, 101) + i % 3 * (2 * side.astype(np.int64) - 3),
            "size": 1 + i % 7,
        },
        X,
    )


def content(frame: bf.FeatureFrame) -> list[bytes]:
    columns = [frame.ts, frame.status, frame.seen, frame.clean, *frame.columns.values()]
    return [column.tobytes() for column in columns]


# -- in and out ------------------------------------------------------------------------------------


class TestLive:
    def test_every_way_to_push(self) -> None:
        events = levels(60)
        with bf.Live(pipeline()) as live:
            assert live.push(0, Action.QUOTE, Side.BID, 99, 1) == 1
            assert live.push(events[1:20]) == 19
            assert live.push(events[20:30].to_numpy()) == 10
            assert live.push(events[30:31].to_numpy()[0]) == 1
            columns = ("ts", "action", "side", "price", "size")
            assert live.push({name: events.columns[name][31:] for name in columns}) == 29
            assert live.drain()
            expected = pipeline().run(events)
            assert (
                content(live.frame(100)[1:] if False else live.frame(100))[4:]
                == content(expected)[4:]
            )
            assert live.counters["received"] == 60
        assert live.rows.written == 60

    def test_window_and_frame(self) -> None:
        with bf.Live(pipeline()) as live:
            live.push(levels(50))
            live.drain()
            with live.latest(3) as rows:
                assert rows.ts.tolist() == [47_000, 48_000, 49_000]
                assert rows["mid"].base is not None
            frame = live.frame(2)
            assert frame.spec == live.spec == pipeline().spec
            assert frame.instrument == X == live.instrument
            assert frame.ts.tolist() == [48_000, 49_000]
        assert live.frame(1).ts.tolist() == [49_000]  # rows outlive the thread

    def test_wait(self) -> None:
        with bf.Live(pipeline()) as live:
            assert live.wait(timeout=0.001) == 0
            later = threading.Timer(0.02, lambda: live.push(levels(1)))
            later.start()
            assert live.wait(0, timeout=10) == 1
            later.join()
            assert live.wait(0) == 1

    def test_iteration(self) -> None:
        expected = pipeline().run(levels(500))
        live = bf.Live(pipeline())
        seen: list[bf.FeatureRow] = []
        with live:
            reader = threading.Thread(target=lambda: seen.extend(live))
            reader.start()
            time.sleep(0.02)
            for i in range(0, 500, 50):
                live.push(levels(50, i))
                time.sleep(0.001)
        reader.join()
        assert [row.ts for row in seen] == expected.ts.tolist()
        np.testing.assert_array_equal([row.ofi for row in seen], expected["ofi"])

    def test_async_iteration(self) -> None:
        expected = pipeline().run(levels(300))

        async def reads(live: bf.Live) -> list[int]:
            return [row.ts async for row in live]

        async def main() -> list[int]:
            live = bf.Live(pipeline()).start()
            reading = asyncio.create_task(reads(live))
            await asyncio.sleep(0.05)
            for i in range(0, 300, 30):
                live.push(levels(30, i))
                await asyncio.sleep(0)
            live.drain()
            live.close()
            return await reading

        assert asyncio.run(main()) == expected.ts.tolist()

    def test_a_reader_that_is_too_slow_is_told(self) -> None:
        with bf.Live(pipeline(), history=100) as live:
            rows = iter(live)
            live.push(levels(10))
            assert next(rows).ts == 0
            live.push(levels(50_000, 10))
            live.drain()
            with pytest.raises(bf.Overrun, match="is overwritten"):
                list(rows)

    def test_finish(self) -> None:
        events = levels(50)
        expected = pipeline(clock="1us")
        frames = [expected.run(events), expected.finish()]
        with bf.Live(pipeline(clock="1us")) as live:
            live.push(events)
            last = live.finish()
            assert content(last) == content(frames[1])
            assert not live.running
            assert content(live.frame(1000)) == content(bf.FeatureFrame.concat(frames))

    def test_stop_and_start(self) -> None:
        live = bf.Live(pipeline(), queue=1000)
        live.push(levels(10))
        assert len(live.queue) == 10
        with pytest.raises(RuntimeError, match="10 events wait, and the thread does not run"):
            live.drain()
        live.start()
        live.drain()
        live.stop()
        live.push(levels(10, 10))
        live.start()
        live.drain()
        live.close()
        live.close()
        assert content(live.frame(100)) == content(pipeline().run(levels(20)))
        with pytest.raises(RuntimeError, match="closed"):
            live.start()

    def test_events_are_kept(self) -> None:
        events = levels(40)
        with bf.Live(pipeline(), events=30) as live:
            live.push(events)
            live.drain()
            assert live.event_ring is not None
            kept = live.event_ring.copy(30)["event"]
        assert kept["price"].tolist() == events.price[10:].tolist()

    def test_state_in_full_flow(self) -> None:
        events = levels(30_000)
        with bf.Live(pipeline(), queue=1000) as live:
            taken = []
            for i in range(0, len(events), 1000):
                live.push(events[i : i + 1000])
                state = live.state()
                taken.append(state.events)
                again = pipeline()
                again.run(events[: state.events])
                assert again.to_bytes() == state.pipeline.to_bytes()
        assert taken == sorted(taken)

    def test_latency(self) -> None:
        live = bf.Live(pipeline())
        assert np.isnan(live.latency(0.5)).all()
        with live:
            for i in range(100):
                live.push(levels(1, i))
            live.drain()
            low, high = live.latency(0.5, 1.0)
            assert 0 < low <= high
        assert sum(n for _, n in live.counters["latency"]) <= 100

    def test_heartbeat(self) -> None:
        pipe = pipeline(clock="10ms", order="as-is")
        with bf.Live(pipe, heartbeat="20ms") as live:
            now = time.time_ns()
            live.push(now, Action.QUOTE, Side.BID, 99, 1)
            live.push(now, Action.QUOTE, Side.ASK, 101, 1)
            live.drain()
            written = live.rows.written
            assert live.wait(written + 3, timeout=10) > written + 3
            assert live.counters["heartbeats"] > 0
            # An event with a time before the heartbeat's is taken at that one, and counted.
            live.push(now, Action.QUOTE, Side.BID, 98, 1)
            live.drain()
            assert live.counters["faults"] == {"late": 1}

    def test_alarms(self) -> None:
        features = {"mid": bf.Mid(), "up": bf.parse_calculator("Diff(of=Mid())")}
        events = levels(400)
        expected = bf.Pipeline(X, features=features).run(events)
        seen: list[bf.LiveAlarm] = []
        threads = set()
        with bf.Live(bf.Pipeline(X, features=features)) as live:
            live.on_alarm("up", seen.append)
            live.on_alarm("up", lambda alarm: threads.add(threading.current_thread()))
            live.push(events)
        values = expected["up"]
        at = np.flatnonzero((values != 0) & ~np.isnan(values))
        assert len(at) > 10
        assert [(a.ts, a.row, a.feature, a.value) for a in seen] == [
            (expected.ts[i], i, "up", values[i]) for i in at
        ]
        assert threads.isdisjoint({threading.main_thread()})
        assert live.counters["alarms_lost"] == 0

    def test_an_alarm_s_error_comes_out(self) -> None:
        live = bf.Live(pipeline())
        calls: list[bf.LiveAlarm] = []
        with pytest.raises(ZeroDivisionError), live:  # noqa: PT012
            live.on_alarm("ofi", lambda alarm: 1 / 0)
            live.on_alarm("ofi", calls.append)
            live.push(levels(50))
        assert len(calls) > 10
        with pytest.raises(bf.InputError, match="feature = off: the features are mid, ofi"):
            live.on_alarm("off", print)

    def test_a_queue_of_one_s_own(self) -> None:
        queue = bf.EventQueue(1000)
        with bf.Live(pipeline(), queue=queue) as live:
            queue.push(levels(20))  # by whoever has it
            live.drain()
            assert live.rows.written == 20
            with pytest.raises(RuntimeError, match="a Live takes what is in this queue"):
                queue.pop()
            with pytest.raises(RuntimeError, match="another Live has this ring"):
                bf.Live(pipeline(), queue=queue)
            with pytest.raises(RuntimeError, match="a Live writes this ring"):
                live.rows.append(ts=[0], status=[0], seen=[0], clean=[0], mid=[0.0], ofi=[0.0])


# -- what goes wrong -------------------------------------------------------------------------------


class TestFaults:
    def test_bad_fields_are_refused_where_they_are_pushed(self) -> None:
        with bf.Live(pipeline()) as live:
            live.push(levels(10))
            bad = levels(10, 10).to_numpy()
            bad["size"][7] = -1
            with pytest.raises(bf.InputError, match="array: row 7: size = -1"):
                live.push(bad)
            with pytest.raises(bf.InputError, match="action = 0: must be 1") as caught:
                live.push(10_000, 0, Side.BID, 99, 1)
            assert caught.value.row is None
            with pytest.raises(bf.InputError, match="ts = 5: is before 9000"):
                live.push(5, Action.QUOTE, Side.BID, 99, 1)
            with pytest.raises(bf.InputError, match="does not fit: this pipeline's book is made"):
                live.push(10_000, Action.ADD, Side.BID, 99, 1, 7)
            with pytest.raises(TypeError, match="size must be an integer"):
                live.push(10_000, Action.QUOTE, Side.BID, 99, 1.5)
            live.push(levels(10, 10))
            live.drain()
            assert content(live.frame(100)) == content(pipeline().run(levels(20)))

    def test_too_many_rows_stop_the_thread(self) -> None:
        live = bf.Live(pipeline(clock="1us", max_rows=1000)).start()
        live.push(levels(10))
        live.push(10**15, Action.QUOTE, Side.BID, 99, 1)
        with pytest.raises(bf.InputError, match=r"row 10: .*more than max_rows = 1000 rows"):
            live.drain()
        with pytest.raises(bf.InputError, match="row 10"):
            live.push(10**15, Action.QUOTE, Side.BID, 99, 1)
        assert live.state().events == 10
        live.close()

    def test_depth_rows(self) -> None:
        depth = bf.Depth(*(np.array([[x]]) for x in (99, 1, 101, 1)))
        events = bf.Events(
            {
                "ts": np.array([0]),
                "action": np.array([Action.TRADE], np.uint8),
                "side": np.array([0], np.uint8),
                "price": np.array([99]),
                "size": np.array([1]),
            },
            X,
            depth=depth,
        )
        with (
            bf.Live(pipeline()) as live,
            pytest.raises(bf.InputError, match="rows of a whole depth do not go through"),
        ):
            live.push(events)

    def test_no_events(self) -> None:
        """None of any kind: nothing is pushed and nothing is wrong."""
        none = bf.Events(levels(0).columns, X, depth=bf.Depth(*([np.empty((0, 1), np.int64)] * 4)))
        with bf.Live(pipeline()) as live:
            assert live.push(none) == live.push(levels(0)) == live.queue.push(none) == 0

    def test_what_stops_the_thread_comes_out(self) -> None:
        live = bf.Live(pipeline(on_fault="raise")).start()
        live.push(levels(20))
        live.push(20_000, Action.QUOTE, Side.BID, 99, 1, 0, Flag.LAST | Flag.GAP)
        with pytest.raises(bf.FeedFault, match="gap") as caught:
            live.drain()
        assert caught.value.row == 20
        for call in (
            live.drain,
            live.latest,
            live.wait,
            live.start,
            lambda: live.push(levels(5, 30)),
            lambda: live.push(30_000, Action.QUOTE, Side.BID, 99, 1),
        ):
            with pytest.raises(bf.FeedFault):
                call()
        assert not live.running
        assert content(live.rows.frame(100)) == content(pipeline().run(levels(20)))
        state = live.state()
        assert state.events == 20
        live.close()

    def test_it_comes_out_of_the_with_block(self) -> None:
        with pytest.raises(bf.FeedFault), bf.Live(pipeline(on_fault="raise")) as live:
            live.push(0, Action.QUOTE, Side.BID, 99, 1, 0, Flag.LAST | Flag.GAP)

    def test_blocked_pushes_end_with_the_thread(self) -> None:
        live = bf.Live(pipeline(on_fault="raise"), queue=1)
        live.push(0, Action.QUOTE, Side.BID, 99, 1, 0, Flag.LAST | Flag.GAP)
        live.start()
        with pytest.raises(bf.FeedFault):
            live.push(levels(1000, 10))
        live.close()

    @pytest.mark.parametrize("overflow", ["refuse", "drop"])
    def test_overflow(self, overflow: str) -> None:
        live = bf.Live(pipeline(), queue=10, overflow=overflow)
        assert live.push(levels(15)) == 10
        assert live.push(20_000, Action.QUOTE, Side.BID, 99, 1) == 0
        live.start()
        live.drain()
        assert live.push(levels(1, 30)) == 1
        live.drain()
        counters = live.counters
        dropped = 6 if overflow == "drop" else 0
        assert (counters["sent"], counters["dropped"]) == (11 + dropped, dropped)
        assert counters["received"] == 11
        assert counters["faults"] == ({"gap": 1} if overflow == "drop" else {})
        assert bool(live.status & bf.Status.GAP) == (overflow == "drop")
        live.close()

    def test_timeout(self) -> None:
        live = bf.Live(pipeline(), queue=5, timeout=0.01)
        with pytest.raises(bf.QueueFull, match="5 of 8"):
            live.push(levels(8))
        with pytest.raises(bf.QueueFull):
            live.push(9_000, Action.QUOTE, Side.BID, 99, 1)
        live.start()
        live.push(levels(3, 5))  # what was not taken
        live.drain()
        assert live.rows.written == 8
        live.close()

    def test_heartbeat_needs_as_is(self) -> None:
        with pytest.raises(bf.InputError, match='needs a pipeline with order="as-is"'):
            bf.Live(pipeline(), heartbeat="100ms")
        with pytest.raises(bf.InputError, match="must be a span of time"):
            bf.Live(pipeline(order="as-is"), heartbeat="100events")

    def test_two_threads_that_push_are_told(self) -> None:
        live = bf.Live(pipeline(), queue=1, timeout=0.3)
        live.push(levels(1))

        def block() -> None:
            with pytest.raises(bf.QueueFull):
                live.push(levels(5, 1))

        blocked = threading.Thread(target=block)
        blocked.start()
        time.sleep(0.05)
        with pytest.raises(RuntimeError, match="in use by another thread"):
            live.push(levels(1, 9))
        blocked.join()


def orders(prices: list[int], sizes: list[int], last: list[int]) -> bf.Events:
    n = len(prices)
    return bf.Events(
        {
            "ts": np.arange(n),
            "action": np.full(n, Action.ADD, np.uint8),
            "side": np.full(n, Side.BID, np.uint8),
            "price": np.array(prices),
            "size": np.array(sizes),
            "order_id": np.arange(1, n + 1).astype(np.uint64),
            "flags": np.array(last, np.uint16),
        },
        X,
    )


def test_nothing_behind_an_error_is_lost_and_nothing_before_it_is_done_twice() -> None:
    """An overflow is found at the LAST of its atomic event, and told where that begins."""
    events = orders([5] * 22, [1] * 10 + [2**59, 2**59] + [1] * 10, [1] * 10 + [0] + [1] * 11)
    queue = bf.EventQueue(100)
    live = bf.Live(pipeline(), queue=queue, events=100)
    live.push(events)
    live.start()
    with pytest.raises(OverflowError):
        live.drain()
    state = live.state()
    counters = live.counters
    assert counters["received"] == state.events == 11
    assert counters["received"] + counters["queued"] == counters["sent"] == 22
    assert live.event_ring is not None
    assert live.event_ring.written == 11
    live.close()
    # Whoever goes on from the state with the same queue finds the next event there.
    assert queue.pop(1)["order_id"].tolist() == [12]
    assert live.rows.written == 10


def test_many_events_at_once() -> None:
    """More than one chunk of lazy events."""
    n = 150_000
    with bf.Live(pipeline(), queue=1000, overflow="drop", history=1 << 18) as live:
        taken = live.push(levels(n))
        live.drain()
        counters = live.counters
        assert counters["sent"] == n == taken + counters["dropped"]
    live = bf.Live(pipeline(), queue=100_000, timeout=0.01)
    with pytest.raises(bf.QueueFull) as caught:
        live.push(levels(n))
    assert caught.value.accepted == 100_000
    live.close()
    live = bf.Live(pipeline(), queue=n)
    bad = levels(n).to_numpy()
    bad["size"][n - 10] = -1
    with pytest.raises(bf.InputError, match=f"row {n - 10}"):
        live.push(bad)
    assert len(live.queue) == 0
    live.close()


def test_events_of_another_instrument_through_a_queue() -> None:
    queue = bf.EventQueue(100)
    other = levels(20).to_numpy()
    other["instrument"][15] = 7
    queue.push(other)
    live = bf.Live(pipeline(), queue=queue).start()
    with pytest.raises(bf.InputError, match=r"row 15: instrument = 7: the instrument here is 0"):
        live.drain()
    assert live.state().events == live.rows.written == 15
    live.close()


def test_an_instrument_with_an_id() -> None:
    pipe = bf.Pipeline(bf.Instrument("X", price_unit="1", tick="1", id=9), features=FEATURES)
    with bf.Live(pipe) as live:
        live.push(1, Action.QUOTE, Side.BID, 99, 1)
        live.push(levels(5, 5))
        live.queue.try_push(10_000, Action.QUOTE, Side.BID, 99, 1, instrument=9)
        live.drain()
        assert live.rows.written == 7


def test_a_closed_live() -> None:
    live = bf.Live(pipeline(), queue=3).start()
    live.push(levels(2))
    live.drain()
    live.stop()
    live.push(levels(2, 2))
    errors: list[RuntimeError] = []

    def block() -> None:
        try:
            live.push(levels(5, 4))
        except RuntimeError as error:
            errors.append(error)

    blocked = threading.Thread(target=block)
    blocked.start()
    time.sleep(0.1)
    live.close()
    blocked.join(10)
    assert not blocked.is_alive()
    assert "this Live is closed" in str(errors[0])
    with pytest.raises(RuntimeError, match="closed"):
        live.push(levels(1, 9))
    with pytest.raises(RuntimeError, match="closed"):
        live.push(9_000, Action.QUOTE, Side.BID, 99, 1)
    # What waits in its queue is whose the queue is.
    assert len(live.queue.pop()) == 3
    assert live.rows.wait(10**9, 60) == 2  # nothing will come, and nobody waits for it


def test_states_asked_for_by_several_threads() -> None:
    right: list[bool] = []
    with bf.Live(pipeline()) as live:
        live.push(levels(100))

        def ask() -> None:
            for _ in range(50):
                state = live.state()
                right.append(0 <= state.events <= 100)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert right == [True] * 150


def test_a_state_while_the_thread_fails() -> None:
    for _ in range(5):
        live = bf.Live(pipeline(on_fault="raise"))
        live.push(levels(20))
        live.push(20_000, Action.QUOTE, Side.BID, 99, 1, 0, Flag.LAST | Flag.GAP)
        live.start()
        assert live.state(timeout=5).events <= 20
        live.close()


def test_a_callback_that_holds_its_live_lets_it_go() -> None:
    import weakref

    def once() -> "weakref.ref[bf.Live]":
        with bf.Live(pipeline()) as live:
            live.on_alarm("ofi", lambda alarm: live)
            live.push(levels(20))
        return weakref.ref(live)

    gone = once()
    gc.collect()
    assert gone() is None


def test_iteration_gives_what_there_is_before_it_fails() -> None:
    live = bf.Live(pipeline(on_fault="raise"))
    rows = iter(live)
    live.push(levels(15))
    live.push(20_000, Action.QUOTE, Side.BID, 99, 1, 0, Flag.LAST | Flag.GAP)
    live.start()
    seen = []
    with pytest.raises(bf.FeedFault):
        seen.extend(row.ts for row in rows)
    assert seen == levels(15).ts.tolist()
    live.close()


def test_settings_of_a_queue_of_one_s_own() -> None:
    with pytest.raises(bf.InputError, match="is the queue's own setting"):
        bf.Live(pipeline(), queue=bf.EventQueue(10), overflow="drop")
    live = bf.Live(pipeline())
    with pytest.raises(bf.InputError, match="must be from 0 to 1"):
        live.latency(2)
    live.close()


def test_it_goes_on_within_an_atomic_event() -> None:
    """An ADD without a side takes that of the order which the DELETE before it took away."""
    pipe = pipeline()
    pipe.push(1, Action.ADD, Side.BID, 99, 5, 7)
    pipe.push(2, Action.DELETE, Side.NONE, None, 0, 7, 0)
    with bf.Live(pipe) as live:
        assert live.push(2, Action.ADD, Side.NONE, 98, 4, 8) == 1
        live.drain()
        assert live.state().pipeline.quotes[:2] == (98, 4)


def test_the_pipeline_itself_stays_as_it_is() -> None:
    pipe = pipeline()
    before = pipe.to_bytes()
    with bf.Live(pipe) as live:
        live.push(levels(50))
    assert pipe.to_bytes() == before


# -- processes -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork() -> None:
    with bf.Live(pipeline()) as live:
        live.push(levels(10))
        live.drain()
        child = os.fork()
        if child == 0:
            right = not live.running
            try:
                live.push(levels(5, 10))
                right = False
            except RuntimeError:
                pass
            right = right and live.rows.written == 10
            live.close()
            del live
            gc.collect()
            os._exit(0 if right else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        live.push(levels(10, 10))
        live.drain()
        assert content(live.frame(100)) == content(pipeline().run(levels(20)))


EXIT = """
import sys, threading
import numpy as np
import bookflow as bf
X = bf.Instrument("X", price_unit="1", tick="1")
pipe = bf.Pipeline(X, features={"mid": bf.Mid(), "ofi": bf.OrderFlowImbalance()})
live = bf.Live(pipe, wait="spin", events=1000).start()
live.on_alarm("ofi", lambda alarm: None)
for i in range(1000):
    live.push(i, bf.Action.QUOTE, 1 + i % 2, 99 + 2 * (i % 2), 1 + i)
"""


@pytest.mark.parametrize(
    "end",
    [
        "",  # the interpreter ends while everything runs
        "sys.exit(0)",
        "del live",
        "live.drain(); view = live.latest(10).mid; live.close(); del live; print(view.sum())",
        "ring = live.rows; queue = live.queue; del live; ring.latest(5); queue.close(); del queue",
        "live.drain(); window = live.latest(10); del live; assert len(window.mid) == 10",
        "threading.Thread(target=live.wait, args=(10**9,), daemon=True).start()",
    ],
)
def test_closing_in_any_order_is_clean(end: str) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-c", EXIT + end], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc")
def test_nothing_is_left_behind() -> None:
    def there() -> tuple[int, int]:
        gc.collect()
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    def once() -> None:
        with bf.Live(pipeline(), events=10) as live:
            live.on_alarm("ofi", lambda alarm: None)
            live.push(levels(100))

    once()
    before = there()
    for _ in range(20):
        once()
    assert there() == before


def test_live_demo() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bookflow", "live-demo", "--seconds", "1", "--events", "20000"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].split() == [
        "time",
        "(UTC)",
        "bid",
        "ask",
        "spread",
        "qi",
        "ofi",
        "tfi",
        "vpin",
        "rows",
    ]
    assert any("20,000 events sent, 20,000 taken, 0 dropped" in line for line in lines)
    assert not list(Path("/dev/shm").glob("bookflow.demo-*"))
