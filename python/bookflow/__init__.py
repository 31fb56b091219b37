"""bookflow: order book in, order-flow signals out - the same bits in batch and live.

Start with a reader (`read_lobster`, `read_databento`, `read_tardis`, `read_iex`, `read_csv`,
`read_events`) or with `Events.from_quotes`, give the events to a `Pipeline`, and read its
`FeatureFrame`. Every calculator also works alone (`update`) and as a function over columns.
"""

from typing import TYPE_CHECKING, Any

try:
    from bookflow import _core
except ImportError as error:
    raise ImportError(
        "bookflow's compiled core is missing or was built for another Python: "
        "install the package (`pip install .`) instead of importing its source folder"
    ) from error

from bookflow._core import (
    EVENT_DTYPE,
    NONE,
    Instrument,
    LevelBook,
    OrderBook,
    __version__,
    parse_calculator,
)
from bookflow.errors import (
    CheckpointWarning,
    FeedFault,
    InputError,
    InstrumentErrors,
    Overrun,
    QueueFull,
    SegmentError,
    StateError,
)
from bookflow.events import Action, Depth, Events, Flag, Side, Status, merge
from bookflow.frame import FeatureFrame, FeatureRow
from bookflow.pipeline import Pipeline

if TYPE_CHECKING:
    from bookflow import reference
    from bookflow._core import *  # noqa: F403  # calculators and functions: the list is the core's
    from bookflow.bar_frames import BAR_DTYPE, bars
    from bookflow.checkpoint import Checkpoint, Position
    from bookflow.consolidation import Consolidated, consolidated
    from bookflow.footprints import Footprint, footprint
    from bookflow.integrated_ofi import fit_integrated_ofi
    from bookflow.live import Live, LiveAlarm, LiveState
    from bookflow.many import run_many
    from bookflow.microprice_model import MicropriceModel, fit_microprice
    from bookflow.profile import VolumeProfile, volume_profile
    from bookflow.readers import (
        HFTBACKTEST_DTYPE,
        DatabentoHandler,
        ItchDecoder,
        binance_depth_frame,
        from_hftbacktest,
        itch_messages,
        itch_quotes,
        read_binance_csv,
        read_csv,
        read_databento,
        read_events,
        read_iex,
        read_itch,
        read_lobster,
        read_tardis,
        tardis_frame,
        to_hftbacktest,
        write_itch,
    )
    from bookflow.reorder import Reorder
    from bookflow.rings import EventQueue, FeatureRing, HistoryRing, Window
    from bookflow.simulation import Burst, Simulation, simulate

# Read on first use: they need the extras, or are not everybody's.
_LAZY = {
    "BAR_DTYPE": "bookflow.bar_frames",
    "Burst": "bookflow.simulation",
    "Checkpoint": "bookflow.checkpoint",
    "Consolidated": "bookflow.consolidation",
    "DatabentoHandler": "bookflow.readers",
    "EventQueue": "bookflow.rings",
    "FeatureRing": "bookflow.rings",
    "Footprint": "bookflow.footprints",
    "HFTBACKTEST_DTYPE": "bookflow.readers",
    "HistoryRing": "bookflow.rings",
    "ItchDecoder": "bookflow.readers",
    "Live": "bookflow.live",
    "LiveAlarm": "bookflow.live",
    "LiveState": "bookflow.live",
    "MicropriceModel": "bookflow.microprice_model",
    "Position": "bookflow.checkpoint",
    "Reorder": "bookflow.reorder",
    "Simulation": "bookflow.simulation",
    "VolumeProfile": "bookflow.profile",
    "Window": "bookflow.rings",
    "bars": "bookflow.bar_frames",
    "binance_depth_frame": "bookflow.readers",
    "consolidated": "bookflow.consolidation",
    "fit_integrated_ofi": "bookflow.integrated_ofi",
    "fit_microprice": "bookflow.microprice_model",
    "footprint": "bookflow.footprints",
    "from_hftbacktest": "bookflow.readers",
    "itch_messages": "bookflow.readers",
    "itch_quotes": "bookflow.readers",
    "read_binance_csv": "bookflow.readers",
    "read_csv": "bookflow.readers",
    "read_databento": "bookflow.readers",
    "read_events": "bookflow.readers",
    "read_iex": "bookflow.readers",
    "read_itch": "bookflow.readers",
    "read_lobster": "bookflow.readers",
    "read_tardis": "bookflow.readers",
    "run_many": "bookflow.many",
    "simulate": "bookflow.simulation",
    "tardis_frame": "bookflow.readers",
    "to_hftbacktest": "bookflow.readers",
    "volume_profile": "bookflow.profile",
    "write_itch": "bookflow.readers",
}

_OF_CORE = frozenset(_core.__all__)
"""The calculators and their functions, which the core makes on first use too."""

__all__ = [
    "BAR_DTYPE",
    "EVENT_DTYPE",
    "HFTBACKTEST_DTYPE",
    "NONE",
    "Action",
    "Burst",
    "Checkpoint",
    "CheckpointWarning",
    "Consolidated",
    "DatabentoHandler",
    "Depth",
    "EventQueue",
    "Events",
    "FeatureFrame",
    "FeatureRing",
    "FeatureRow",
    "FeedFault",
    "Flag",
    "Footprint",
    "HistoryRing",
    "InputError",
    "Instrument",
    "InstrumentErrors",
    "ItchDecoder",
    "LevelBook",
    "Live",
    "LiveAlarm",
    "LiveState",
    "MicropriceModel",
    "OrderBook",
    "Overrun",
    "Pipeline",
    "Position",
    "QueueFull",
    "Reorder",
    "SegmentError",
    "Side",
    "Simulation",
    "StateError",
    "Status",
    "VolumeProfile",
    "Window",
    "__version__",
    "bars",
    "binance_depth_frame",
    "calculators",
    "consolidated",
    "fit_integrated_ofi",
    "fit_microprice",
    "footprint",
    "from_hftbacktest",
    "itch_messages",
    "itch_quotes",
    "merge",
    "parse_calculator",
    "read_binance_csv",
    "read_csv",
    "read_databento",
    "read_events",
    "read_iex",
    "read_itch",
    "read_lobster",
    "read_tardis",
    "reference",
    "run_many",
    "simulate",
    "tardis_frame",
    "to_hftbacktest",
    "volume_profile",
    "write_itch",
    *_core.__all__,
]


def calculators() -> tuple[dict[str, Any], ...]:
    """What every calculator is: name, function, feed, vector, parameters and doc, as declared."""
    return _core.CALCULATORS


def __getattr__(name: str) -> Any:
    if name in _OF_CORE:
        value = globals()[name] = getattr(_core, name)
        return value
    import importlib

    if name == "reference":
        return importlib.import_module("bookflow.reference")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    import difflib

    near = difflib.get_close_matches(name, __all__, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise AttributeError(f"module 'bookflow' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted(__all__)
