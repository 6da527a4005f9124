#include "services/order/core/refund.hpp"

#include <algorithm>

namespace agora::order {
namespace {

Result<void> check(const Order& order, const Refund& refund) {
  if (order.status == OrderStatus::pending) {
    return Error{Errc::failed_precondition, "missing_dependency", "The order is not paid yet."};
  }
  if (refund.currency != order.currency) {
    return Error{Errc::failed_precondition, "currency_changed", "The order was paid in another currency."};
  }
  if (refund.amount > order.captured_total - order.refunded_total) {
    return Error{Errc::failed_precondition, "refund_exceeds_capture", "More would be given back than was taken."};
  }
  return {};
}

/// Of no money nothing is paid back.
void give_back(Order& order, std::int64_t amount) {
  if (amount == 0) return;
  order.refunded_total += amount;
  const auto payment_status =
      order.refunded_total == order.captured_total ? PaymentStatus::refunded : PaymentStatus::partially_refunded;
  if (is_legal(order.payment_status, payment_status)) order.payment_status = payment_status;
}

RefundedUnits take(OrderLine& line, std::int64_t quantity) {
  RefundedUnits units{.shipped = std::min(quantity, line.shipped_quantity - line.refunded_shipped_quantity)};
  units.unshipped = std::min(quantity - units.shipped, line.reserved_quantity());
  line.refunded_shipped_quantity += units.shipped;
  line.refunded_unshipped_quantity += units.unshipped;
  return units;
}

/// With this refund all that was taken has been given back. Of an order that cost nothing there is nothing to give.
bool is_last_of_money(const Order& order, const Refund& refund) {
  return refund.amount > 0 && order.refunded_total == order.captured_total;
}

/// What nobody pays for nobody sends. What was free goes with it, but where something was sent.
void give_up_rest(Order& order, std::vector<RefundedUnits>& units) {
  const bool has_shipped = order.has_shipped();
  for (std::size_t i = 0; i < order.lines.size(); ++i) {
    auto& line = order.lines[i];
    if (has_shipped && line.amounts.total == 0) continue;
    units[i].unnamed += line.reserved_quantity();
    line.refunded_unshipped_quantity += line.reserved_quantity();
  }
}

}  // namespace

Result<std::vector<RefundedUnits>> refund(Order& order, const Refund& refund, Timestamp now) {
  AGORA_TRY_VOID(check(order, refund));
  give_back(order, refund.amount);
  std::vector<RefundedUnits> units(order.lines.size());
  for (const auto& [line_id, quantity] : refund.lines) {
    for (std::size_t i = 0; i < order.lines.size(); ++i) {
      if (order.lines[i].line_id != line_id) continue;
      const auto taken = take(order.lines[i], quantity);
      units[i].unshipped += taken.unshipped;
      units[i].shipped += taken.shipped;
    }
  }
  const bool is_open = order.status == OrderStatus::confirmed;
  if (is_open && !refund.settles_cancellation && is_last_of_money(order, refund)) give_up_rest(order, units);
  if (is_open && order.has_nothing_left()) {
    order.end(refund.reason, now);
  } else {
    if (is_open) order.note_progress(now);
    order.touch(now);
  }
  return units;
}

}  // namespace agora::order
