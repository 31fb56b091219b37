"""The simulator: valid streams, the same for the same seed, and bursts that VPIN sees."""

import hashlib

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import FIELDS
from bookflow.reference.book import OrderBook
from bookflow.simulation import Simulation, simulate
from bookflow.simulation.arrivals import CHILDREN, draw_arrivals
from bookflow.simulation.draws import Draws
from bookflow.simulation.session import MOST_BURSTS, OPENING


@pytest.fixture(scope="module")
def sim() -> Simulation:
    return simulate(seed=1, events=200_000)


def digest(events: bf.Events) -> str:
    rows = events.to_numpy()
    return hashlib.sha256(b"".join(rows[name].tobytes() for name in FIELDS)).hexdigest()[:16]


def test_the_same_seed_gives_the_same_bits_on_every_platform() -> None:
    first, again = simulate(seed=3, events=20_000), simulate(seed=3, events=20_000)
    assert digest(first.events) == digest(again.events) == "3f5dc6dfc2e59807"
    assert first.bursts == again.bursts
    assert digest(simulate(seed=4, events=20_000).events) != digest(first.events)


@pytest.mark.parametrize("events", [1_000, 1_001, 2_345])
def test_there_are_exactly_as_many_events_as_asked_for(events: int) -> None:
    sim = simulate(seed=0, events=events)
    assert len(sim.events) == events
    assert sim.events.flags[-1] & bf.Flag.LAST


def test_opens_with_one_snapshot() -> None:
    events = simulate(seed=0, events=1_000).events
    snapshot = (events.flags & bf.Flag.SNAPSHOT) > 0
    assert np.flatnonzero(snapshot).tolist() == list(range(OPENING + 1))
    assert events.action[0] == bf.Action.CLEAR
    assert (events.action[1 : OPENING + 1] == bf.Action.ADD).all()
    assert np.flatnonzero(events.flags & bf.Flag.LAST)[0] == OPENING
    assert (events.ts[snapshot] == events.ts[0]).all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_plain_book_finds_no_fault(seed: int) -> None:
    book = OrderBook()
    for row in simulate(seed=seed, events=3_000).events.to_numpy():
        if row["action"] == bf.Action.EXECUTE:
            best = book.levels(int(row["side"]))[0]
            assert row["price"] == best.price
            assert row["order_id"] == book.queue(int(row["side"]), best.price)[0]
        elif row["action"] == bf.Action.DELETE:
            assert row["size"] == book.orders[int(row["order_id"])].size
        book.apply(row)
        if row["flags"] & bf.Flag.LAST:
            quotes = book.best()
            assert quotes.bid_size > 0
            assert quotes.ask_size > 0
            assert quotes.bid_price < quotes.ask_price
    assert not book.faults


def test_the_core_book_finds_no_fault(sim: Simulation) -> None:
    sim.events.check()
    pipe = bf.Pipeline(sim.instrument, clock="event", features={"spread": bf.Spread()})
    frame = pipe.run(sim.events)
    assert not any(pipe.faults.values())
    assert not frame.status.any()
    spread = frame["spread"]
    assert spread.min() >= 1
    assert (spread <= 3).mean() > 0.95


def test_a_session_lasts_its_hours(sim: Simulation) -> None:
    hours = 3_600_000_000_000
    ts = sim.events.ts
    assert (np.diff(ts) >= 0).all()
    assert abs(int(ts[-1] - ts[0]) - 6.5 * hours) < 10
    short = simulate(seed=1, events=2_000, hours=0.5, start=hours).events
    assert short.ts[0] == hours
    assert abs(int(short.ts[-1]) - 1.5 * hours) < 10


def test_all_kinds_of_order_events_occur(sim: Simulation) -> None:
    share = np.bincount(sim.events.action, minlength=11) / len(sim.events)
    for action, least in [("ADD", 0.3), ("DELETE", 0.2), ("EXECUTE", 0.05), ("CANCEL", 0.02)]:
        assert share[bf.Action[action]] > least
    assert share[bf.Action.MODIFY] > 0.01


def test_arrivals_excite_one_another() -> None:
    draws = Draws(5)
    arrivals = draw_arrivals(draws, 50_000, 50_000.0, [])
    counts = np.bincount(arrivals.time.astype(np.int64))
    # A Hawkes process' counts over long intervals have the variance mean / (1 - n)^2; the U of
    # the session adds a little, intervals of a second take a little off.
    dispersion = counts.var() / counts.mean()
    assert 0.7 < dispersion * (1 - CHILDREN) ** 2 < 1.3
    assert len(arrivals) == 50_000


def test_draws_have_their_distributions() -> None:
    draws = Draws(0)
    n = 200_000
    assert abs(draws.uniform(n).mean() - 0.5) < 0.003
    exponential = draws.exponential(n)
    assert abs(exponential.mean() - 1) < 0.01
    assert abs((exponential > 2).mean() - np.exp(-2)) < 0.003
    bell = draws.bell(n)
    assert abs(bell.mean()) < 0.01
    assert abs(bell.var() - 1) < 0.01
    births = draws.poisson(CHILDREN, n)
    assert abs(births.mean() - CHILDREN) < 0.01
    assert abs(births.var() - CHILDREN) < 0.01


def test_vpin_sees_the_informed_bursts(sim: Simulation) -> None:
    volume = int(sim.events.size[sim.events.action == bf.Action.EXECUTE].sum())
    vpin = bf.VPIN(bucket_volume=volume // 200, n_buckets=10)
    frame = bf.Pipeline(sim.instrument, clock="10s", features={"vpin": vpin}).run(sim.events)
    assert len(sim.bursts) == 6
    late = np.zeros(len(frame), bool)
    near = np.zeros(len(frame), bool)
    for burst in sim.bursts:
        length = burst.end - burst.start
        late |= (frame.ts > burst.start + length // 2) & (frame.ts < burst.end)
        near |= (frame.ts > burst.start) & (frame.ts < burst.end + 6 * length)
    usual = frame["vpin"][~near & np.isfinite(frame["vpin"])]
    assert np.median(frame["vpin"][late]) > 1.6 * np.median(usual)
    assert np.median(frame["vpin"][late]) > np.quantile(usual, 0.95)


def test_the_price_moves_the_way_of_the_informed(sim: Simulation) -> None:
    frame = bf.Pipeline(sim.instrument, clock="1s", features={"mid": bf.Mid()}).run(sim.events)
    assert {burst.direction for burst in sim.bursts} <= {-1, 1}
    for burst in sim.bursts:
        before, after = np.searchsorted(frame.ts, (burst.start, burst.end))
        assert (frame["mid"][after] - frame["mid"][before - 1]) * burst.direction > 0


def test_bursts_are_listed_in_time_order_and_lie_inside(sim: Simulation) -> None:
    edges = [edge for burst in sim.bursts for edge in (burst.start, burst.end)]
    assert edges == sorted(edges)
    assert sim.events.ts[0] < edges[0]
    assert edges[-1] < sim.events.ts[-1]
    assert simulate(seed=0, events=1_000, bursts=0).bursts == ()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"events": 999}, "events = 999: must be at least 1000"),
        ({"bursts": -1}, "bursts = -1: must be 0 to 100"),
        ({"bursts": MOST_BURSTS + 1}, "bursts = 101: must be 0 to 100"),
        ({"hours": 0}, "hours = 0: must be above 0"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, int], message: str) -> None:
    with pytest.raises(bf.InputError, match=message):
        simulate(**setting)


def test_takes_an_instrument_whose_tick_is_its_unit() -> None:
    coin = bf.Instrument("COIN", price_unit="0.5", tick="0.50", size_unit="0.001")
    sim = simulate(seed=0, events=1_000, instrument=coin)
    sim.events.check()
    assert sim.instrument == sim.events.instrument == coin
    assert len(simulate(seed=0, events=1_000, instrument=bf.Instrument()).events) == 1_000
    with pytest.raises(bf.InputError, match="must be the price unit"):
        simulate(instrument=bf.Instrument(price_unit="0.01", tick="0.05"))
