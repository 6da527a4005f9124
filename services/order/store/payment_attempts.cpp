#include "services/order/store/payment_attempts.hpp"

#include "libs/sql/faults.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kNote{
    "INSERT INTO payment_attempts (group_id, payment_id, status) VALUES ($1, $2, $3) "
    "ON CONFLICT (group_id, payment_id) DO UPDATE SET status = excluded.status"};
constexpr sql::Sql kAttempts{"SELECT status FROM payment_attempts WHERE group_id = $1"};

#define AGORA_SETTLED(table)                                               \
  "DELETE FROM " table " WHERE group_id IN (SELECT t.group_id FROM " table \
  " t JOIN order_groups g ON g.group_id = t.group_id WHERE g.status <> 'pending' ORDER BY t.group_id LIMIT $1)"
constexpr sql::Sql kDeleteAttempts{AGORA_SETTLED("payment_attempts")};
constexpr sql::Sql kDeleteHolds{AGORA_SETTLED("payment_holds")};

std::vector<PaymentStatus> attempts_of(sql::Tx& tx, const OrderGroupId& group_id) {
  std::vector<PaymentStatus> statuses;
  auto rows = tx.query(kAttempts, {group_id});
  while (rows.next()) {
    const auto status = parse_enum<PaymentStatus>(rows.text(0));
    if (!status) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "a stored value is not one of ours");
    statuses.push_back(*status);
  }
  return statuses;
}

}  // namespace

void apply_progress(sql::Tx& tx, const PaymentProgress& progress, Timestamp now, const TraceContext& trace) {
  auto groups = lock_groups(tx, {progress.group_id}, SkipLocked::no);
  if (groups.empty() || groups.front().group.status != OrderStatus::pending) return;
  auto& [group, orders] = groups.front();
  tx.execute_one(kNote, {progress.group_id, progress.payment_id, to_string(progress.status)});
  const auto status = furthest(attempts_of(tx, progress.group_id));
  Outbox outbox(now, trace);
  std::vector<const Order*> changed;
  for (auto& order : orders) {
    if (!order.follow_payment(status, now)) continue;
    changed.push_back(&order);
    outbox.order_updated(order, trace);
  }
  if (group.roll_up(view(orders), now)) {
    outbox.order_group_updated(group, trace);
    update_groups(tx, {&group});
  }
  update_orders(tx, changed);
  outbox.write(tx);
  AGORA_CRASH_POINT("order.progress.written");
}

std::int64_t delete_settled_payments(sql::Tx& tx, std::int64_t limit) {
  return tx.execute(kDeleteAttempts, {limit}) + tx.execute(kDeleteHolds, {limit});
}

}  // namespace agora::order
