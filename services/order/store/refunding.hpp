#pragma once
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/core/refund.hpp"

namespace agora::order {

/// What becomes of a refund that succeeded: the order has `refunded_total` and `refunded_quantity`, units that were not
/// shipped hold no stock any more, and come back, with those that were, only where the refund says so; told as
/// `order.refunded`, or as `order.canceled` where the order ends by it. One that took effect before is nothing new.
/// "No", and nothing is changed: those of core's refund(); failed_precondition `unknown_order` when the order is not in
/// the group.
Result<void> apply_refund(sql::Tx& tx, const Refund& refund, Timestamp now, const TraceContext& trace);

/// Locks the stock that refunds of these orders may change, bytewise. Their groups are locked before.
void lock_stock_of_orders(sql::Tx& tx, const std::vector<OrderId>& order_ids);

}  // namespace agora::order
