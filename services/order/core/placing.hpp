#pragma once
#include <chrono>

#include "services/order/core/lines.hpp"

namespace agora::order {

/// A buyer's wish to order, with everything captured that must not change when it is decided again.
struct PlaceOrder {
  OrderId order_id;
  OrderGroupId group_id;
  UserId user_id;
  LineRequests lines;  ///< 1 – kLinesMax
  Timestamp now;
  std::chrono::milliseconds payment_window;  ///< unpaid after it, the order expires
};

/// A new order and its group of one. The human numbers are still empty: the store draws them.
struct Placed {
  Order order;
  OrderGroup group;
};

/// Decides one placement against the offers known and the stock held, and reserves in `stock` when the answer is yes.
///
/// "No", nothing reserved, every line at fault named: invalid_argument `several_sellers`, and those of
/// choose_offers(), check_together(), check_buyer(), check_prices(), check_stock() and total_too_large().
Result<Placed> place(const PlaceOrder& command, const Assortment& assortment, StockLevels& stock);

}  // namespace agora::order
