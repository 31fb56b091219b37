"""Plain-Python definitions of the books, the calculators and the pipeline.

The oracle and the documentation: everything is worked out from the recorded history at every
row, in exact fractions rounded once, with nothing but the standard library and nothing of the
compiled core. Column functions take and return integer units and have the core's names; a
`Pipeline` calls the same definitions in an instrument's units.
"""

from .bars import Bar, bars
from .best_quotes import mid, spread, touch, weighted_mid
from .book import Best, ContentHash, Level, LevelBook, Order, OrderBook
from .book_shape import book_skew, book_slope
from .bulk import bulk_volume, bulk_vpin
from .catalogue import DEFINITIONS
from .charts import cusum, ewma_chart, page_hinkley, shewhart
from .clock import Clock, parse_clock
from .composed import difference, pick, ratio
from .confirmation import volume_confirmation
from .depth import cumulative_depth, walk_the_book
from .event import Event, event_of
from .fitted_models import integrated_order_flow_imbalance, microprice
from .imbalance import multi_level_imbalance, queue_imbalance, queue_share
from .intensity import hawkes_intensity
from .least_squares import (
    amihud,
    hasbrouck_lambda,
    kyle_lambda,
    log_return,
    regression,
    volume_impact,
)
from .order_changes import cancel_rate, cause_order_flow_imbalance, order_to_trade_ratio
from .order_flow import (
    depth_conserving_order_flow_imbalance,
    log_order_flow_imbalance,
    multi_level_log_order_flow_imbalance,
    multi_level_order_flow_imbalance,
    normalised_order_flow_imbalance,
    order_flow_imbalance,
)
from .persistence import autocorrelation, half_life, run_length, whitened
from .pipeline import Pipeline, Row
from .queues import mean_order_size, order_count_imbalance, touch_age
from .quote_changes import quote_change_count
from .ranks import adaptive_threshold, alarm, rank
from .resilience import resilience
from .session import Session, parse_session
from .spread_paid import effective_spread, roll_spread
from .spread_realised import price_impact, realised_spread
from .statistics_of import diff, lag, last, maximum, mean, minimum, std, z_score
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
from .trade_size import large_trade_share, mean_trade_size, trade_size_quantile
from .traded_price import last_price, vwap, vwap_deviation
from .turnover import signed_root_turnover, turnover
from .units import Units, units_of
from .unusual_volume import relative_volume, volume_climax
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
    "Bar",
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
    "adaptive_threshold",
    "alarm",
    "amihud",
    "autocorrelation",
    "bars",
    "book_skew",
    "book_slope",
    "bulk_volume",
    "bulk_vpin",
    "buy_sell_ratio",
    "buy_volume",
    "cancel_rate",
    "cause_order_flow_imbalance",
    "cumulative_depth",
    "cumulative_volume_delta",
    "cusum",
    "depth_conserving_order_flow_imbalance",
    "diff",
    "difference",
    "effective_spread",
    "event_of",
    "ewma_chart",
    "half_life",
    "hasbrouck_lambda",
    "hawkes_intensity",
    "integrated_order_flow_imbalance",
    "kyle_lambda",
    "lag",
    "large_trade_share",
    "last",
    "last_price",
    "log_order_flow_imbalance",
    "log_return",
    "maximum",
    "mean",
    "mean_order_size",
    "mean_trade_size",
    "microprice",
    "mid",
    "minimum",
    "multi_level_imbalance",
    "multi_level_log_order_flow_imbalance",
    "multi_level_order_flow_imbalance",
    "normalised_order_flow_imbalance",
    "order_count_imbalance",
    "order_flow_imbalance",
    "order_to_trade_ratio",
    "page_hinkley",
    "parse_clock",
    "parse_session",
    "parse_window",
    "pick",
    "price_impact",
    "queue_imbalance",
    "queue_share",
    "quote_change_count",
    "rank",
    "ratio",
    "realised_spread",
    "realised_volatility",
    "regression",
    "relative_volume",
    "resilience",
    "roll_spread",
    "run_length",
    "sell_volume",
    "shewhart",
    "signed_root_turnover",
    "spread",
    "std",
    "touch",
    "touch_age",
    "trade_count",
    "trade_flow_imbalance",
    "trade_size_quantile",
    "turnover",
    "units_of",
    "volume",
    "volume_climax",
    "volume_confirmation",
    "volume_impact",
    "volume_signed_imbalance",
    "vpin",
    "vwap",
    "vwap_deviation",
    "walk_the_book",
    "weighted_mid",
    "whitened",
    "z_score",
]
