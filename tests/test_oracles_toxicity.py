"""Bulk classification, VPIN and IVPIN against figures that others computed."""

import csv
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

import bookflow as bf
from bookflow import toxicity as tox

DAY = 86_400 * 10**9
Floats = NDArray[np.float64]


def table(path: Path) -> dict[str, Any]:
    """A CSV's columns: numbers, NaN where nothing or NA stands, or texts."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    out: dict[str, Any] = {}
    for name in rows[0]:
        column = [row[name] for row in rows]
        try:
            out[name] = np.array([float("nan" if x in ("", "NA") else x) for x in column])
        except ValueError:
            out[name] = np.array(column)
    return out


# Distribution functions, from R.


def test_distribution_functions(shared: Path) -> None:
    expected = table(shared / "oracles/bvc_cdf/bvc_cdf_R.csv")
    z = expected.pop("z")
    assert len(expected) == 11
    for name, values in expected.items():
        normal = name == "normal"
        got = tox.normal_cdf(z) if normal else tox.student_t_cdf(z, float(name.removeprefix("t_")))
        lower = np.minimum(values, 1.0)
        assert np.all(np.abs(got - values) <= 1e-13 * lower), name


# Hand-sized cases.


@pytest.fixture(scope="module")
def micro(shared: Path) -> dict[str, Any]:
    text = (shared / "oracles/paper_micro_tests/micro_tests.json").read_text()
    cases: dict[str, Any] = json.loads(text)
    return cases


def test_micro_bulk_shares(micro: dict[str, Any]) -> None:
    assert len(micro["crossed_bvc"]["cases"]) == 3
    for change, sigma, share in micro["crossed_bvc"]["cases"]:
        prices = np.array([100, 100 + change], np.int64)
        sizes = np.array([5, 5], np.int64)
        got = bf.bulk_volume(prices, sizes, bar=None, sigma=float(sigma))
        assert got[1] == pytest.approx(share, abs=1e-15)


def test_micro_bucket_split(micro: dict[str, Any]) -> None:
    """The papers' four bars, with the shares of buyers as given."""
    case = micro["vpin_split"]
    volume, buy = (np.array(column, np.float64) for column in zip(*case["bars"], strict=True))
    times = np.arange(len(volume))
    bars = tox._Bars(times, times, volume, volume, volume)
    buckets = tox._fill(bars, buy, 1 - buy, case["V"], 1, "bar")
    got = [[record["buy"], record["sell"]] for record in buckets]
    np.testing.assert_allclose(got, case["buckets_buy_sell"], rtol=0, atol=1e-12)
    assert buckets["end"].tolist() == [2, 3, 3]


# PINstimation: bars of 300 s on the grid, open-close, sigma of the whole sample, empty bars in it.


class Sample(NamedTuple):
    ts: NDArray[np.int64]
    price: Floats
    size: Floats


@pytest.fixture(scope="module")
def hfdata(shared: Path) -> Sample:
    columns = table(shared / "data/pinstimation/hfdata.csv")
    ts = np.round(columns["timestamp"] * 1e7).astype(np.int64) * 100
    return Sample(ts, columns["price"], columns["volume"])


@pytest.fixture(scope="module")
def synthetic(shared: Path) -> Sample:
    text = (shared / "oracles/synthetic/trades.csv").read_text()
    columns = list(csv.DictReader(text.splitlines()))
    ts = np.array([int(row["ts_ns"]) for row in columns])
    price = np.array([float(row["price_ticks"]) for row in columns])
    return Sample(ts, price, np.array([float(row["size"]) for row in columns]))


def bucket_volume(sample: Sample) -> float:
    return float(sample.size.sum() / len(np.unique(sample.ts // DAY)) / 50)


def as_pinstimation(sample: Sample, bar: str, n: int) -> NDArray[np.void]:
    sigma = tox.bulk_sigma(
        sample.price, sample.ts, bar=bar, dp="open-close", empty_bars="zero", closed="left"
    )
    return tox.vpin_buckets(
        sample.price,
        sample.size,
        ts=sample.ts,
        bucket_volume=bucket_volume(sample),
        n_buckets=n,
        sign="bulk",
        bar=bar,
        dp="open-close",
        sigma=sigma,
        closed="left",
        times="interpolated",
    )


@pytest.mark.parametrize(
    ("name", "rows", "n"),
    [
        ("vpin_tb300_b50_n50", 100_000, 50),
        ("vpin_tb300_b50_n250", 100_000, 250),
        ("vpin_first50k_tb300_b50_n50", 50_000, 50),
        ("ivpin_first10k_tb300_b50_n50", 10_000, 50),
    ],
)
def test_every_bucket_of_pinstimation(
    shared: Path, hfdata: Sample, name: str, rows: int, n: int
) -> None:
    sample = Sample(*(column[:rows] for column in hfdata))
    expected = table(shared / f"oracles/pinstimation/{name}_buckets.csv")
    assert_as_pinstimation(as_pinstimation(sample, "300s", n), expected, bucket_volume(sample))


@pytest.mark.parametrize(("bar", "n"), [("10s", 20), ("60s", 50)])
def test_every_bucket_of_pinstimation_on_synthetic(
    shared: Path, synthetic: Sample, bar: str, n: int
) -> None:
    path = shared / f"oracles/pinstimation/synthetic_vpin_tb{bar[:-1]}_b50_n{n}_buckets.csv"
    if not path.exists():
        return  # held back
    got = as_pinstimation(synthetic, bar, n)
    assert_as_pinstimation(got, table(path), bucket_volume(synthetic))


def assert_as_pinstimation(got: NDArray[np.void], expected: dict[str, Any], volume: float) -> None:
    phantom = len(expected["bucket"]) - len(got)
    assert phantom in (0, 1)
    if phantom:
        assert expected["agg.bvol"][-1] + expected["agg.svol"][-1] < 1e-6 * volume
    last = len(got)
    for field, theirs in (("buy", "agg.bvol"), ("sell", "agg.svol")):
        np.testing.assert_allclose(got[field], expected[theirs][:last], rtol=0, atol=1e-9 * volume)
    np.testing.assert_allclose(got["vpin"], expected["vpin"][:last], rtol=0, atol=1e-9)
    # Days without a trade are no time there, so that clocks agree up to whole days.
    for field, theirs in (("start", "starttime"), ("end", "endtime")):
        apart = got[field] / 1e9 - expected[theirs][:last]
        np.testing.assert_allclose(apart, np.round(apart / 86400) * 86400, rtol=0, atol=1e-5)
    apart = got["duration"] - expected["duration"][:last]
    np.testing.assert_allclose(apart, np.round(apart / 86400) * 86400, rtol=0, atol=1e-5)


def test_published_summary_of_pinstimation(hfdata: Sample) -> None:
    vpin = as_pinstimation(hfdata, "300s", 50)["vpin"]
    assert np.isnan(vpin).sum() == 49
    known = vpin[~np.isnan(vpin)]
    got = [
        known.min(),
        *np.quantile(known, [0.25, 0.5]),
        known.mean(),
        *np.quantile(known, [0.75, 1]),
    ]
    np.testing.assert_allclose(got, [0.129, 0.208, 0.252, 0.269, 0.319, 0.643], rtol=0, atol=5e-4)


def test_the_streaming_calculator_is_pinstimation(shared: Path, hfdata: Sample) -> None:
    """BulkVPIN, given the sigma that the paper took of the whole sample."""
    expected = table(shared / "oracles/pinstimation/vpin_tb300_b50_n50_buckets.csv")["vpin"]
    volume = bucket_volume(hfdata)
    price = np.round(hfdata.price * 10_000).astype(np.int64)
    np.testing.assert_allclose(price / 10_000, hfdata.price, rtol=0, atol=1e-9)
    sigma = tox.bulk_sigma(
        price, hfdata.ts, bar="300s", dp="open-close", empty_bars="zero", closed="left"
    )
    # a nanosecond later its bars [t, t + 300 s) are (t, t + 300 s]
    got = bf.bulk_vpin(
        price,
        hfdata.size.astype(np.int64),
        ts=hfdata.ts + 1,
        bar="300s",
        dp="open-close",
        sigma=sigma,
        bucket_volume=volume,
        n_buckets=50,
    )
    # Known after the bar: a row sees what the bars that ended before it completed.
    bars = hfdata.ts // (300 * 10**9)
    begins = np.searchsorted(bars, bars, side="left")
    before = np.r_[0.0, np.cumsum(hfdata.size)][begins]
    complete = np.floor(before / volume + 1e-9).astype(np.int64)
    right = np.where(complete > 0, expected[np.maximum(complete, 1) - 1], np.nan)
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-9)
    assert (~np.isnan(got)).sum() > 90_000


@pytest.mark.parametrize("output", ["buy", "sell", "start", "end"])
@pytest.mark.parametrize("bulk", [False, True])
def test_the_last_bucket_is_the_record(hfdata: Sample, bulk: bool, output: str) -> None:
    """What the calculators tell of the last completed bucket, against the records of numpy."""
    price = np.round(hfdata.price * 10_000).astype(np.int64)
    size = hfdata.size.astype(np.int64)
    columns = (price, size, np.zeros(len(price), np.uint8))
    settings: dict[str, Any] = {"bucket_volume": 4000, "n_buckets": 50}
    if bulk:
        settings |= {"bar": "300s", "dp": "open-close", "sigma": 12.5}
        got = bf.bulk_vpin(*columns, ts=hfdata.ts, output=output, **settings)
        records = tox.vpin_buckets(*columns, hfdata.ts, sign="bulk", **settings)
        ends = records["end"] + 1  # known from the first print after the bar
    else:
        got = bf.vpin(*columns, ts=hfdata.ts, sign="tick", output=output, **settings)
        records = tox.vpin_buckets(*columns, hfdata.ts, sign="tick", **settings)
        # by volume: several prints share a stamp
        ends = np.searchsorted(np.cumsum(size), np.arange(1, len(records) + 1) * 4000)
    now = hfdata.ts if bulk else np.arange(len(price))
    complete = np.searchsorted(ends, now, side="right")
    values = records[output].astype(np.float64)
    right = np.where(complete > 0, values[np.maximum(complete, 1) - 1], np.nan)
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-6 if output in ("buy", "sell") else 0)
    assert (~np.isnan(got)).sum() > 90_000


# SPY's minutes up to the flash crash.


class Minutes(NamedTuple):
    price: Floats
    volume: Floats
    day: NDArray[np.str_]
    clock: NDArray[np.str_]
    ts: NDArray[np.int64]
    training: NDArray[np.bool_]


@pytest.fixture(scope="module")
def minutes(shared: Path) -> Minutes:
    rows: list[dict[str, str]] = []
    for path in sorted((shared / "oracles/elo2012_spy_flashcrash/may6th").glob("*.csv")):
        rows += csv.DictReader(path.read_text().splitlines())
    stamps = [row["Date.Time"] for row in rows]
    assert all(stamp.endswith("-04") for stamp in stamps)
    local = np.array([stamp[:19] for stamp in stamps], "datetime64[ns]").astype(np.int64)
    day = np.array([stamp[:10] for stamp in stamps])
    return Minutes(
        np.array([float(row["Last"]) for row in rows]),
        np.array([float(row["Volume"]) for row in rows]),
        day,
        np.array([stamp[11:16] for stamp in stamps]),
        local + 4 * 3600 * 10**9,
        day != "2010-05-06",
    )


V_SPY, SIGMA_SPY = 3672167.5025, 0.04667798567686122


def spy_buckets(x: Minutes) -> NDArray[np.void]:
    return tox.vpin_buckets(
        x.price,
        x.volume,
        ts=np.arange(len(x.price)),
        bucket_volume=V_SPY,
        sign="bulk",
        bar=None,
        sigma=SIGMA_SPY,
        session=x.day,
    )


def test_spy_before_the_flash_crash(shared: Path, minutes: Minutes) -> None:
    t = minutes.training
    assert minutes.volume[t].sum() / 24 / 50 == V_SPY
    sigma = tox.bulk_sigma(minutes.price[t], bar=None, session=minutes.day[t])
    assert sigma == pytest.approx(SIGMA_SPY, rel=1e-14)
    expected = table(shared / "oracles/elo2012_spy_flashcrash/reference_vpin.csv")
    got = spy_buckets(minutes)
    assert len(got) == len(expected["vpin"])
    for field in ("buy", "sell"):
        np.testing.assert_allclose(got[field], expected[field], rtol=0, atol=1e-9 * V_SPY)
    np.testing.assert_allclose(got["vpin"], expected["vpin"], rtol=0, atol=1e-9)
    assert (minutes.clock[got["end"]] == expected["end_time"]).all()
    assert (minutes.day[got["end"]] == expected["date"]).all()
    before = got["vpin"][minutes.training[got["end"]]]
    cdf = tox.ecdf(got["vpin"], reference=before)
    np.testing.assert_allclose(cdf, expected["cdf_train"], rtol=0, atol=1e-9)


def test_when_spy_turned_toxic(minutes: Minutes) -> None:
    got = spy_buckets(minutes)
    training = minutes.training[got["end"]]
    frozen = tox.ecdf(got["vpin"], reference=got["vpin"][training])
    expanding = tox.ecdf(got["vpin"])

    def first(cdf: Floats, level: float) -> str:
        at = np.flatnonzero((cdf > level) & ~training)[0]
        return str(minutes.clock[got["end"][at]])

    assert first(frozen, 0.9) == "14:11"
    assert first(frozen, 0.99) == "14:28"
    assert first(expanding, 0.99) == "14:26"
    for cdf, clock in ((frozen, "14:28"), (expanding, "14:26")):
        events = tox.toxic_events(cdf, level=0.99)
        that_day = [str(minutes.clock[got["end"][i]]) for i in events if not training[i]]
        assert that_day[:1] == [clock]


def test_the_streaming_calculator_before_the_flash_crash(shared: Path, minutes: Minutes) -> None:
    """A pipeline: the session's end keeps price changes apart, buckets run on."""
    expected = table(shared / "oracles/elo2012_spy_flashcrash/reference_vpin.csv")
    n = len(minutes.price)
    events = bf.Events(
        {
            "ts": minutes.ts,
            "action": np.full(n, bf.Action.TRADE, np.uint8),
            "side": np.zeros(n, np.uint8),
            "price": np.round(minutes.price * 1_000_000).astype(np.int64),
            "size": minutes.volume.astype(np.int64),
            "order_id": np.zeros(n, np.uint64),
            "flags": np.full(n, bf.Flag.LAST, np.uint16),
        },
        bf.Instrument("SPY", price_unit="0.000001", tick=None),
    )
    bulk: dict[str, Any] = {"bucket_volume": V_SPY, "bar": None, "sigma": SIGMA_SPY}
    pipe = bf.Pipeline(
        events.instrument,
        clock="event",
        session="09:30-16:00 America/New_York",
        features={
            "vpin": bf.BulkVPIN(**bulk),
            "buy": bf.BulkVPIN(**bulk, output="buy"),
            "share": bf.BulkVolume(bar=None, sigma=SIGMA_SPY),
        },
    )
    frame = pipe.run(events)
    assert len(frame) == n
    opens = np.r_[True, minutes.day[1:] != minutes.day[:-1]]
    assert (frame["share"][opens] == 0.5).all()
    # the last bucket that each minute completed
    ends = spy_buckets(minutes)["end"]
    complete = np.searchsorted(ends, np.arange(n), side="right")
    for name, scale in (("vpin", 1.0), ("buy", V_SPY)):
        values = expected[name]
        right = np.where(complete > 0, values[np.maximum(complete, 1) - 1], np.nan)
        np.testing.assert_allclose(frame[name], right, rtol=0, atol=1e-9 * scale)


# IVPIN.


def test_ivpin_of_pinstimation(shared: Path) -> None:
    """Tighter maxima of three buckets; where its optimiser stopped early, ours is higher up."""
    folder = shared / "oracles/pinstimation"
    columns = table(folder / "ivpin_first10k_tb300_b50_n50_buckets.csv")
    real = [columns[name][:400] for name in ("agg.bvol", "agg.svol", "duration")]
    got = tox.ivpin(*real)
    assert np.isnan(got["ivpin"]).sum() == 49
    lines = (folder / "ivpin_refit_bucket50_100_401.txt").read_text().splitlines()
    refits = [line.replace("|", " ").split() for line in lines if line and line[0] != "#"]
    assert [int(fit[0]) for fit in refits] == [50, 100, 401]
    for fit in refits:
        number, values = int(fit[0]), [float(x) for x in fit[1:]]
        if number == 401:
            # the phantom bucket of no volume and no time says nothing: 49 are left
            ours = tox.ivpin(*(column[-49:] for column in real), n_buckets=49)[-1]
        else:
            ours = got[number - 1]
        assert ours["ivpin"] == pytest.approx(values[6], abs=1e-6)
        assert ours["ivpin"] == pytest.approx(values[7], abs=2e-6)
        assert ours["loglik"] >= values[0] - 1e-6
        assert ours["loglik"] == pytest.approx(values[0], abs=1e-4)
        names = ("alpha", "delta", "mu", "eps_b", "eps_s")
        for name, value in zip(names, values[1:6], strict=True):
            assert ours[name] == pytest.approx(value, rel=1e-5), name
    # Of 351 it reports, 291 are the same to 1e-5; the others are lower maxima of the likelihood.
    apart = np.abs(got["ivpin"] - columns["ivpin"][:400])
    assert (apart < 1e-5).sum() >= 280


# flowrisk is here to be different from.


def test_flowrisk_differs_and_why(shared: Path) -> None:
    folder = shared / "oracles/flowrisk"
    bars = table(folder / "synthetic_minute_bars.csv")
    theirs = table(folder / "synthetic_MA50.csv")["vpin"]
    volume = float(bars["volume"].sum() / 2 / 50)
    ts = (bars["time"] * 1e9).astype(np.int64)
    price = bars["price"].astype(np.int64)
    size = bars["volume"].astype(np.int64)
    ours = bf.bulk_vpin(
        price, size, ts=ts, bar=None, sigma="trailing:50", bucket_volume=volume, n_buckets=50
    )
    # It has values from its first bar on, when no bucket is complete and no sigma is known; and
    # they are one value, that of the fiftieth bar: the past is filled with the future.
    assert not np.isnan(theirs).any()
    assert len(set(theirs[:40].tolist())) == 1
    assert np.isnan(ours[:50]).all()
    # Then it moves with every bar, for the open bucket is in it; ours when a bucket completes.
    moves = (np.diff(theirs) != 0).sum()
    known = ours[~np.isnan(ours)]
    complete = int(size.sum() / volume)
    assert moves > 2 * complete
    assert (np.diff(known) != 0).sum() <= complete
    both = ~np.isnan(ours)
    assert both.any()
    assert np.abs(ours - theirs)[both].mean() > 0.005


class AsFlowrisk(NamedTuple):
    """What flowrisk makes of bars."""

    z: Floats
    buckets: list[float]  # |buy - sell| of the complete ones
    vpin: Floats


def as_flowrisk(
    price: Floats, size: Floats, volume: float, past: float | None, initial: int = 50
) -> AsFlowrisk:
    """Over 50 buckets, or with a weight of `past` for those before the last."""
    decay = 0.8
    changes = np.diff(price)
    variance = changes[0] ** 2
    for change in changes[1 : initial - 1]:
        variance = decay * variance + (1 - decay) * change**2
    before = price[:initial].mean()
    complete: list[float] = []
    scores, vpin = [], []
    buy = sell = weighted = 0.0
    for i in range(len(price)):
        change, before = price[i] - before, price[i]
        if i >= initial:  # the bar's own change is in what it is divided by
            variance = decay * variance + (1 - decay) * change**2
        scores.append(change / np.sqrt(variance))
        share = float(tox.normal_cdf(np.array([scores[-1]]))[0])
        left = size[i]
        while left > 0:
            part = min(left, volume - buy - sell)
            bought = np.floor(share * part)
            buy, sell, left = buy + bought, sell + part - bought, left - part
            if buy + sell >= volume:
                complete.append(abs(buy - sell))
                if past is not None:
                    newest = 1 - past if len(complete) > 1 else 1.0
                    weighted = newest * complete[-1] + (1 - newest) * weighted
                buy = sell = 0.0
        last = complete[-49:]
        total = len(last) * volume + buy + sell
        if past is None:
            vpin.append((sum(last) + abs(buy - sell)) / total if total else np.nan)
        else:
            vpin.append(weighted / volume)
    filled = np.array(vpin)
    filled[:initial] = filled[initial]
    return AsFlowrisk(np.array(scores), complete, filled)


@pytest.mark.parametrize(
    ("bars", "values", "volume"),
    [
        ("AAPL_2018_11_22.csv", "AAPL_V500000_MA50.csv", 500_000),
        ("AAPL_2018_11_22.csv", "AAPL_V500000_EWMA095.csv", 500_000),
        ("CBIO_2018_11_22.csv", "CBIO_V10000_MA50.csv", 10_000),
        ("CBIO_2018_11_22.csv", "CBIO_V10000_EWMA095.csv", 10_000),
        ("INTC_2018_11_22.csv", "INTC_V300000_MA50.csv", 300_000),
        ("INTC_2018_11_22.csv", "INTC_V300000_EWMA095.csv", 300_000),
        ("synthetic_minute_bars.csv", "synthetic_MA50.csv", 58_326),
    ],
)
def test_what_flowrisk_does_differently(shared: Path, bars: str, values: str, volume: int) -> None:
    """All of it, so that what is left is ours.

    - sigma is an EWMA (decay .8) of squared changes with the current one among them: no change can
      exceed sqrt(5) of it, and no bar is bought by more than 98.7 %. Ours ends a bar earlier.
    - The 50 bars of initialisation share the sigma of the last of them, the first one's change is
      from their mean, and their values are the fifty-first's: all of it from the future.
    - Buys are rounded down to a share, whatever is left is sold.
    - The moving average takes 49 complete buckets and the open one, and starts with fewer.
    - Minutes of different days are differenced; here a session keeps them apart.
    """
    folder = shared / "oracles/flowrisk"
    read, theirs = table(folder / bars), table(folder / values)["vpin"]
    price, size = (
        read[name] if name in read else read[other]
        for name, other in (("price", "4. close"), ("volume", "5. volume"))
    )
    got = as_flowrisk(price, size, volume, 0.95 if "EWMA095" in values else None)
    np.testing.assert_allclose(got.vpin, theirs, rtol=0, atol=1e-12)

    # Their sigma: bounded scores. The same with the sigma of a bar earlier is not.
    assert np.abs(got.z[50:]).max() <= np.sqrt(5) + 1e-12
    units = np.round(price * 10_000).astype(np.int64)
    times = np.arange(len(price))
    share = bf.bulk_volume(units, np.ones_like(units), bar=None, sigma="trailing:50")
    share = share[~np.isnan(share)]
    assert (np.maximum(share, 1 - share) > tox.normal_cdf(np.array([np.sqrt(5)]))[0]).any()

    # Their shares in our buckets are their buckets, but for what was rounded down.
    bought = tox.normal_cdf(got.z)
    records = tox._fill(
        tox._Bars(times, times, price, price, size), bought, 1 - bought, volume, 50, "bar"
    )
    assert len(records) == len(got.buckets)
    apart = np.abs(np.abs(records["buy"] - records["sell"]) - got.buckets)
    parts = records["end"] - records["start"] + 1
    assert (apart <= 2 * parts).all()
    if "MA50" in values:  # of 50 complete buckets it is another number
        rows = np.searchsorted(records["end"], times, side="right")
        ours = np.r_[np.nan, records["vpin"]][rows]
        known = ~np.isnan(ours)
        assert known.any()
        assert 1e-5 < np.abs(ours - theirs)[known].mean() < 0.02
