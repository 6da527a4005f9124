// Refunding: money that payment gave back, taken over into the order and its stock, once for each refund.

#include "services/order/store/refunding.hpp"

#include <algorithm>
#include <set>

#include "libs/sql/faults.hpp"
#include "services/order/store/fulfillment_rows.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_movements.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kTakeOver{
    "INSERT INTO refunds (refund_id, order_id, payment_id, amount, refunded_at) VALUES ($1, $2, $3, $4, $5)"};
constexpr sql::Sql kIsTakenOver{"SELECT 1 FROM refunds WHERE refund_id = $1"};
#define AGORA_OFFERS_OF "SELECT DISTINCT offer_id FROM order_lines WHERE order_id IN "
constexpr sql::Sql kOffersOfOrders{AGORA_OFFERS_OF "(SELECT value FROM json_each($1))",
                                   AGORA_OFFERS_OF "(SELECT json_array_elements_text($1::json))"};

bool is_taken_over(sql::Tx& tx, const RefundId& refund_id) {
  auto rows = tx.query(kIsTakenOver, {refund_id});
  return rows.next();
}

Order* find_among(std::vector<Order>& orders, const OrderId& order_id) {
  const auto found = std::find_if(orders.begin(), orders.end(), [&](const Order& o) { return o.order_id == order_id; });
  return found == orders.end() ? nullptr : &*found;
}

/// What the units of a refund are to the stock, and the movements that say so.
class Restocking {
 public:
  Restocking(sql::Tx& tx, const Order& order) : tx_(tx) {
    std::set<OfferId> offer_ids;
    for (const auto& line : order.lines) offer_ids.insert(line.offer_id);
    stock_ = lock_stock(tx, {offer_ids.begin(), offer_ids.end()});
  }

  void take(const OfferId& offer_id, const RefundedUnits& units, bool restock) {
    const auto released = units.unshipped + units.unnamed;
    if (released > 0) stock_.release(offer_id, released);
    // What was not sent is where it was; that it cannot be sold again takes it away from there. Of units that the
    // refund does not name it says nothing.
    if (restock) {
      move(offer_id, "restock", units.shipped);
    } else {
      move(offer_id, "adjustment", -units.unshipped);
    }
  }

  void write(Timestamp now, Outbox& outbox) {
    save_stock(tx_, stock_, outbox);
    write_movements(tx_, movements_, now);
  }

 private:
  void move(const OfferId& offer_id, std::string_view kind, std::int64_t delta) {
    if (delta == 0) return;
    stock_.move(offer_id, delta);
    movements_.push_back({offer_id, kind, delta, "refunded"});
  }

  sql::Tx& tx_;
  StockLevels stock_{};
  std::vector<StockMovement> movements_{};
};

}  // namespace

Result<void> apply_refund(sql::Tx& tx, const Refund& refund, Timestamp now, const TraceContext& trace) {
  auto groups = lock_groups(tx, {refund.group_id}, SkipLocked::no);
  // Payment tells of a refund again when its log was put back.
  if (is_taken_over(tx, refund.refund_id)) return {};
  auto* order = groups.empty() ? nullptr : find_among(groups.front().orders, refund.order_id);
  if (order == nullptr) {
    return Error{Errc::failed_precondition, "unknown_order", "There is no such order in the group."};
  }
  const bool was_open = order->status != OrderStatus::canceled;
  Restocking restocking(tx, *order);
  AGORA_TRY(const auto units, order::refund(*order, refund, now));
  for (std::size_t i = 0; i < units.size(); ++i) restocking.take(order->lines[i].offer_id, units[i], refund.restock);

  Outbox outbox(now, trace);
  if (was_open && order->status == OrderStatus::canceled) {
    outbox.order_canceled(*order, {.reason = refund.reason}, trace);
  } else {
    outbox.order_refunded(*order, refund, units, trace);
  }
  auto& group = groups.front().group;
  const bool was_live = group.status != OrderStatus::canceled;
  if (group.roll_up(view(groups.front().orders), now)) {
    if (was_live && group.status == OrderStatus::canceled) {
      outbox.order_group_canceled(group, refund.reason, trace);
    } else {
      outbox.order_group_updated(group, trace);
    }
    update_groups(tx, {&group});
  }
  update_orders(tx, std::vector<const Order*>{order});
  update_fulfillments(tx, canceled_of(*order));
  tx.execute_one(kTakeOver, {refund.refund_id, refund.order_id, refund.payment_id, refund.amount, now});
  restocking.write(now, outbox);
  outbox.write(tx);
  AGORA_CRASH_POINT("order.refund.written");
  return {};
}

void lock_stock_of_orders(sql::Tx& tx, const std::vector<OrderId>& order_ids) {
  if (order_ids.empty()) return;
  const auto wanted = json_array(order_ids);
  std::vector<OfferId> offer_ids;
  {
    auto rows = tx.query(kOffersOfOrders, {wanted});
    while (rows.next()) offer_ids.push_back(rows.id<OfferTag>(0));
  }
  lock_stock(tx, offer_ids);
}

}  // namespace agora::order
