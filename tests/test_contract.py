"""What every calculator promises, whichever it is: they are found through `bf.calculators()`.

Alone here; in a pipeline in test_contract_pipeline.py.
"""

import copy
import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import SECOND, Columns, Dice, columns_of, dice, effort
from variants import ALONE, ENTRIES, VARIANTS, Variant

import bookflow as bf
from bookflow import reference

NAMES = [entry["name"] for entry in ENTRIES]
SOME = Dice(bytes((i * 73 + i // 7 * 31) % 251 for i in range(400)))._data

each_variant = pytest.mark.parametrize("variant", ALONE, ids=str)
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)


def first_of(entry: dict[str, Any]) -> Variant:
    return next(variant for variant in VARIANTS if variant.entry is entry)


def columns_from(variant: Variant, dice: Dice) -> Columns:
    inputs = variant.entry["inputs"]
    return columns_of(variant.feed, dice, touch=variant.touch, inputs=inputs)


def columns_for(variant: Variant) -> Columns:
    return columns_from(variant, Dice(SOME))


def bits(values: Any) -> bytes:
    """NaN equals NaN, and 0.0 is not -0.0."""
    return np.asarray(values, np.float64).tobytes()


def call(calculator: Any, columns: Columns, i: int) -> Any:
    """`update` with row i: integers, or an array a column for depth."""
    return calculator.update(*row_of(columns, i))


def row_of(columns: Columns, i: int) -> list[Any]:
    return [c[i] if c.ndim == 2 else c[i].item() for c in columns.values()]


def calls(calculator: Any, columns: Columns, rows: range) -> list[Any]:
    return [call(calculator, columns, i) for i in rows]


def whole(variant: Variant, columns: Columns) -> np.ndarray:
    inputs = [column for name, column in columns.items() if name != "ts"]
    return variant.function(*inputs, ts=columns["ts"])


def plain(variant: Variant, columns: Columns) -> np.ndarray:
    """The reference's answer."""
    inputs = [column.tolist() for name, column in columns.items() if name != "ts"]
    values = variant.expected(*inputs, ts=columns["ts"].tolist())
    return np.array(values, np.float64).reshape(whole(variant, columns).shape)


def assert_as_reference(variant: Variant, got: np.ndarray, expected: np.ndarray) -> None:
    """Exact where sums are integers; where they decay, rounding for each of some 30 samples."""
    if variant.decays:
        largest = 30 * 4 * 9 * 110  # samples x sizes of an increment x price
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=30 * 2**-52 * largest)
    elif variant.libm:
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)
    elif variant.logarithmic:
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15)
    elif variant.rounds:
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)
    elif variant.folded:
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)
    else:
        np.testing.assert_array_equal(got, expected)


# One answer, however it is asked for.


def assert_one_answer(variant: Variant, columns: Columns, cuts: list[int]) -> None:
    n = len(columns["ts"])
    values = whole(variant, columns)
    assert values.dtype == np.float64
    assert len(values) == n
    assert_as_reference(variant, values, plain(variant, columns))

    calculator = variant.make_alone()
    assert bits(calls(calculator, columns, range(n))) == bits(values)

    restored = variant.make_alone()
    one_by_one: list[Any] = []
    edges = [0, *sorted(min(cut, n) for cut in cuts), n]
    ways = [copy.copy, copy.deepcopy, pickled, through_bytes, lambda x: x.copy()]
    for k, (begin, end) in enumerate(pairwise(edges)):
        restored = ways[k % len(ways)](restored)
        one_by_one += calls(restored, columns, range(begin, end))
        restored.value  # noqa: B018  # a read may change nothing
    assert bits(one_by_one) == bits(values)
    assert restored == calculator
    if n:
        assert bits(calculator.value) == bits(values[-1])

    calculator.reset()
    assert bits(calls(calculator, columns, range(n))) == bits(values)


# What would be.


def assert_peeked(variant: Variant, columns: Columns) -> None:
    """Any of the rows to come is seen as it would be, and nothing changes."""
    calculator = variant.make_alone()
    n = len(columns["ts"])
    for i in range(n):
        before = calculator.to_bytes()
        for k in {i, (i + n) // 2, n - 1}:
            seen = calculator.peek(*row_of(columns, k))
            assert calculator.to_bytes() == before
            assert bits(seen) == bits(call(calculator.copy(), columns, k))
        seen = calculator.peek(*row_of(columns, i))
        assert bits(seen) == bits(call(calculator, columns, i))


@each_variant
def test_peek_is_what_update_would_return(variant: Variant) -> None:
    assert_peeked(variant, columns_for(variant))


@each_entry
@effort(10)
@given(data=st.data())
def test_peek_over_random_streams(entry: dict[str, Any], data: st.DataObject) -> None:
    variant = data.draw(st.sampled_from([v for v in ALONE if v.entry is entry]), label="variant")
    assert_peeked(variant, columns_from(variant, data.draw(dice(30), label="stream")))


@each_entry
def test_a_peek_that_fails_changes_nothing(entry: dict[str, Any]) -> None:
    variant = next(variant for variant in ALONE if variant.entry is entry)
    columns = columns_for(variant)
    calculator = variant.make_alone()
    call(calculator, columns, 0)
    before = calculator.to_bytes()
    row, ts = row_of(columns, 1), list(columns).index("ts")
    late, text = list(row), list(row)
    late[ts], text[ts] = 2**62, "now"
    for wrong in (late, text, [], [*row, 1, 1, 1]):
        with pytest.raises((bf.InputError, TypeError)) as peeked:
            calculator.peek(*wrong)
        with pytest.raises(type(peeked.value)) as updated:
            calculator.copy().update(*wrong)
        assert str(peeked.value) == str(updated.value).replace("update()", "peek()")
        assert calculator.to_bytes() == before


def pickled(calculator: Any) -> Any:
    return pickle.loads(pickle.dumps(calculator))


def through_bytes(calculator: Any) -> Any:
    return type(calculator).from_bytes(calculator.to_bytes())


@each_variant
def test_update_is_the_column_function_is_the_reference(variant: Variant) -> None:
    assert_one_answer(variant, columns_for(variant), [3, 9, 17, 18, 25])


@each_entry
@effort(30)
@given(data=st.data())
def test_one_answer_over_random_streams(entry: dict[str, Any], data: st.DataObject) -> None:
    variant = data.draw(st.sampled_from([v for v in ALONE if v.entry is entry]), label="variant")
    columns = columns_from(variant, data.draw(dice(30), label="stream"))
    cuts = data.draw(st.lists(st.integers(0, 30), max_size=4), label="cuts")
    assert_one_answer(variant, columns, cuts)


@effort(40)
@given(rolled=dice(60), bucket=st.integers(1, 40), n=st.integers(1, 4), sign=st.booleans())
def test_vpin_lies_between_0_and_1(rolled: Dice, bucket: int, n: int, sign: bool) -> None:
    columns = columns_of("trades", rolled, 60)
    del columns["ts"]
    settings = {"bucket_volume": bucket, "n_buckets": n, "sign": "tick" if sign else "aggressor"}
    values = bf.vpin(**columns, **settings)
    known = values[~np.isnan(values)]
    assert np.all((known >= 0) & (known <= 1))
    # Known from the print that completes the n-th bucket on, and never lost again.
    complete = np.cumsum(columns["size"]) >= n * bucket
    np.testing.assert_array_equal(~np.isnan(values), complete)


# Declaration, constructor and text.


@each_variant
def test_settings_are_what_was_given(variant: Variant) -> None:
    by_keyword, by_position = variant.make(), getattr(bf, variant.name)(*variant.settings.values())
    assert by_keyword == by_position
    for name, value in variant.settings.items():
        assert getattr(by_keyword, name) == value
    assert bf.parse_calculator(repr(by_keyword)) == by_keyword
    assert bf.parse_calculator(by_keyword.spec) == by_keyword
    bare = repr(by_keyword).replace('"', "")
    assert bf.parse_calculator(bare) == by_keyword
    assert repr(bf.parse_calculator(bare)) == repr(by_keyword)


@each_entry
def test_defaults_are_the_declared_ones(entry: dict[str, Any]) -> None:
    required = {
        p["name"]: first_of(entry).settings[p["name"]] for p in entry["parameters"] if p["required"]
    }
    given_all = {p["name"]: p["default"] for p in entry["parameters"] if not p["required"]}
    cls = getattr(bf, entry["name"])
    assert cls(**required) == cls(**required, **given_all)
    if required:
        with pytest.raises(bf.InputError, match="is required"):
            cls()


@each_entry
def test_class_and_function_are_exported_and_documented(entry: dict[str, Any]) -> None:
    for name in (entry["name"], entry["function"]):
        assert name in bf.__all__
        doc = getattr(bf, name).__doc__
        assert entry["doc"].split("\n")[0] in doc
        assert all(p["name"] in doc for p in entry["parameters"])
    assert entry["function"] in reference.DEFINITIONS
    assert getattr(reference, entry["function"]).__doc__


def test_variants_differ() -> None:
    """Equality sees every setting, and an object is never equal to one of another class."""
    texts = [repr(variant.make()) for variant in VARIANTS]
    assert len(set(texts)) == len(VARIANTS)
    made = [variant.make() for variant in VARIANTS]
    for a, b in pairwise(made):
        assert a != b
    assert made[0] != "text"


@each_entry
def test_equality_is_of_settings_and_state_and_so_there_is_no_hash(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    columns = columns_for(variant)
    a, b = variant.make_alone(), variant.make_alone()
    assert a == b
    calls(a, columns, range(5))
    assert a != b
    calls(b, columns, range(5))
    assert a == b
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


@each_entry
def test_copies_are_independent(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    columns = columns_for(variant)
    original = variant.make_alone()
    calls(original, columns, range(5))
    before = original.to_bytes()
    for made in (copy.copy(original), copy.deepcopy(original), original.copy(), pickled(original)):
        assert type(made) is type(original)
        assert made == original
        calls(made, columns, range(5, 9))
        assert made != original
        assert original.to_bytes() == before


@each_entry
def test_settings_cannot_be_set(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    for name in variant.settings:
        with pytest.raises(AttributeError):
            setattr(variant.make_alone(), name, 1)


WRONG = {
    "window": ("rows", "10", "10x", "-3s", "0s", "1.5events", "ew:row", "ew:3trades", "10volume",
               "", 3, True, "99999999999999999999s"),
    "str": ("no such", "", 1, None, True),
    "anchor": ("", "-1", -1, 2**62, "25:00", "14:60", "14:30:60", "4:30", "14:30 UTC", 1.5, True),
    "bool": (1, 0, "True", None, 0.5),
    "int": (0, -1, 2**40, 2**63, 2**70, 1.5, "3", None, True, math.nan, math.inf),
    "float": (-0.5, 1e9, "0.5", None, True, math.nan, math.inf, -math.inf),
    "quantity": (0, -1, "7", None, True, math.nan, math.inf),
    "bar": ("row", "10", "0s", "10events", "7volume", "", 3, True),
    "horizon": ("row", "10", "0s", "10events", "7volume", "", 3, None, True),
    "sigma": (0, -1, "7", "trailing", "trailing:1", "trailing:2.5", None, True, math.nan, math.inf),
    "distribution": ("", "t", "t:0", "t:-1", "t:1e9", "t:nan", "cauchy", 3, None, True),
    "amount": (0, -1, "7", None, True, math.nan, math.inf),
    "distance": (0, -1, "7", True, 1e-7, 1e10, math.nan, math.inf),
    "bucket": (0, -1, "7", "adv", "adv:20", "adv:0/50", "adv:20/0", "adv:2/3/4", None, True),
    "whole bucket": (0, -1, "7", "adv", "adv:20", "adv:0/50", "adv:2/3/4", None, True),
}  # fmt: skip
WRONG["numbers"] = ((), 3, "1", None, True, [math.inf], ["a"], [1.0, True], [0.0] * 70_000)
WRONG["source"] = ("", "no_such()", "Mid(", "Touch(of=no_such)", 3, True, [1], 0.5)
WRONG["sliding"] = (*WRONG["window"], "ew:2s", "ew:3events")


def in_range(parameter: dict[str, Any], value: Any) -> bool:
    low, high = parameter["allowed"].removeprefix("a number from ").split(" to ")
    return type(value) is float and float(low) <= value <= float(high)


@each_entry
def test_wrong_settings_are_refused(entry: dict[str, Any]) -> None:
    cls = getattr(bf, entry["name"])
    right = first_of(entry).settings
    for p in entry["parameters"]:
        for value in WRONG[p["type"]]:
            if p["type"] == "float" and in_range(p, value):
                continue
            with pytest.raises(bf.InputError) as error:
                cls(**(right | {p["name"]: value}))
            assert error.value.field == f"{entry['name']}.{p['name']}", value
            assert entry["name"] in str(error.value)
            if p["choices"] and isinstance(value, str):
                assert ", ".join(p["choices"]) in error.value.rule
        with pytest.raises((bf.InputError, TypeError)):
            cls(*right.values(), **{p["name"]: right[p["name"]]})


@each_entry
def test_unknown_parameters_list_those_there_are(entry: dict[str, Any]) -> None:
    cls = getattr(bf, entry["name"])
    names = [p["name"] for p in entry["parameters"]]
    right = first_of(entry).settings
    text = f"{entry['name']}(no_such=1)"
    for refused in (lambda: cls(no_such=1, **right), lambda: bf.parse_calculator(text)):
        with pytest.raises(bf.InputError, match="has no parameter no_such") as error:
            refused()
        assert all(name in str(error.value) for name in names)
    with pytest.raises(bf.InputError, match="has no parameter"):
        cls(*right.values(), 1)
    function = getattr(bf, entry["function"])
    inputs = [c for n, c in columns_for(first_of(entry)).items() if n != "ts"]
    right = first_of(entry).own
    names = [name for name in names if name in right]
    with pytest.raises(TypeError, match="no argument 'no_such'") as no_argument:
        function(*inputs, no_such=1, **right)
    assert all(name in str(no_argument.value) for name in names)


@pytest.mark.parametrize(
    "text",
    ["", "(", "Mid(", "Mid)", "Mid())", "Mid() x", "no_such()", "VPIN(bucket_volume=)",
     "VPIN(7, bucket_volume=7)", "VPIN(bucket_volume=7, bucket_volume=7)", 'Touch(of="bid_price)',
     "Touch(of=__import__('os'))", "Touch(of=bid_price, , )", "Touch(,of=bid_price)", "Mid\0",
     "VPIN(bucket_volume=nan)", "VPIN(bucket_volume=1e-2147483648)",
     "VPIN(bucket_volume=1e999)", "VPIN(bucket_volume=0x10)"],
)  # fmt: skip
def test_what_is_no_calculator(text: str) -> None:
    with pytest.raises(bf.InputError):
        bf.parse_calculator(text)


# Arguments of `update`.


class Index:
    """An integer by `__index__` alone."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value


def scalars(variant: Variant) -> dict[str, int]:
    """A good row for `update`, of the scalar feeds."""
    if variant.feed == "values":
        return dict.fromkeys(variant.entry["inputs"], 2.5) | {"ts": 9 * SECOND}
    if variant.feed == "queues":
        row = {"bid_orders": 2, "ask_orders": 3, "bid_size": 5, "ask_size": 6}
        return row | {"bid_age": 70, "ask_age": 90, "ts": 9 * SECOND}
    if variant.feed == "changes":
        row = {"price": 100, "change": 5, "side": 1, "cause": 1, "touch": 3}
        return row | {"ts": 9 * SECOND}
    if variant.feed == "trades":
        row = {"price": 100, "size": 5, "side": 1, "ts": 9 * SECOND}
        return row | ({"bid_price": 99, "ask_price": 101} if variant.touch else {})
    return {"bid_price": 99, "bid_size": 5, "ask_price": 101, "ask_size": 6, "ts": 9 * SECOND}


def arrays(variant: Variant) -> dict[str, Any]:
    row = {
        "bid_price": np.array([99, 98, 97]),
        "bid_size": np.array([5, 6, 7]),
        "ask_price": np.array([101, 102, 103]),
        "ask_size": np.array([4, 3, 2]),
        "ts": 9 * SECOND,
    }
    return row if variant.feed == "depth" else scalars(variant)


def assert_refused(calculator: Any, error: type[Exception], row: dict[str, Any]) -> None:
    before = calculator.to_bytes()
    with pytest.raises(error):
        calculator.update(**row)
    assert calculator.to_bytes() == before


def started(variant: Variant) -> Any:
    calculator = variant.make_alone()
    calculator.update(**arrays(variant) | {"ts": 5 * SECOND})
    return calculator


@each_variant
def test_update_takes_keywords_and_every_integer(variant: Variant) -> None:
    row = arrays(variant)
    expected = bits(variant.make_alone().update(*row.values()))
    assert bits(variant.make_alone().update(**row)) == expected
    for kind in (np.int64, Index):
        other = {n: kind(v) if isinstance(v, int) else v for n, v in row.items()}
        assert bits(variant.make_alone().update(**other)) == expected
    for kind in (np.int32, np.uint8):
        other = {n: kind(v) if isinstance(v, int) and n != "ts" else v for n, v in row.items()}
        assert bits(variant.make_alone().update(**other)) == expected


@each_entry
def test_update_refuses_what_is_no_integer(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    calculator = started(variant)
    row = arrays(variant)
    for name, value in row.items():
        if not isinstance(value, int):
            continue
        for wrong in (True, 1.0, np.float64(1), np.bool_(True), "1", [1], 1j):
            assert_refused(calculator, TypeError, row | {name: wrong})
        assert_refused(calculator, OverflowError, row | {name: 2**63})
        assert_refused(calculator, OverflowError, row | {name: -(2**63) - 1})
    assert_refused(calculator, TypeError, {})
    assert_refused(calculator, TypeError, row | {"no_such": 1})
    if len(entry["inputs"]) != 1:
        short = dict(list(row.items())[:1])
        assert_refused(calculator, TypeError, short)
    with pytest.raises(TypeError):
        calculator.update(*row.values(), 1, 1, 1)
    with pytest.raises(TypeError, match="twice"):
        calculator.update(*row.values(), **row)


@each_entry
def test_update_takes_every_number_and_refuses_what_is_none(entry: dict[str, Any]) -> None:
    if entry["feed"] != "values":
        return
    variant = first_of(entry)
    row = scalars(variant)
    expected = bits(variant.make_alone().update(**row | dict.fromkeys(entry["inputs"], 2.0)))
    for kind in (int, np.float64, np.float32, np.int64):
        other = row | dict.fromkeys(entry["inputs"], kind(2))
        assert bits(variant.make_alone().update(**other)) == expected
    calculator = started(variant)
    for name in entry["inputs"]:
        for wrong in (True, "1", None, 1j, np.bool_(True), [1.0]):
            assert_refused(calculator, TypeError, row | {name: wrong})
        assert_refused(calculator, bf.InputError, row | {name: math.inf})
        assert_refused(calculator, OverflowError, row | {name: 10**400})


@each_entry
def test_update_refuses_values_out_of_range(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    calculator = started(variant)
    row = arrays(variant)
    for name in row:
        wrong: Any = {
            "ts": (-1, 5 * SECOND - 1, 2**62, 2**63 - 1),
            "side": (-1, 3, 255, 2**40),
            "size": (0, -1, 2**60 + 1, 2**63 - 1),
            "change": (0, -5, 2**60 + 1, 2**63 - 1),
            "cause": (0, -1, 5, 2**40),
            "touch": (-1, 4, 2**40),
            "orders": (-1, 2**32, 2**63 - 1),
            "age": (-1, 2**62, 2**63 - 1),
        }.get(name.rpartition("_")[2], (2**61 + 1, -(2**61) - 1))
        if name in entry["inputs"]:
            wrong = (math.inf, -math.inf)
        for value in wrong:
            if name.endswith("_size") and value == 0:
                continue  # an empty side
            if variant.feed == "depth" and name != "ts":
                value = np.array([value, *row[name][1:]])
            with pytest.raises(bf.InputError) as error:
                calculator.update(**row | {name: value})
            assert error.value.field == name
        assert calculator == started(variant)


@each_entry
def test_levels_are_refused_out_of_order(entry: dict[str, Any]) -> None:
    if entry["feed"] != "depth" or "levels" not in first_of(entry).settings:
        return
    variant = [v for v in ALONE if v.entry is entry and v.settings["levels"] == 3][-1]
    calculator = started(variant)
    row = arrays(variant)
    rising = np.array([101, 102, 103])
    equal = np.array([100, 100, 99])
    for name, prices in (("bid_price", rising), ("ask_price", rising[::-1])):
        for wrong in (prices, equal if name == "bid_price" else -equal):
            assert_refused(calculator, bf.InputError, row | {name: wrong})
    for name in ("bid_size", "ask_size"):  # a level behind a missing one
        assert_refused(calculator, bf.InputError, row | {name: np.array([5, 0, 7])})


@each_entry
def test_an_object_that_was_never_initialised_does_not_crash(entry: dict[str, Any]) -> None:
    cls = getattr(bf, entry["name"])
    empty = cls.__new__(cls)
    for use in (
        lambda: empty.update(*arrays(first_of(entry)).values()),
        lambda: empty.value,
        lambda: empty.to_bytes(),
        lambda: empty.reset(),
        lambda: empty.spec,
        lambda: empty.copy(),
        lambda: empty == first_of(entry).make_alone(),
        lambda: first_of(entry).make_alone() == empty,
    ):
        with pytest.raises(TypeError):
            use()


@each_variant
def test_reading_changes_no_later_bit(variant: Variant) -> None:
    columns = columns_for(variant)
    n = range(len(columns["ts"]))
    quiet, read = variant.make_alone(), variant.make_alone()
    for i in n:
        value = call(quiet, columns, i)
        assert bits(call(read, columns, i)) == bits(value)
        for _ in range(2):
            assert bits(read.value) == bits(value)
    assert quiet == read


# NaN.


@each_variant
def test_nothing_yet_is_nan_or_an_empty_sum(variant: Variant) -> None:
    """Trade-driven sums start at 0, everything else is not known yet."""
    value = np.asarray(variant.make_alone().value)
    sums = {"TradeCount", "Volume", "BuyVolume", "SellVolume", "CumulativeVolumeDelta"}
    sums |= {"Turnover", "SignedRootTurnover"}
    net = variant.name == "VolumeSignedImbalance" and not variant.settings["normalised"]
    if variant.name in sums or net:
        assert value == 0
    elif variant.name == "HawkesIntensity":
        assert value == variant.settings["mu"]
    else:
        assert np.isnan(value).all()


@each_variant
def test_one_sided_and_crossed_states(variant: Variant) -> None:
    if variant.feed in ("trades", "changes", "queues", "values"):
        return
    good = arrays(variant)
    scalar = variant.feed == "quotes"
    none, zero = (bf.NONE, 0) if scalar else (np.full(3, bf.NONE), np.zeros(3, np.int64))
    up, down = (105, 90) if scalar else (np.array([105, 104, 103]), np.array([90, 91, 92]))
    no_bid = good | {"bid_price": none, "bid_size": zero}
    no_ask = good | {"ask_price": none, "ask_size": zero}
    crossed = good | {"bid_price": up, "ask_price": down}
    reads_a_state = "window" not in variant.settings
    for state in (no_bid, no_ask, no_bid | no_ask | {"bid_size": zero, "ask_size": zero}, crossed):
        value = np.asarray(variant.make_alone().update(**state))
        columns = {n: np.asarray(v)[None] for n, v in state.items()}
        inputs = [c.tolist() for n, c in columns.items() if n != "ts"]
        expected = np.array(variant.expected(*inputs, ts=[state["ts"]]))[0]
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-14)
        if not reads_a_state:
            assert np.isnan(value).all()  # no good state yet: nothing to difference
            after = variant.make_alone()
            after.update(**good)
            between = np.asarray(after.update(**state))
            assert not np.isnan(between).any()
            assert np.all(np.asarray(after.update(**good)) == 0)  # back where it was


@each_variant
def test_empty_windows(variant: Variant) -> None:
    """Long after everything has left a span's window, sums are 0 and ratios NaN."""
    if variant.window != "3s" or variant.feed == "values":
        return
    calculator = variant.make_alone()
    columns = columns_for(variant)
    calls(calculator, columns, range(len(columns["ts"])))
    late = int(columns["ts"][-1]) + 1000 * SECOND
    if variant.feed not in ("trades", "changes"):
        good = arrays(variant) | {"ts": late}
        calculator.update(**good)
        good["ts"] += 1000 * SECOND
        assert np.all(np.asarray(calculator.update(**good)) == 0)
        return
    if variant.feed == "changes":
        assert np.isnan(calculator.update(101, -1, 1, 4, 0, late)) == (variant.name == "CancelRate")
        return
    # The one print inside has no known side and no earlier price to compare with.
    alone = variant.make_alone()
    value = alone.update(100, 5, 0, late, *((bf.NONE, bf.NONE) if variant.touch else ()))
    zero = {"BuyVolume", "SellVolume", "CumulativeVolumeDelta"}
    if variant.name in zero:
        assert value == 0
    if variant.name in ("BuySellRatio", "TradeFlowImbalance"):
        assert math.isnan(value)


# Columns.


@each_entry
def test_wrong_columns_are_refused_and_safe_ones_exact(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    columns = columns_for(variant)
    values = whole(variant, columns)

    def with_column(name: str, column: Any) -> Any:
        changed = columns | {name: column}
        ts = changed.pop("ts")
        return variant.function(*changed.values(), ts=ts)

    for name, column in columns.items():
        safe = [strided(column), column[::-1].copy()[::-1], read_only(column), fortran(column)]
        for same in safe:
            assert bits(with_column(name, same)) == bits(values), name
        number = name in entry["inputs"]
        whole_numbers = np.abs(np.nan_to_num(column)) if number else column
        wrong = [
            column.astype(np.float32 if number else np.float64),
            column.astype(column.dtype.newbyteorder()) if column.dtype.itemsize > 1 else column > 0,
            column.astype(object),
            column.astype(str),
            column.astype(np.complex128),
            whole_numbers.astype(np.uint64),
            column > 0,
            whole_numbers.astype(np.int16),
            np.ma.masked_array(column, column > 100),
            column.tolist(),
            column.flat[0],
            column[0] if column.ndim == 1 else column[:, 0],
            column[:, None],
            misaligned(column) if column.dtype.itemsize > 1 else column.tolist(),
            column.astype("datetime64[ns]") if column.dtype.kind == "i" else None,
        ]
        for other in wrong:
            if other is None and (number or name in ("ts", "side")):
                continue
            with pytest.raises((TypeError, ValueError)) as error:
                with_column(name, other)
            assert name in str(error.value)
        with pytest.raises(ValueError, match="rows, expected"):
            with_column(name, np.concatenate([column, column]))
    no_rows = {name: column[:0] for name, column in columns.items()}
    assert whole(variant, no_rows).shape == (0, *values.shape[1:])


def strided(column: np.ndarray) -> np.ndarray:
    wide = np.zeros((len(column) * 2, *column.shape[1:]), column.dtype)
    wide[::2] = column
    return wide[::2]


def read_only(column: np.ndarray) -> np.ndarray:
    copied = column.copy()
    copied.flags.writeable = False
    return copied


def fortran(column: np.ndarray) -> np.ndarray:
    return np.asfortranarray(column)


def misaligned(column: np.ndarray) -> np.ndarray:
    raw = np.zeros(column.nbytes + 1, np.uint8)
    out = raw[1:].view(column.dtype).reshape(column.shape)
    out[...] = column
    return out


@each_entry
def test_a_bad_row_is_named(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    columns = columns_for(variant)
    rule: dict[str, Any] = {
        "ts": -1,
        "side": 3,
        "price": 2**61 + 1,
        "size": -1,
        "change": 0,
        "cause": 5,
        "touch": 4,
        "orders": -1,
        "age": -1,
    }
    for name, column in columns.items():
        bad = column.copy()
        bad[7] = math.inf if name in entry["inputs"] else rule[name.rpartition("_")[2]]
        changed = columns | {name: bad}
        if name.endswith("_price") and variant.feed != "trades":
            size = name.replace("price", "size")
            changed[size] = np.maximum(columns[size], 1)  # a price counts where there is a size
        with pytest.raises(bf.InputError) as error:
            whole(variant, changed)
        assert (error.value.row, error.value.field) == (7, name)


@each_entry
def test_out(entry: dict[str, Any]) -> None:
    variant = first_of(entry)
    columns = columns_for(variant)
    values = whole(variant, columns)
    ts = columns.pop("ts")

    def into(out: Any) -> Any:
        return variant.function(*columns.values(), ts=ts, out=out)

    out = np.full(values.shape, 7.0)
    assert into(out) is out
    assert bits(out) == bits(values)
    shares_input = next(iter(columns.values())).reshape(-1)[: values.size].view(np.float64)
    for wrong in (
        out.astype(np.float32),
        out[:-1],
        np.empty((len(out) * 2, *out.shape[1:]))[::2],
        read_only(out),
        out.tolist(),
        out.astype(out.dtype.newbyteorder()),
        np.empty((*out.shape, 1)),
        shares_input.reshape(values.shape) if shares_input.size == values.size else out[:-1],
        misaligned(out),
    ):
        with pytest.raises((TypeError, ValueError)):
            into(wrong)


def test_what_is_of_use_in_a_pipeline_only_says_so() -> None:
    for variant in VARIANTS:
        if variant.alone:
            continue
        said = "is for a pipeline" if variant.feed == "trades" else "measured in trades"
        with pytest.raises(bf.InputError, match=said):
            variant.make_alone().update(**arrays(variant))


@each_variant
def test_windows_in_time_need_ts(variant: Variant) -> None:
    row = arrays(variant)
    del row["ts"]
    if variant.needs_ts:
        assert_refused(variant.make_alone(), bf.InputError, row)
        no_ts = [column for n, column in columns_for(variant).items() if n != "ts"]
        with pytest.raises(bf.InputError, match="needs ts"):
            variant.function(*no_ts)
    else:
        variant.make_alone().update(**row)


@effort(30)
@given(data=st.data())
def test_saved_bytes_that_were_damaged_are_refused(data: st.DataObject) -> None:
    variant = data.draw(st.sampled_from(ALONE))
    calculator = variant.make_alone()
    columns = columns_for(variant)
    calls(calculator, columns, range(12))
    state = calculator.to_bytes()
    cls = type(calculator)
    cut = data.draw(st.integers(0, len(state) - 1))
    at, bit = data.draw(st.integers(0, len(state) - 1)), data.draw(st.integers(0, 7))
    flipped = bytearray(state)
    flipped[at] ^= 1 << bit
    for bad in (state[:cut], bytes(flipped), state + b"\0", b"", bf.OrderBook().to_bytes()):
        with pytest.raises(bf.StateError):
            cls.from_bytes(bad)


@each_entry
def test_signs_by_the_touch_need_it(entry: dict[str, Any]) -> None:
    if not entry["touch"]:
        return
    required = {p["name"]: 7 for p in entry["parameters"] if p["required"]}
    calculator = getattr(bf, entry["name"])(sign="emo", **required)
    row = {"price": 100, "size": 5, "side": 1, "ts": 0}
    touch = {"bid_price": 99, "ask_price": bf.NONE}  # an empty side is one that is given
    for refused in (row, row | {"bid_price": 99}, row | touch | {"ask_price": 2**61 + 1}):
        assert_refused(calculator, bf.InputError, refused)
    calculator.update(**row | touch)
    columns = {name: np.array([value]) for name, value in row.items() if name != "side"}
    with pytest.raises(bf.InputError, match="needs bid_price and ask_price"):
        getattr(bf, entry["function"])(**columns, sign="emo", **required)
    for wrong in ("tick:2s", "emo:", "emo:2events", "emo:0s", "emo:2s:3s"):
        with pytest.raises(bf.InputError, match="must be one of"):
            getattr(bf, entry["name"])(sign=wrong, **required)
