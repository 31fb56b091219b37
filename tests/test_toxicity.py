"""bookflow.toxicity against the calculators, the reference and plain definitions."""

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Dice, columns_of, dice, effort

import bookflow as bf
from bookflow import reference
from bookflow import toxicity as tox


def test_examples_are_true() -> None:
    assert doctest.testmod(tox).failed == 0


def test_everything_is_exported_and_documented() -> None:
    for name in tox.__all__:
        assert getattr(tox, name).__doc__ or name.endswith("_DTYPE")


# Buckets.


@effort(60)
@given(
    rolled=dice(60), volume=st.sampled_from([1, 3, 7.5, 20]), n=st.integers(1, 4), data=st.data()
)
def test_buckets_are_those_of_the_calculators(
    rolled: Dice, volume: float, n: int, data: st.DataObject
) -> None:
    columns = columns_of("trades", rolled, 60)
    price, size, side, ts = (columns[name] for name in ("price", "size", "side", "ts"))
    sign = data.draw(st.sampled_from(["aggressor", "tick", "bulk"]))
    common: dict[str, Any] = {"bucket_volume": volume, "n_buckets": n}
    bulk: dict[str, Any] = {}
    if sign == "bulk":
        bulk = {
            "bar": data.draw(st.sampled_from([None, "2s", "5s"])),
            "dp": data.draw(st.sampled_from(["close-close", "open-close"])),
            "sigma": data.draw(st.sampled_from([1.5, "trailing:2", "trailing:5"])),
            "cdf": data.draw(st.sampled_from(["normal", "t:0.25", "t:3"])),
        }
        values = bf.bulk_vpin(price, size, side, ts=ts, **common, **bulk)
    elif volume == 7.5:
        return  # VPIN takes whole size units
    else:
        values = bf.vpin(price, size, side, ts=ts, sign=sign, **common)
    got = tox.vpin_buckets(price, size, side, ts, sign=sign, **common, **bulk)
    assert np.all((got["buy"] >= 0) & (got["sell"] >= 0) & (got["end"] >= got["start"]))
    # what a row may know: bars in time end before it, a print with itself
    strict = bulk.get("bar") is not None
    rows = np.searchsorted(got["end"], ts, side="left" if strict else "right")
    if not strict:  # prints of one time come one after another
        rows = rows[np.searchsorted(ts, ts, side="right") - 1]
        values = values[np.searchsorted(ts, ts, side="right") - 1]
    right = np.r_[np.nan, got["vpin"]][rows]
    np.testing.assert_allclose(values, right, rtol=0, atol=1e-9)
    known = values[~np.isnan(values)]
    assert np.all((known >= 0) & (known <= 1))


def test_buckets_that_are_full_but_for_rounding() -> None:
    """A tenth is no binary number: ten of them are one bucket, and no phantom follows."""
    got = tox.vpin_buckets([1.0] * 30, [0.1] * 30, [1] * 30, bucket_volume=1.0, n_buckets=1)
    assert len(got) == 3
    np.testing.assert_allclose(got["buy"], 1, rtol=0, atol=1e-12)
    thirds = tox.vpin_buckets([1.0] * 9, [1.0] * 9, [2] * 9, bucket_volume=9 / 7, n_buckets=2)
    assert len(thirds) == 7
    assert thirds["vpin"][1:].max() <= 1.0


def test_times_of_buckets() -> None:
    settings: dict[str, Any] = {"sign": "bulk", "bar": "10s", "sigma": 1.0, "bucket_volume": 10}
    ts = [1 * SECOND, 11 * SECOND, 41 * SECOND]
    plain = tox.vpin_buckets([5, 5, 5], [4, 12, 6], ts=ts, **settings)
    assert (plain["start"] // SECOND).tolist() == [0, 10]
    assert (plain["end"] // SECOND).tolist() == [20, 50]
    spread = tox.vpin_buckets([5, 5, 5], [4, 12, 6], ts=ts, **settings, times="interpolated")
    assert (spread["start"] // SECOND).tolist() == [0, 15]
    assert spread["end"].tolist() == [15 * SECOND, 40 * SECOND + 6_666_666_667]
    np.testing.assert_allclose(spread["duration"], [15, 40 + 20 / 3 - 15], rtol=1e-12)
    assert len(tox.vpin_buckets([], [], [], bucket_volume=1)) == 0


def test_which_end_of_a_bar_belongs_to_it() -> None:
    ts = np.array([5, 10, 15]) * SECOND
    prices = [1.0, 2.0, 4.0]
    settings: dict[str, Any] = {"bar": "10s", "dp": "open-close"}
    # (0, 10] and (10, 20]: changes 1 and 0; [0, 10) and [10, 20): 0 and 2
    assert tox.bulk_sigma(prices, ts, **settings) == pytest.approx(np.std([1, 0], ddof=1))
    assert tox.bulk_sigma(prices, ts, **settings, closed="left") == pytest.approx(np.sqrt(2))


def test_sigma_of_the_whole_sample() -> None:
    ts = np.array([0, 10, 40, 50]) * SECOND + 1
    prices = [10.0, 12.0, 11.0, 15.0]
    changes = [2.0, -1.0, 4.0]
    assert tox.bulk_sigma(prices, ts, bar="10s") == pytest.approx(np.std(changes, ddof=1))
    # bars of 20 s and 30 s are empty; the first has no close before it and is none of them
    zero = tox.bulk_sigma(prices, ts, bar="10s", dp="open-close", empty_bars="zero")
    assert zero == 0
    sessions = tox.bulk_sigma(prices, ts, bar="10s", session=[1, 1, 2, 2])
    assert sessions == pytest.approx(np.std([2, 4], ddof=1))
    assert np.isnan(tox.bulk_sigma([1.0, 2.0], bar=None))
    # a day without prints is not empty bars
    days = np.array([0, 3]) * 86_400 * SECOND + 1
    counted = tox.bulk_sigma([1.0, 9.0], days, bar="6h", empty_bars="zero")
    assert counted == pytest.approx(np.std([8, 0, 0, 0], ddof=1))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bucket_volume": 0}, "bucket_volume"),
        ({"bucket_volume": float("nan")}, "bucket_volume"),
        ({"n_buckets": 0}, "n_buckets"),
        ({"sign": "guess"}, "sign"),
        ({"bar": "10events"}, "bar"),
        ({"bar": "0s"}, "bar"),
        ({"dp": "close"}, "dp"),
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": "trailing:1"}, "sigma"),
        ({"cdf": "cauchy"}, "cdf"),
        ({"cdf": "t:0"}, "nu"),
        ({"closed": "both"}, "closed"),
        ({"times": "now"}, "times"),
        ({"ts": None}, "ts"),
        ({"ts": [2, 1]}, "ts"),
        ({"price": [1.0, float("inf")]}, "price"),
        ({"size": [1.0, -1.0]}, "size"),
        ({"sign": "aggressor"}, "side"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"price": [1.0, 2.0], "size": [1.0, 1.0], "ts": [1, 2], "sign": "bulk"}
    good |= {"sigma": 1.0, "bucket_volume": 1.0}
    assert len(tox.vpin_buckets(**good)) == 2
    with pytest.raises(bf.InputError) as error:
        tox.vpin_buckets(**good | change)
    assert error.value.field == field


# Past only.


@effort(40)
@given(st.lists(st.integers(-3, 3) | st.just(float("nan")), max_size=40), st.integers(1, 12))
def test_ecdf_is_its_definition(values: list[float], most: int) -> None:
    x = np.array(values, np.float64)
    for n, got in ((len(x) + 1, tox.ecdf(x)), (most, tox.ecdf(x, most))):
        for i, value in enumerate(x):
            past = x[: i + 1]
            past = past[~np.isnan(past)][-n:]
            right = float(np.mean(past <= value)) if not np.isnan(value) else np.nan
            np.testing.assert_allclose(got[i], right, rtol=1e-15)


def test_the_future_changes_nothing() -> None:
    values = np.random.default_rng(1).normal(size=200)
    for how in ("expanding", 30, values[:50]):
        whole = tox.ecdf(values, how)
        np.testing.assert_array_equal(tox.ecdf(values[:120], how), whole[:120])


def test_events_need_a_way_back() -> None:
    assert tox.toxic_events([1, 1, 0.5, 1, 0.95, 1, np.nan, 0.89, np.nan, 0.99]).tolist() == [3, 9]
    assert tox.toxic_events([0.1, 0.2]).tolist() == []
    with pytest.raises(bf.InputError):
        tox.toxic_events([0.5], level=0.5, back=0.6)


# IVPIN.


def drawn_buckets(n: int, alpha: float, seed: int) -> tuple[Any, Any, Any, np.ndarray]:
    """Buckets of a volume of 1000: buys and sells at 2 and 3 a second, 8 more with news."""
    draw = np.random.default_rng(seed)
    news = np.where(draw.random(n) < alpha, np.where(draw.random(n) < 0.4, -1, 1), 0)
    buys, sells = 2.0 + 8 * (news > 0), 3.0 + 8 * (news < 0)
    duration = 1000 / (buys + sells)
    return draw.poisson(buys * duration), draw.poisson(sells * duration), duration, news


def test_ivpin_finds_what_it_was_drawn_from() -> None:
    buy, sell, duration, news = drawn_buckets(400, 0.3, 5)
    fit = tox.ivpin(buy, sell, duration, n_buckets=400)[-1]
    assert fit["alpha"] == pytest.approx(np.mean(news != 0), abs=1e-6)
    assert fit["delta"] == pytest.approx(np.mean(news[news != 0] < 0), abs=1e-6)
    for name, rate in (("mu", 8), ("eps_b", 2), ("eps_s", 3)):
        assert fit[name] == pytest.approx(rate, rel=0.02), name
    share = fit["alpha"] * fit["mu"] / (fit["eps_b"] + fit["eps_s"] + fit["mu"])
    assert fit["ivpin"] == pytest.approx(share, rel=1e-12)


def test_ivpin_stands_on_a_maximum_and_looks_back_only() -> None:
    buy, sell, duration, _ = drawn_buckets(60, 0.4, 9)
    fits = tox.ivpin(buy, sell, duration, n_buckets=30)
    assert np.isnan(fits["ivpin"]).sum() == 29
    fewer = tox.ivpin(buy[:45], sell[:45], duration[:45], n_buckets=30)
    np.testing.assert_array_equal(fits["ivpin"][:45], fewer["ivpin"])
    known = fits["ivpin"][29:]
    assert np.all((known >= 0) & (known <= 1))
    last = np.s_[-30:]

    def loglik(p: dict[str, float]) -> float:
        b, s, t = (np.asarray(x[last], np.float64) for x in (buy, sell, duration))

        def log_p(up: float, down: float) -> Any:
            return b * np.log(up) + s * np.log(down) - (up + down) * t

        eb, es, mu = p["eps_b"], p["eps_s"], p["mu"]
        none = np.log(1 - p["alpha"]) + log_p(eb, es)
        good = np.log(p["alpha"] * (1 - p["delta"])) + log_p(eb + mu, es)
        bad = np.log(p["alpha"] * p["delta"]) + log_p(eb, es + mu)
        return float(np.logaddexp(none, np.logaddexp(good, bad)).sum())

    best = {name: float(fits[name][-1]) for name in ("alpha", "delta", "mu", "eps_b", "eps_s")}
    assert loglik(best) == pytest.approx(float(fits["loglik"][-1]), rel=1e-12)
    for name in best:
        for factor in (0.999, 1.001):
            assert loglik(best | {name: best[name] * factor}) < loglik(best)


def test_ivpin_refuses_what_is_no_bucket() -> None:
    for columns, field in (
        (([1.0], [1.0], [0.0]), "duration"),
        (([-1.0], [1.0], [1.0]), "buy"),
        (([1.0], [np.nan], [1.0]), "sell"),
    ):
        with pytest.raises(bf.InputError) as error:
            tox.ivpin(*columns)
        assert (error.value.field, error.value.row) == (field, 0)
    assert len(tox.ivpin([], [], [])) == 0


# The calculators where a session ends.


def trades(ts: Any, price: Any, size: Any) -> bf.Events:
    n = len(ts)
    columns = {
        "ts": np.asarray(ts, np.int64),
        "action": np.full(n, bf.Action.TRADE, np.uint8),
        "side": np.zeros(n, np.uint8),
        "price": np.asarray(price, np.int64),
        "size": np.asarray(size, np.int64),
        "order_id": np.zeros(n, np.uint64),
        "flags": np.full(n, bf.Flag.LAST, np.uint16),
    }
    return bf.Events(columns, bf.Instrument("X", price_unit="1", tick=None))


def test_trailing_daily_volume() -> None:
    """Sessions of 60, none, 30 and 90: V is the mean of the last two over 3."""
    day = 86_400 * SECOND
    ts = np.array([0, 1, 2, 2 * day, 2 * day + 1, 3 * day, 3 * day + 1, 4 * day, 4 * day + 1]) + 5
    size = [10, 20, 30, 10, 20, 40, 50, 10, 15]
    price = [10, 11, 12, 13, 12, 11, 12, 13, 12]
    features: dict[str, bf.BulkVPIN] = {}
    for output in ("value", "age", "buy", "sell"):
        features[output] = bf.BulkVPIN("adv:2/3", n_buckets=1, bar=None, sigma=1e-9, output=output)
    features["anew"] = bf.BulkVPIN(
        "adv:2/3", n_buckets=1, bar=None, sigma=1e-9, output="age", per_session=True
    )
    pipe = bf.Pipeline(
        bf.Instrument("X", price_unit="1", tick=None), session="00:00 UTC", features=features
    )
    frame = pipe.run(trades(ts, price, size))
    assert np.isnan(frame["value"][:5]).all()
    # day 4: V = (60 + 30) / 2 / 3 = 15, and its first print, without a change, is split
    assert frame["value"][5:7].tolist() == [0.0, 1.0]
    assert frame["age"][5:7].tolist() == [10.0, 0.0]
    assert (frame["buy"][5], frame["sell"][5]) == (7.5, 7.5)
    # day 5: V = (30 + 90) / 2 / 3 = 20
    assert frame["age"][7:].tolist() == [10.0, 5.0]
    assert (frame["buy"][8], frame["sell"][8]) == (5.0, 15.0)
    assert np.isnan(frame["anew"][7])
    assert frame["anew"][8] == 5.0


def test_the_reference_has_the_batch_answers() -> None:
    columns = columns_of("trades", Dice(bytes((i * 91 + i // 5) % 256 for i in range(500))), 40)
    price, size = columns["price"].tolist(), columns["size"].tolist()
    settings: dict[str, Any] = {"bar": None, "sigma": 2.0, "bucket_volume": 7, "n_buckets": 3}
    plain = reference.bulk_vpin(price, size, **settings)
    got = tox.vpin_buckets(price, size, sign="bulk", **settings)
    rows = np.searchsorted(got["end"], np.arange(len(price)), side="right")
    np.testing.assert_allclose(np.r_[np.nan, got["vpin"]][rows], plain, rtol=0, atol=1e-12)


# Where the truth is known: the simulator's informed traders.


def simulated(seed: int, bursts: int) -> tuple[np.ndarray, np.ndarray, bf.Simulation]:
    """(ts, VPIN) each time a bucket completed."""
    sim = bf.simulate(seed=seed, events=200_000, bursts=bursts)
    vpin = bf.VPIN(4000, n_buckets=20)
    frame = bf.Pipeline(sim.instrument, clock="trade", features={"vpin": vpin}).run(sim.events)
    rows = np.flatnonzero(np.diff(frame["vpin"], prepend=np.nan) != 0)
    rows = rows[~np.isnan(frame["vpin"][rows])]
    return frame.ts[rows], frame["vpin"][rows], sim


def test_informed_traders_raise_vpin_and_ring_the_alarm() -> None:
    quiet = [simulated(seed, 0)[1] for seed in range(20, 26)]
    reference_values = np.concatenate(quiet[:4])
    # Without them the level is passed about as often as it says, by values that follow each other.
    new = tox.ecdf(np.concatenate(quiet[4:]), reference=reference_values)
    assert np.mean(new >= 0.99) < 0.03
    assert np.mean(new >= 0.9) == pytest.approx(0.1, abs=0.08)
    ts, values, sim = simulated(20, 6)
    cdf = tox.ecdf(values, reference=reference_values)
    events = ts[tox.toxic_events(cdf, level=0.99, back=0.9)]
    late = 5 * 60 * SECOND  # the window of 20 buckets has to fill with them
    inside = np.zeros(len(ts), bool)
    caught = 0
    for burst in sim.bursts:
        inside |= (ts >= burst.start) & (ts < burst.end)
        caught += bool(np.any((events >= burst.start) & (events < burst.end + late)))
    assert len(sim.bursts) == 6
    assert caught >= 5
    assert values[inside].mean() > 1.5 * reference_values.mean()
    false_alarms = [e for e in events if not any(b.start <= e < b.end + late for b in sim.bursts)]
    assert len(false_alarms) <= 2
