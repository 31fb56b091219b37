"""Calculators of calculators, by hand: what is looked at, when, and what the pipeline keeps."""

from typing import Any

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import Action, Flag, Side

SECOND = 10**9
CENTS = bf.Instrument("X", price_unit="0.01", tick="0.01")


def quotes(*rows: tuple[int, int, int]) -> list[tuple[Any, ...]]:
    """Events of (second, bid, ask): one atomic event a row, of size 1 each."""
    out = []
    for second, bid, ask in rows:
        ts = second * SECOND
        out.append((ts, Action.QUOTE, Side.BID, bid, 1, 0, 0))
        out.append((ts, Action.QUOTE, Side.ASK, ask, 1, 0, int(Flag.LAST)))
    return out


def trade(second: int, side: Side, price: int, size: int) -> tuple[Any, ...]:
    return (second * SECOND, Action.TRADE, side, price, size)


def rows_of(features: dict[str, Any], events: list[Any], clock: str = "event") -> bf.FeatureFrame:
    pipe = bf.Pipeline(CENTS, clock=clock, features=features)
    for event in events:
        pipe.push(*event)
    pipe.finish()
    return pipe.latest(1000)


def test_operators_are_the_specs_grammar() -> None:
    ofi, volume, vector = (
        bf.OrderFlowImbalance(),
        bf.Volume(),
        bf.MultiLevelOrderFlowImbalance(levels=3),
    )
    for made, text in (
        (ofi / volume, "OrderFlowImbalance() / Volume()"),
        (ofi - volume, "OrderFlowImbalance - Volume"),
        (vector[2], "MultiLevelOrderFlowImbalance(levels=3)[2]"),
        ((ofi - volume) / vector[1], "(OrderFlowImbalance - Volume)"
         " / MultiLevelOrderFlowImbalance(3)[1]"),
        (ofi / volume / ofi, "OrderFlowImbalance / Volume / OrderFlowImbalance"),
    ):  # fmt: skip
        assert made == bf.parse_calculator(text)
        assert bf.parse_calculator(made.spec) == made
    assert (
        ofi / volume
    ).spec == 'Ratio(of=OrderFlowImbalance(window="row"), by=Volume(window="row"))'


def test_what_is_no_calculator_is_no_operand() -> None:
    for wrong in (1, 0.5, "Mid", None):
        with pytest.raises(TypeError):
            bf.Mid() / wrong  # type: ignore[operator]
        with pytest.raises(TypeError):
            wrong - bf.Mid()  # type: ignore[operator]
    with pytest.raises(TypeError):
        iter(bf.Mid())  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MultiLevelOrderFlowImbalance(levels=3)[4]", "from 1 to 3"),
        ("MultiLevelOrderFlowImbalance(levels=3)[0]", "from 1 to 64"),
        ("Mid()[1]", "yields a vector"),
        ("Mean(of=MultiLevelOrderFlowImbalance())", "yields one number"),
        ("Mean(of=VPIN())", "VPIN.bucket_volume: is required"),
        ("Mean(of=Mead())", "is no calculator; there are"),
        ("Mean(of=Mid(), on=tick)", "row, event"),
        ('Mean(of=Mid(), weight="time", window="2events")', "a span of time"),
        ("Mid() -", "a name is missing"),
        ("(Mid()", "expected ')'"),
        ("Mid() Mid()", "nothing may follow"),
        ("(" * 40 + "Mid" + ")" * 40, "more than 32"),
        ("Mean(of=" * 40 + "Mid" + ")" * 40, "more than 32"),
        ("Alarm(of=Mid(), level=.5, back=.6)", "at most the level"),
    ],
)
def test_what_cannot_be_composed(text: str, said: str) -> None:
    with pytest.raises(bf.InputError) as error:
        bf.parse_calculator(text)
    assert said in str(error.value)


def test_alone_numbers_are_given_and_in_a_pipeline_sources_are() -> None:
    with pytest.raises(bf.InputError, match="is for a pipeline"):
        bf.Mean(of=bf.Mid()).update(1.0)
    with pytest.raises(bf.InputError, match=r"Mean\.of: is required in a pipeline"):
        bf.Pipeline(CENTS, features={"m": bf.Mean()})
    usual = bf.Pipeline(CENTS, features={"kyle": bf.KyleLambda()})
    assert usual.columns == ["kyle"]


def test_a_row_and_each_event() -> None:
    """Rows every 10 s: on="row" sees one mid a row, on="event" all three before it."""
    events = quotes((1, 100, 102), (2, 102, 104), (9, 104, 106), (15, 90, 92))
    events += quotes((20, 94, 96))
    mid = "Mid()"
    frame = rows_of(
        {
            "row": f"Mean(of={mid}, window=row)",
            "event": f"Mean(of={mid}, window=row, on=event)",
            "time": f"Mean(of={mid}, window=row, weight=time, on=event)",
            "most": f"Max(of={mid}, window=session, on=event)",
            "change": f"Diff(of={mid})",
            "step": f"Diff(of={mid}, on=event)",
        },
        events,
        "10s",
    )
    assert (frame.ts // SECOND).tolist() == [10, 20]
    np.testing.assert_allclose(frame["row"], [1.05, 0.95])
    np.testing.assert_allclose(frame["event"], [(1.01 + 1.03 + 1.05) / 3, (0.91 + 0.95) / 2])
    # 1.01 for 1 s, 1.03 for 7 s, 1.05 for 1 s; then 1.05 for 5 s more and .91 for 5 s
    np.testing.assert_allclose(frame["time"], [(1.01 + 7 * 1.03 + 1.05) / 9, (1.05 + 0.91) / 2])
    np.testing.assert_allclose(frame["most"], [1.05, 1.05])
    np.testing.assert_allclose(frame["change"], [np.nan, -0.10])
    np.testing.assert_allclose(frame["step"], [0.02, 0.04])


def test_what_looks_at_events_has_sources_of_its_own() -> None:
    """A flow over a row is one over an event to what looks at each, and stays one over the row."""
    events = [*quotes((1, 100, 102)), trade(2, Side.BUY, 102, 5), trade(3, Side.BUY, 102, 3)]
    events += [trade(4, Side.SELL, 100, 4), *quotes((11, 100, 102))]
    features = {
        "volume": bf.Volume(),
        "largest": "Max(of=Volume(), window=row, on=event)",
        "within": "Max(of=Last(of=Volume()), window=row, on=event)",
    }
    frame = rows_of(features, events, "10s")
    assert frame["volume"].tolist()[0] == 12
    assert frame["largest"].tolist()[0] == 5
    assert frame["within"].tolist()[0] == 5


def test_nothing_is_differenced_across_a_gap_or_a_session() -> None:
    begin, after = quotes((1, 100, 102), (2, 102, 104)), quotes((5, 120, 122), (6, 121, 123))
    clear = (4 * SECOND, Action.CLEAR, Side.NONE, bf.NONE, 0)
    gap = quotes((4, 110, 112))
    gap[-1] = (*gap[-1][:-1], int(Flag.LAST | Flag.GAP))
    # a clear book is known; after a gap nothing is, until a snapshot
    for between, expected in (([clear], {2: 0.02, 6: 0.01}), (gap, {2: 0.02})):
        frame = rows_of({"d": "Diff(of=Mid())"}, [*begin, *between, *after])
        known = ~np.isnan(frame["d"])
        seconds = (frame.ts[known] // SECOND).tolist()
        assert dict(zip(seconds, frame["d"][known], strict=True)) == pytest.approx(expected)

    pipe = bf.Pipeline(
        CENTS, features={"d": "Diff(of=Mid())", "m": "Mean(of=Mid())"}, session="00:00 UTC"
    )
    day = 24 * 3600
    for event in quotes((day - 1, 100, 102), (day + 1, 104, 106), (day + 2, 106, 108)):
        pipe.push(*event)
    frame = pipe.latest(10)
    np.testing.assert_allclose(frame["d"], [np.nan, np.nan, 0.02], atol=1e-12)
    np.testing.assert_allclose(frame["m"], [1.01, 1.05, 1.06])


def test_one_calculator_for_all_that_read_it() -> None:
    """Equal sources are one node: the saved state does not grow by a second reader."""
    one = bf.Pipeline(CENTS, features={"a": "Mean(of=VPIN(bucket_volume=10))"})
    two = bf.Pipeline(
        CENTS, features={"a": "Mean(of=VPIN(bucket_volume=10))", "b": "VPIN(bucket_volume=10)"}
    )
    added = len(two.to_bytes()) - len(one.to_bytes())
    assert added < len(bf.VPIN(bucket_volume=10).to_bytes())


def test_windows_hold_no_more_than_they_are_wide() -> None:
    mean, last = bf.Mean(window="10events"), bf.ZScore(window="5s")
    sizes = []
    for i in range(4000):
        mean.update(float(i % 7), i * SECOND)
        last.update(float(i % 7), i * SECOND)
        sizes.append(len(mean.to_bytes()) + len(last.to_bytes()))
    assert max(sizes[2000:]) == max(sizes[100:2000])


def test_sums_do_not_drift() -> None:
    """What left a window leaves nothing behind: 1e15 and then small numbers."""
    for calculator in (bf.Mean(window="3events"), bf.Std(window="3events")):
        for x in (1e15, -1e15, 1e15):
            calculator.update(x)
        values = [calculator.update(x) for x in (1.0, 2.0, 4.0)]
        assert values[-1] == pytest.approx(7 / 3 if isinstance(calculator, bf.Mean) else 1.527525)
    equal = bf.Std(window="3events")
    assert [equal.update(0.1) for _ in range(9)][1:] == [0.0] * 8


def test_alarms_are_a_column_and_a_list() -> None:
    events = quotes(*((i, 100 + (i > 20) * 8, 102 + (i > 20) * 8) for i in range(1, 40)))
    features = {"alarm": "Cusum(of=Diff(of=Mid()), sd=.01, k=.5, h=5)", "mid": bf.Mid()}
    frame = rows_of(features, events)
    rang = frame.alarms("alarm")
    assert rang["alarm"].tolist() == [1]
    assert (rang["ts"] // SECOND).tolist() == [21]
    assert frame["mid"][rang["row"][0]] == pytest.approx(1.09)
    with pytest.raises(bf.InputError, match="is no alarm"):
        frame.alarms("mid")
    with pytest.raises(KeyError):
        frame.alarms("no_such")


def test_volume_to_depth() -> None:
    """3 and 5 are traded within a second, against 1 at the bid and 1 at the ask; then only 5."""
    events = [
        *quotes((1, 100, 102)),
        trade(2, Side.BID, 102, 3),
        (2 * SECOND + SECOND // 2, Action.TRADE, Side.ASK, 100, 5),
        *quotes((3, 100, 103)),
        *quotes((4, 100, 102)),
    ]
    frame = rows_of({"x": bf.Volume(window="1s") / bf.CumulativeDepth(levels=1)}, events)
    by_time = dict(zip((frame.ts / SECOND).tolist(), frame["x"].tolist(), strict=True))
    assert by_time == {1.0: 0.0, 2.0: 1.5, 2.5: 4.0, 3.0: 2.5, 4.0: 0.0}


def test_numbers_that_leave_the_range_are_not_known() -> None:
    """1e150 is the most: its squares still add up. What a ratio makes of less is NaN beyond it."""
    for wrong in (1.1e150, -1e300):
        calculator = bf.Std()
        with pytest.raises(bf.InputError, match="within 1e150") as error:
            calculator.update(wrong)
        assert error.value.field == "of"
        assert calculator == bf.Std()
        with pytest.raises(bf.InputError) as error:
            bf.std(np.array([1.0, wrong]))
        assert error.value.row == 1
    far = bf.Std()
    for x in (1e150, -1e150, 1e150):
        value = far.update(x)
    assert np.isfinite(value)
    assert bf.Std.from_bytes(far.to_bytes()) == far

    small = '(Spread(unit="price") / Mid())'  # 1e-12 of what is quoted below
    steep = "Mid()" + f" / {small}" * 12
    pipe = bf.Pipeline(CENTS, features={"steep": steep, "mean": f"Mean(of={steep})"})
    for event in quotes((1, 10**12, 10**12 + 1)):
        pipe.push(*event)
    row = pipe.latest(1)
    assert row["steep"][0] > 1e150
    assert np.isnan(row["mean"][0])
    assert bf.Pipeline.from_bytes(pipe.to_bytes()).to_bytes() == pipe.to_bytes()
