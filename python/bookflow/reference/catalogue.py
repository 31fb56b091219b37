"""Every definition by its name: what a Pipeline calls at a row."""

from collections.abc import Callable
from typing import Any

from . import (
    best_quotes,
    bulk,
    imbalance,
    order_changes,
    order_flow,
    spread_paid,
    trade_flow,
    trade_size,
    traded_price,
    volatility,
    volume_buckets,
    volume_signed,
)

DEFINITIONS: dict[str, Callable[..., Any]] = {
    "touch": best_quotes.touch_at,
    "mid": best_quotes.mid_at,
    "spread": best_quotes.spread_at,
    "weighted_mid": best_quotes.weighted_mid_at,
    "queue_imbalance": imbalance.queue_imbalance_at,
    "queue_share": imbalance.queue_share_at,
    "multi_level_imbalance": imbalance.multi_level_imbalance_at,
    "order_flow_imbalance": order_flow.order_flow_imbalance_at,
    "log_order_flow_imbalance": order_flow.log_order_flow_imbalance_at,
    "multi_level_order_flow_imbalance": order_flow.multi_level_order_flow_imbalance_at,
    "realised_volatility": volatility.realised_volatility_at,
    "cause_order_flow_imbalance": order_changes.cause_order_flow_imbalance_at,
    "cancel_rate": order_changes.cancel_rate_at,
    "order_to_trade_ratio": order_changes.order_to_trade_ratio_at,
    "trade_count": trade_flow.trade_count_at,
    "volume": trade_flow.volume_at,
    "buy_volume": trade_flow.buy_volume_at,
    "sell_volume": trade_flow.sell_volume_at,
    "buy_sell_ratio": trade_flow.buy_sell_ratio_at,
    "trade_flow_imbalance": trade_flow.trade_flow_imbalance_at,
    "volume_signed_imbalance": volume_signed.volume_signed_imbalance_at,
    "cumulative_volume_delta": trade_flow.cumulative_volume_delta_at,
    "vwap": traded_price.vwap_at,
    "vwap_deviation": traded_price.vwap_deviation_at,
    "last_price": traded_price.last_price_at,
    "mean_trade_size": trade_size.mean_trade_size_at,
    "large_trade_share": trade_size.large_trade_share_at,
    "effective_spread": spread_paid.effective_spread_at,
    "roll_spread": spread_paid.roll_spread_at,
    "vpin": volume_buckets.vpin_at,
    "bulk_volume": bulk.bulk_volume_at,
    "bulk_vpin": bulk.bulk_vpin_at,
}
"""name -> definition(tape, reading, units, **settings) -> a number, or a list of them."""
