"""Queues and rings: nothing lost or doubled, overflow as asked for, segments that are checked."""

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import EVENT_DTYPE


def events_of(n: int, first: int = 0) -> np.ndarray:
    rows = np.zeros(n, EVENT_DTYPE)
    rows["ts"] = first + np.arange(n)
    rows["ts_venue"] = bf.NONE
    rows["action"] = bf.Action.TRADE
    rows["price"] = 7 + np.arange(n)
    rows["size"] = 1
    rows["flags"] = 1
    rows["order_id"] = np.arange(n)
    rows["instrument"] = 3
    return rows


def name_of(tmp_path: Path) -> str:
    return f"t{os.getpid() % 100_000}-{abs(hash(str(tmp_path))) % 10**8}"


@pytest.fixture
def name(tmp_path: Path) -> str:
    return name_of(tmp_path)


class TestEventQueue:
    @pytest.mark.parametrize("capacity", [1, 2, 3, 8, 100])
    def test_what_goes_in_comes_out(self, capacity: int) -> None:
        queue = bf.EventQueue(capacity)
        sent = events_of(57)
        out = []
        at = 0
        while at < len(sent):
            at += queue.push(sent[at:])
            assert len(queue) <= capacity
            out.append(queue.pop(3))
        while len(queue):
            out.append(queue.pop())
        assert np.concatenate(out).tobytes() == sent.tobytes()
        assert (queue.sent, queue.received, queue.dropped) == (57, 57, 0)

    def test_every_field_of_every_source(self) -> None:
        queue = bf.EventQueue()
        instrument = bf.Instrument("X", id=3)
        rows = events_of(5)
        assert queue.push(bf.Events.from_numpy(rows, instrument)) == 5
        assert queue.push(rows[::-1]) == 5  # strides are read in place
        assert queue.try_push(1, bf.Action.ADD, bf.Side.BID, 5, 6, 7, 3)
        out = queue.pop()
        assert out[:5].tobytes() == rows.tobytes()
        assert out[5:10].tobytes() == rows[::-1].tobytes()
        assert out[10].tolist() == (1, bf.NONE, 7, 5, 6, 0, 1, 1, 3)

    def test_refuse_leaves_the_rest_with_the_caller(self) -> None:
        queue = bf.EventQueue(4)
        assert queue.push(events_of(3)) == 3
        assert queue.push(events_of(3)) == 1
        assert not queue.try_push(1, 6, 0, 5, 1)
        assert (queue.sent, queue.dropped) == (4, 0)

    def test_drop_counts_and_marks_the_next(self) -> None:
        queue = bf.EventQueue(4, overflow="drop")
        assert queue.push(events_of(6)) == 4
        assert queue.dropped == 2
        assert queue.push(events_of(1)) == 0
        assert not queue.try_push(1, 6, 0, 5, 1)  # the caller has it still: it is not lost
        queue.pop(2)
        assert queue.push(events_of(2)) == 2
        assert queue.pop()["flags"].tolist() == [1, 1, 1 | bf.Flag.GAP, 1]
        assert queue.sent == 9 == queue.received + queue.dropped

    def test_block_waits_for_room(self) -> None:
        queue = bf.EventQueue(2, overflow="block", wait="yield")
        out: list[np.ndarray] = []

        def take() -> None:
            while sum(map(len, out)) < 1000:
                queue.wait(0.1)
                out.append(queue.pop())

        taker = threading.Thread(target=take)
        taker.start()
        assert queue.push(events_of(1000)) == 1000
        taker.join()
        assert np.concatenate(out).tobytes() == events_of(1000).tobytes()

    def test_block_gives_up(self) -> None:
        queue = bf.EventQueue(2, overflow="block", timeout=0.01)
        with pytest.raises(bf.QueueFull, match="2 of 5 events were taken") as caught:
            queue.push(events_of(5))
        assert caught.value.accepted == 2
        assert isinstance(caught.value, TimeoutError)

    def test_wait_ends(self) -> None:
        queue = bf.EventQueue(2)
        assert not queue.wait(0.001)
        queue.push(events_of(1))
        assert queue.wait()

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"capacity": 0}, "capacity = 0: must be from 1 to"),
            ({"capacity": -1}, "capacity = -1: must be from 1 to"),
            ({"overflow": "spill"}, "overflow = spill: must be one of refuse, block, drop"),
            ({"wait": "never"}, "wait = never: must be one of spin, yield, sleep"),
            ({"timeout": -1.0}, "timeout = -1.0: must be seconds"),
            ({"timeout": float("nan")}, "timeout = nan: must be seconds"),
        ],
    )
    def test_bad_settings(self, given: dict[str, object], message: str) -> None:
        with pytest.raises(bf.InputError, match=message):
            bf.EventQueue(**given)  # type: ignore[arg-type]

    def test_bad_events(self) -> None:
        queue = bf.EventQueue()
        with pytest.raises(
            TypeError, match="expected Events or an array of EVENT_DTYPE, got dtype"
        ):
            queue.push(np.zeros(3))
        depth = bf.Depth(*(np.array([[x]]) for x in (99, 1, 101, 1)))
        rows = bf.Events.from_numpy(events_of(1), bf.Instrument("X", id=3))
        deep = bf.Events(rows.columns, rows.instrument, depth=depth)
        with pytest.raises(bf.InputError, match="rows of a whole depth do not go through"):
            queue.push(deep)
        with pytest.raises(bf.InputError, match="action = -1"):
            queue.try_push(1, -1, 0, 5, 1)
        with pytest.raises(TypeError, match="expected EVENT_DTYPE"):
            queue.pop_into(np.zeros(3))
        with pytest.raises(ValueError, match="writable contiguous"):
            queue.pop_into(np.zeros(6, EVENT_DTYPE)[::2])
        assert queue.sent == 0

    def test_two_threads_on_one_side_are_told(self) -> None:
        queue = bf.EventQueue(2, overflow="block", timeout=0.3)
        queue.push(events_of(2))
        begun = threading.Event()

        def block() -> None:
            begun.set()
            with pytest.raises(bf.QueueFull):
                queue.push(events_of(2))

        blocked = threading.Thread(target=block)
        blocked.start()
        begun.wait()
        time.sleep(0.05)
        with pytest.raises(RuntimeError, match="in use by another thread"):
            queue.try_push(1, 6, 0, 5, 1)
        blocked.join()

    def test_never_initialised(self) -> None:
        with pytest.raises(TypeError, match="never initialised"):
            bf.EventQueue.__new__(bf.EventQueue).try_push(1, 6, 0, 5, 1)


@pytest.mark.parametrize("single_mapping", [False, True])
class TestHistoryRing:
    def ring(self, single_mapping: bool) -> bf.HistoryRing:
        return bf.HistoryRing(
            {"i": np.int64, "x": np.float64, "bits": np.uint16, "event": EVENT_DTYPE},
            1000,
            single_mapping=single_mapping,
        )

    def write(self, ring: bf.HistoryRing, first: int, n: int) -> None:
        i = np.arange(first, first + n)
        ring.append(i=i, x=i / 3, bits=(i % 65536).astype(np.uint16), event=events_of(n, first))

    def test_the_latest_rows_are_one_view(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        written = 0
        for n in [1, 10, 700, 333, 1000, 999, 64, 2000, 5, 3 * ring.capacity + 7, 12]:
            self.write(ring, written, n)
            written += n
            assert ring.written == written
            for asked in (0, 1, 17, ring.most):
                with ring.latest(asked) as window:
                    first = max(0, written - asked)
                    expected = np.arange(first, written)
                    assert len(window) == len(expected)
                    assert window.first == first
                    assert window.i.flags.c_contiguous
                    assert not window.i.flags.writeable
                    np.testing.assert_array_equal(window.i, expected)
                    np.testing.assert_array_equal(window["x"], expected / 3)
                    np.testing.assert_array_equal(window["bits"], expected % 65536)
                    np.testing.assert_array_equal(window["event"]["ts"], expected)
                    assert window.valid

    def test_a_view_is_no_copy(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        self.write(ring, 0, ring.capacity)
        window = ring.latest(ring.most)
        view = window.i
        before = view.copy()
        self.write(ring, ring.capacity, ring.capacity)
        assert not (view == before).any()

    def test_overrun_is_told(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        self.write(ring, 0, 1000)
        slack = ring.capacity - ring.most
        with (  # noqa: PT012
            pytest.raises(bf.Overrun, match="were overwritten while they were read"),
            ring.latest(100) as window,
        ):
            assert window.valid
            self.write(ring, 1000, ring.capacity)
            assert not window.valid
        with ring.latest(ring.most) as window:
            self.write(ring, 1000 + ring.capacity, slack)
            assert window.valid
        with pytest.raises(bf.Overrun), ring.latest(ring.most):
            self.write(ring, 1000 + ring.capacity + slack, slack + 1)

    def test_an_error_inside_is_not_hidden(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        self.write(ring, 0, 10)
        with pytest.raises(ZeroDivisionError), ring.latest(10):  # noqa: PT012
            self.write(ring, 10, 3 * ring.capacity)
            raise ZeroDivisionError

    def test_copy_and_since(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        self.write(ring, 0, 500)
        assert ring.copy(20)["i"].tolist() == list(range(480, 500))
        assert ring.since(490)["i"].tolist() == list(range(490, 500))
        assert len(ring.since(500)["i"]) == 0
        self.write(ring, 500, 2 * ring.capacity)
        with pytest.raises(bf.Overrun, match="row 490 is overwritten"):
            ring.since(490)

    def test_wait(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        assert ring.wait(0, 0.001) == 0
        later = threading.Timer(0.02, lambda: self.write(ring, 0, 3))
        later.start()
        assert ring.wait(0, 5) == 3
        later.join()

    def test_readers_while_it_is_written(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        done = threading.Event()

        def write() -> None:
            for first in range(0, 60_000, 13):
                self.write(ring, first, 13)
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        whole = 0
        while not done.is_set() or whole == 0:
            rows = ring.copy(100)
            whole += 1
            np.testing.assert_array_equal(rows["x"], rows["i"] / 3)
            np.testing.assert_array_equal(rows["event"]["ts"], rows["i"])
            assert (np.diff(rows["i"]) == 1).all()
        writer.join()

    def test_a_view_outlives_its_ring(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        self.write(ring, 0, 50)
        view = ring.latest(50).i
        del ring
        gc.collect()
        assert view.tolist() == list(range(50))

    def test_bad_rows(self, single_mapping: bool) -> None:
        ring = self.ring(single_mapping)
        with pytest.raises(bf.InputError, match="the columns are i, x, bits, event"):
            ring.append(i=[1], x=[1.0])
        with pytest.raises(bf.InputError, match=r"i = .*does not fit dtype int64"):
            ring.append(i=[1.5], x=[1.0], bits=[1], event=events_of(1))
        for wrong in (np.array([2**63], np.uint64), np.ma.masked_array([1], [True]), ["1"]):
            with pytest.raises(bf.InputError, match="does not fit dtype int64"):
                ring.append(i=wrong, x=[1.0], bits=[1], event=events_of(1))
        with pytest.raises(ValueError, match="one length"):
            ring.append(i=[1, 2], x=[1.0], bits=[1], event=events_of(1))
        with pytest.raises(bf.InputError, match=f"n = 9999: must be from 0 to {ring.most}"):
            ring.latest(9999)
        with pytest.raises(KeyError, match="no column 'y'; there are i, x, bits, event"):
            ring.latest()["y"]
        with pytest.raises(AttributeError, match="no column 'y'"):
            _ = ring.latest().y
        assert ring.written == 0


def test_bad_columns() -> None:
    with pytest.raises(bf.InputError, match="bytes of an item = 4: must be 2 or a multiple of 8"):
        bf.HistoryRing({"x": np.float32}, 10)
    with pytest.raises(bf.InputError, match="must be a plain dtype"):
        bf.HistoryRing({"x": object}, 10)
    with pytest.raises(bf.InputError, match="must be a plain dtype in native order"):
        bf.HistoryRing({"x": ">i8"}, 10)
    with pytest.raises(bf.InputError, match="must name at least one"):
        bf.HistoryRing({}, 10)
    with pytest.raises(bf.InputError, match="rows = 0: must be from 1"):
        bf.HistoryRing({"x": np.int64}, 0)


def python(code: str, *args: str, **how: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,  # type: ignore[call-overload]
    )


def ended(process: "subprocess.Popen[str]", said: str = "") -> str:
    out, err = process.communicate(said, timeout=60)
    assert process.returncode == 0, err
    return out


WRITER = """
import os, sys, numpy as np, bookflow as bf
ring = bf.HistoryRing({"i": np.int64}, 1000, name=sys.argv[1], about={"of": "test"})
ring.append(i=[1, 2, 3])
print("ready", flush=True)
for line in sys.stdin:
    ring.append(i=np.arange(int(line)))
    print("written", flush=True)
os._exit(0)  # without close(): as if it had crashed
"""


class TestShared:
    def test_a_ring_between_two_processes(self, name: str) -> None:
        writer = python(WRITER, name)
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "ready\n"
        ring = bf.HistoryRing.attach(name)
        assert ring.about == {"of": "test"}
        assert ring.columns == {"i": np.dtype(np.int64)}
        assert ring.maker_lives
        view = ring.latest(3)
        assert view.i.tolist() == [1, 2, 3]
        writer.stdin.write("5\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == "written\n"
        assert ring.latest(5).i.tolist() == [0, 1, 2, 3, 4]
        with pytest.raises(RuntimeError, match="only the process that made a ring writes it"):
            ring.append(i=[1])
        ended(writer)
        assert not ring.maker_lives
        assert ring.wait(8, 60) == 8  # nothing will come, and nobody waits for it
        assert ring.latest(5).i.tolist() == [0, 1, 2, 3, 4]
        with pytest.raises(bf.SegmentError, match=r"is stale: process .* is dead"):
            bf.HistoryRing.attach(name)
        with pytest.raises(bf.SegmentError, match="there is one of that name already"):
            bf.HistoryRing({"i": np.int64}, 10, name=name)
        anew = bf.HistoryRing({"i": np.int64}, 10, name=name, replace=True)
        anew.close()

    @pytest.mark.parametrize("end", ["", "del ring", "ring.close()"])
    def test_names_of_a_process_that_ends_are_free(self, name: str, end: str) -> None:
        ended(
            python(
                "import sys, numpy as np, bookflow as bf\n"
                "ring = bf.HistoryRing({'i': np.int64}, 10, name=sys.argv[1])\n"
                "queue = bf.EventQueue(10, name=sys.argv[1] + 'q')\n" + end,
                name,
            )
        )
        for attach, ending in ((bf.HistoryRing.attach, ""), (bf.EventQueue.attach, "q")):
            with pytest.raises(bf.SegmentError, match="there is none of that name"):
                attach(name + ending)

    def test_a_living_writer_is_not_replaced(self, name: str) -> None:
        ring = bf.HistoryRing({"i": np.int64}, 10, name=name)
        with pytest.raises(bf.SegmentError, match=r"cannot be replaced: process .* lives"):
            bf.HistoryRing({"i": np.int64}, 10, name=name, replace=True)
        reader = bf.HistoryRing.attach(name)
        ring.close()
        assert not reader.maker_lives
        with pytest.raises(bf.SegmentError, match="there is none of that name"):
            bf.HistoryRing.attach(name)

    def test_a_queue_between_two_processes(self, name: str) -> None:
        queue = bf.EventQueue(100, name=name, overflow="block")
        taker = python(
            """
import sys, bookflow as bf
queue = bf.EventQueue.attach(sys.argv[1])
total = seen = 0
while seen < 5000:
    queue.wait()
    rows = queue.pop()
    total += int(rows["price"].sum())
    seen += len(rows)
print(total)
""",
            name,
        )
        sent = events_of(5000)
        assert queue.push(sent) == 5000
        assert int(ended(taker)) == sent["price"].sum()
        assert (queue.sent, queue.received, queue.dropped) == (5000, 5000, 0)
        queue.close()

    def test_a_side_of_a_queue_is_one_process_s(self, name: str) -> None:
        queue = bf.EventQueue(100, name=name)
        queue.push(events_of(3))
        other = python(
            """
import sys, numpy as np, bookflow as bf
queue = bf.EventQueue.attach(sys.argv[1])
try:
    queue.try_push(1, 6, 0, 5, 1)
except RuntimeError as error:
    print(error)
print(len(queue.pop()))
""",
            name,
        )
        first, second = ended(other).splitlines()
        assert first == (
            f"process {os.getpid()} pushes into this queue already: a queue has one such side"
        )
        assert second == "3"
        # The one who took is dead: another may.
        queue.push(events_of(1))
        assert len(queue.pop()) == 1
        queue.close()

    def test_two_objects_of_one_queue_are_two(self, name: str) -> None:
        queue = bf.EventQueue(100, name=name)
        queue.push(events_of(2))
        again = bf.EventQueue.attach(name)
        with pytest.raises(RuntimeError, match="pushes into this queue already"):
            again.push(events_of(1))
        assert len(again.pop()) == 2
        with pytest.raises(RuntimeError, match="takes from this queue already"):
            queue.pop()
        del again
        gc.collect()
        queue.push(events_of(1))
        assert len(queue.pop()) == 1  # the side is free again
        queue.close()

    def test_a_name_that_another_has_by_now_is_not_taken_from_it(self, name: str) -> None:
        first = bf.HistoryRing({"i": np.int64}, 10, name=name)
        file = Path("/dev/shm") / f"bookflow.{name}"
        if not file.is_file():
            pytest.skip("segments are no files here")
        file.unlink()
        second = bf.HistoryRing({"i": np.int64}, 10, name=name)
        first.close()
        bf.HistoryRing.attach(name)
        second.close()

    def test_what_is_attached_to_is_checked(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(bf.SegmentError, match="there is none of that name"):
            bf.EventQueue.attach(name)
        with pytest.raises(bf.SegmentError, match="a name is 1 to 21 letters"):
            bf.EventQueue(10, name="../etc")
        queue = bf.EventQueue(10, name=name)
        with pytest.raises(bf.SegmentError, match="is a queue, not a history"):
            bf.HistoryRing.attach(name)
        queue.close()

    @pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="segments are no files here")
    def test_foreign_and_damaged_segments(self, name: str) -> None:
        file = Path("/dev/shm") / f"bookflow.{name}"
        try:
            for content, message in [
                (b"", "is empty"),
                (b"x" * 10, "is too small"),
                (bytes(4096), "is being made, or its maker died"),
                (b"x" * 8192, "is not bookflow's"),
            ]:
                file.write_bytes(content)
                for kind in (bf.EventQueue, bf.HistoryRing):
                    with pytest.raises(bf.SegmentError, match=message):
                        kind.attach(name)
            file.unlink()
            ring = bf.HistoryRing({"i": np.int64}, 10, name=name)
            whole = file.read_bytes()
            # Any of the header's words changed: an error, or a ring that is still one.
            for at in range(0, 200, 8):
                for word in (0, 1, 2**32, 2**64 - 1):
                    bad = bytearray(whole)
                    bad[at : at + 8] = word.to_bytes(8, "little")
                    with file.open("r+b") as open_file:
                        open_file.write(bad)
                    for kind in (bf.HistoryRing, bf.FeatureRing, bf.EventQueue):
                        with contextlib.suppress(bf.SegmentError):
                            kind.attach(name)
                    with file.open("r+b") as open_file:
                        open_file.write(whole)
            bf.HistoryRing.attach(name)
            ring.close()
        finally:
            file.unlink(missing_ok=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork() -> None:
    queue = bf.EventQueue(10)
    ring = bf.HistoryRing({"i": np.int64}, 10)
    queue.push(events_of(2))
    ring.append(i=[1, 2])
    child = os.fork()
    if child == 0:
        try:
            right = ring.latest(2).i.tolist() == [1, 2]
            for call in (lambda: queue.push(events_of(1)), queue.pop, lambda: ring.append(i=[3])):
                try:
                    call()
                    right = False
                except RuntimeError:
                    pass
        except BaseException:
            right = False
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert queue.sent == 2
    assert ring.latest(2).i.tolist() == [1, 2]
