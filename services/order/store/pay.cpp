// Paying: a capture confirms a group's orders or is refused, under the group's lock. Order alone decides.

#include "services/order/store/pay.hpp"

#include "libs/sql/faults.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/payment_attempts.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

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

constexpr sql::Sql kNextOfLostGroup{
    "INSERT INTO lost_order_groups (group_id, version) VALUES ($1, 1) "
    "ON CONFLICT (group_id) DO UPDATE SET version = lost_order_groups.version + 1"};
constexpr sql::Sql kVersionOfLostGroup{"SELECT version FROM lost_order_groups WHERE group_id = $1"};

constexpr sql::Sql kIsRefused{"SELECT 1 FROM refused_captures WHERE group_id = $1 AND payment_id = $2"};
constexpr sql::Sql kRefuse{
    "INSERT INTO refused_captures (group_id, payment_id, reason, refused_at) VALUES ($1, $2, $3, $4)"};

bool was_refused(sql::Tx& tx, const Capture& capture) {
  auto rows = tx.query(kIsRefused, {capture.group_id, capture.payment_id});
  return rows.next();
}

/// `group`: with the version that tells of it.
void refuse(sql::Tx& tx, const OrderGroup& group, const Capture& capture, CaptureRefusal reason,
            const TraceContext& trace, Outbox& outbox) {
  tx.execute_one(kRefuse, {capture.group_id, capture.payment_id, to_string(reason), group.updated_at});
  outbox.order_group_capture_refused(group, capture, reason, trace);
}

/// What a group that is not there has left to tell is numbered on its own.
OrderGroup lost_group(sql::Tx& tx, const Capture& capture, Timestamp now) {
  tx.execute_one(kNextOfLostGroup, {capture.group_id});
  auto rows = tx.query(kVersionOfLostGroup, {capture.group_id});
  rows.next();
  return {.group_id = capture.group_id, .currency = capture.currency, .version = rows.int64(0), .updated_at = now};
}

}  // namespace

void apply_capture(sql::Tx& tx, const Capture& capture, Timestamp now, const TraceContext& trace) {
  Outbox outbox(now, trace);
  auto groups = lock_groups(tx, {capture.group_id}, SkipLocked::no);
  // Payment tells of a capture again when its log was put back. What was refused goes back, whatever has become of the
  // group since; what it paid is paid.
  if (was_refused(tx, capture)) return;
  if (groups.empty()) {
    refuse(tx, lost_group(tx, capture, now), capture, CaptureRefusal::unknown, trace, outbox);
    return outbox.write(tx);
  }
  auto& group = groups.front().group;
  if (group.paid_by == capture.payment_id) return;
  const auto refusal = group.refuses(capture);
  if (refusal) {
    // Nothing of the group changes, but it has something to tell, and what it tells is numbered by its version.
    group.updated_at = now;
    ++group.version;
    refuse(tx, group, capture, *refusal, trace, outbox);
  } else {
    confirm(tx, groups.front(), capture, now, trace, outbox);
  }
  update_groups(tx, {&group});
  outbox.write(tx);
  // Money that goes back is none that was promised: the group has come as far as its other payments.
  if (refusal) apply_progress(tx, {capture.payment_id, capture.group_id, PaymentStatus::not_paid}, now, trace);
  AGORA_CRASH_POINT("order.capture.written");
}

}  // namespace agora::order
