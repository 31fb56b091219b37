"""Plain-Python definitions of the books, the calculators and the pipeline.

The oracle and the documentation: everything is worked out from the recorded history at every
row, in exact fractions rounded once, with nothing but the standard library and nothing of the
compiled core. Column functions take and return integer units and have the core's names; a
`Pipeline` calls the same definitions in an instrument's units.
"""

from .best_quotes import mid, spread, touch, weighted_mid
from .book import Best, ContentHash, Level, LevelBook, Order, OrderBook
from .bulk import bulk_volume, bulk_vpin
from .catalogue import DEFINITIONS
from .clock import Clock, parse_clock
from .event import Event, event_of
from .imbalance import multi_level_imbalance, queue_imbalance, queue_share
from .order_changes import cancel_rate, cause_order_flow_imbalance, order_to_trade_ratio
from .order_flow import (
    log_order_flow_imbalance,
    multi_level_order_flow_imbalance,
    order_flow_imbalance,
)
from .pipeline import Pipeline, Row
from .session import Session, parse_session
from .spread_paid import effective_spread, roll_spread
from .tape import Moment, Print, Reading, Tape
from .trade_flow import (
    buy_sell_ratio,
    buy_volume,
    cumulative_volume_delta,
    sell_volume,
    trade_count,
    trade_flow_imbalance,
    volume,
)
from .trade_size import large_trade_share, mean_trade_size
from .traded_price import last_price, vwap, vwap_deviation
from .units import Units, units_of
from .volatility import realised_volatility
from .volume_buckets import vpin
from .volume_signed import volume_signed_imbalance
from .window import Key, Window, parse_window
from .words import BAD, NONE, Action, Flag, Side, Status

__all__ = [
    "BAD",
    "DEFINITIONS",
    "NONE",
    "Action",
    "Best",
    "Clock",
    "ContentHash",
    "Event",
    "Flag",
    "Key",
    "Level",
    "LevelBook",
    "Moment",
    "Order",
    "OrderBook",
    "Pipeline",
    "Print",
    "Reading",
    "Row",
    "Session",
    "Side",
    "Status",
    "Tape",
    "Units",
    "Window",
    "bulk_volume",
    "bulk_vpin",
    "buy_sell_ratio",
    "buy_volume",
    "cancel_rate",
    "cause_order_flow_imbalance",
    "cumulative_volume_delta",
    "effective_spread",
    "event_of",
    "large_trade_share",
    "last_price",
    "log_order_flow_imbalance",
    "mean_trade_size",
    "mid",
    "multi_level_imbalance",
    "multi_level_order_flow_imbalance",
    "order_flow_imbalance",
    "order_to_trade_ratio",
    "parse_clock",
    "parse_session",
    "parse_window",
    "queue_imbalance",
    "queue_share",
    "realised_volatility",
    "roll_spread",
    "sell_volume",
    "spread",
    "touch",
    "trade_count",
    "trade_flow_imbalance",
    "units_of",
    "volume",
    "volume_signed_imbalance",
    "vpin",
    "vwap",
    "vwap_deviation",
    "weighted_mid",
]
