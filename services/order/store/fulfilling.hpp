#pragma once
#include <map>
#include <set>
#include <span>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/fulfilling.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_movements.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {

/// Orders of one group that go on in this transaction: the group, all its orders with all their fulfilments, and, once
/// something is shipped, the stock it was in, locked in the one lock order. Each change is told as it is made; the
/// group tells of what it has become when all is written.
class Fulfilling {
 public:
  Fulfilling(sql::Tx& tx, const OrderGroupId& group_id, SkipLocked skip_locked, Timestamp now,
             const TraceContext& trace);

  /// The group's orders; none when there is no such group, or somebody else holds it.
  std::span<Order> orders();
  /// Null when it is not among them.
  Order* order(const OrderId& order_id);
  struct Found {
    Order* order = nullptr;
    Fulfillment* fulfillment = nullptr;
  };
  Found find(const FulfillmentId& fulfillment_id);

  /// As core's functions of these names, and told. "No": theirs.
  Result<Fulfillment*> pack(Order& order, FulfillmentId fulfillment_id, const std::vector<LineToPack>& lines,
                            std::optional<Tracking> tracking);
  Result<void> change(Order& order, Fulfillment& fulfillment, const FulfillmentEdit& edit);
  Result<void> complete(Order& order);
  /// Writes what was changed: group, orders, fulfilments, stock with its movements, events.
  void write();

 private:
  void ship(const Order& order, const Fulfillment& fulfillment);

  sql::Tx& tx_;
  Timestamp now_;
  TraceContext trace_;
  std::vector<LockedGroup> groups_;  ///< the one, or none
  std::map<const Order*, std::int64_t> version_before_;
  std::vector<std::pair<OrderId, FulfillmentId>> packed_;
  std::set<FulfillmentId> changed_;
  StockLevels stock_;
  std::vector<StockMovement> movements_;
  Outbox outbox_;
};

}  // namespace agora::order
