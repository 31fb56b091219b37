"""What a built wheel must do before it is published: cibuildwheel runs this file alone."""

import numpy as np
import pytest

import bookflow as bf


def test_the_extension_is_the_packages_version() -> None:
    from importlib.metadata import version

    assert bf.__version__ == version("bookflow") == bf._core.__version__


def test_a_pipeline_gives_its_rows() -> None:
    instrument = bf.Instrument("TEST", price_unit="0.01", tick="0.01")
    pipe = bf.Pipeline(instrument, clock="event", features={"ofi": bf.OrderFlowImbalance()})
    events = [(1, 9_999, 10), (2, 10_001, 20), (1, 10_000, 5)]
    for ts, (side, price, size) in enumerate(events):
        assert pipe.push(ts, bf.Action.QUOTE, side, price, size) == 1
    ofi = pipe.latest(3)["ofi"]
    np.testing.assert_array_equal(ofi, [np.nan, 0.0, 5.0])


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(bf.InputError, match="size"):
        bf.volume(np.array([1]), np.array([-1]))
