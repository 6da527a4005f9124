#pragma once
#include <set>
#include <unordered_map>
#include <vector>

#include "libs/sql/tx.hpp"
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
  /// Writes what was canceled: groups, orders, stock, events. A group tells of what changes in it as its last order
  /// did; `now` and `trace` are of the stock, which is told once for all.
  void write(Timestamp now, const TraceContext& trace);

 private:
  struct Canceled {
    const Order* order;
    TraceContext trace;
  };

  sql::Tx& tx_;
  std::vector<LockedGroup> groups_;
  std::unordered_map<OrderId, Order*> orders_;
  StockLevels stock_;
  std::vector<Canceled> canceled_;
};

}  // namespace agora::order
