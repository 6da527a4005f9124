#pragma once
#include <set>
#include <unordered_map>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/cancellation.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {

/// Orders that may end in this transaction: their groups, all orders of those, and the stock these hold, locked in the
/// one lock order. Shared by canceling and expiring, which differ only in who asks.
class Closing {
 public:
  Closing(sql::Tx& tx, const std::vector<OrderGroupId>& group_ids, SkipLocked skip_locked);

  /// The locked order or group; null when it is not among them.
  Order* order(const OrderId& order_id);
  LockedGroup* group(const OrderGroupId& group_id);

  /// Cancels one order and gives its stock back, in memory. "No": those of Order::cancel().
  Result<void> cancel(Order& order, CancelReason reason, Timestamp now, const TraceContext& trace);
  /// The same of an order or units of it, as somebody asked; also several times of one order. "No": those of core's
  /// cancel().
  Result<void> cancel(Order& order, const CancelRequest& request, Timestamp now, const TraceContext& trace);
  /// The same of what was not shipped in time. "No": those of core's cancel_unshipped().
  Result<void> cancel_unshipped(Order& order, Timestamp now, const TraceContext& trace);
  /// Writes what was canceled: groups, orders, stock, events. A group tells of what changes in it as its last order
  /// did; `now` and `trace` are of the stock, which is told once for all.
  void write(Timestamp now, const TraceContext& trace);

 private:
  /// What became of an order, as it is told.
  struct Change {
    const Order* order;
    Order after;
    Canceled canceled;
    TraceContext trace;
  };

  void note(const Order& order, std::int64_t version_before, Canceled canceled, const TraceContext& trace);

  sql::Tx& tx_;
  std::vector<LockedGroup> groups_;
  std::unordered_map<OrderId, Order*> orders_;
  StockLevels stock_;
  std::vector<Change> changes_;
  std::vector<ChangedOrder> changed_;  ///< each order once, in the order of their first changes
};

}  // namespace agora::order
