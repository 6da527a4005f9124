// Paying: a capture confirms a group's orders or is refused, under the group's lock. Order alone decides.

#include "services/order/store/pay.hpp"

#include "libs/sql/faults.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

std::vector<const Order*> view(const std::vector<Order>& orders) {
  std::vector<const Order*> all;
  for (const auto& order : orders) all.push_back(&order);
  return all;
}

/// Confirms what waits and tells of it.
void confirm(sql::Tx& tx, LockedGroup& locked, const Capture& capture, Timestamp now, const TraceContext& trace,
             Outbox& outbox) {
  std::vector<const Order*> paid;
  for (auto& order : locked.orders) {
    if (!order.pay(now)) continue;
    paid.push_back(&order);
    outbox.order_paid(order, capture.payment_id, trace);
  }
  locked.group.paid_by = capture.payment_id;
  locked.group.roll_up(view(locked.orders), now);
  outbox.order_group_paid(locked.group, paid, capture.payment_id, trace);
  update_orders(tx, paid);
}

}  // namespace

Result<void> apply_capture(sql::Tx& tx, const Capture& capture, Timestamp now, const TraceContext& trace) {
  auto groups = lock_groups(tx, {capture.group_id}, SkipLocked::no);
  if (groups.empty()) return Error{Errc::not_found, "unknown_order_group", "There is no such group of orders."};
  auto& locked = groups.front();
  // Payment tells of a capture again when its log was put back. What it paid is paid.
  if (locked.group.paid_by == capture.payment_id) return {};
  Outbox outbox(now, trace);
  const auto refusal = locked.group.refuses(capture, view(locked.orders));
  if (refusal) {
    // Nothing of the group changes, but it has something to tell, and what it tells is numbered by its version.
    locked.group.updated_at = now;
    ++locked.group.version;
    outbox.order_group_capture_refused(locked.group, capture, *refusal, trace);
  } else {
    confirm(tx, locked, capture, now, trace, outbox);
  }
  update_groups(tx, {&locked.group});
  outbox.write(tx);
  AGORA_CRASH_POINT("order.capture.written");
  return {};
}

}  // namespace agora::order
