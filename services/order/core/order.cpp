#include "services/order/core/order.hpp"

#include <algorithm>

namespace agora::order {
namespace {

/// The least advanced of the orders that are not canceled; canceled when all are.
OrderStatus status_of(const std::vector<const Order*>& orders) {
  auto least = OrderStatus::canceled;
  for (const auto* order : orders) least = std::min(least, order->status);
  return least;
}

/// What all orders have that did not end unpaid. They differ only where some were paid back, and others not or not
/// wholly.
PaymentStatus payment_status_of(const std::vector<const Order*>& orders) {
  std::optional<PaymentStatus> common;
  for (const auto* order : orders) {
    if (order->payment_status == PaymentStatus::canceled) continue;
    if (common && *common != order->payment_status) return PaymentStatus::partially_refunded;
    common = order->payment_status;
  }
  return common.value_or(PaymentStatus::canceled);
}

/// The common status of the live orders, or the "partially" form of the most advanced one.
FulfillmentStatus fulfillment_status_of(const std::vector<const Order*>& orders) {
  std::optional<FulfillmentStatus> least;
  std::optional<FulfillmentStatus> most;
  for (const auto* order : orders) {
    if (order->status == OrderStatus::canceled) continue;
    least = std::min(least.value_or(order->fulfillment_status), order->fulfillment_status);
    most = std::max(most.value_or(order->fulfillment_status), order->fulfillment_status);
  }
  if (!least) return FulfillmentStatus::canceled;
  if (least == most) return *least;
  switch (*most) {
    case FulfillmentStatus::fulfilled:
      return FulfillmentStatus::partially_fulfilled;
    case FulfillmentStatus::shipped:
      return FulfillmentStatus::partially_shipped;
    case FulfillmentStatus::delivered:
      return FulfillmentStatus::partially_delivered;
    default:
      return *most;
  }
}

/// From then on somebody is packing: the buyer asks the seller, or sends it back.
bool has_fulfillment(FulfillmentStatus status) {
  return status != FulfillmentStatus::not_fulfilled;
}

/// How far all units that are due have come together, or the "partially" form of the most advanced.
FulfillmentStatus progress_of(const std::vector<OrderLine>& lines) {
  using enum FulfillmentStatus;
  std::int64_t due = 0;
  std::int64_t packed_units = 0;
  std::int64_t shipped_units = 0;
  std::int64_t delivered_units = 0;
  for (const auto& line : lines) {
    due += line.due_quantity();
    // What was packed may be due no more.
    packed_units += std::min(line.fulfilled_quantity, line.due_quantity());
    shipped_units += line.shipped_quantity;
    delivered_units += line.delivered_quantity;
  }
  if (delivered_units > 0) return delivered_units >= due ? delivered : partially_delivered;
  if (shipped_units > 0) return shipped_units >= due ? shipped : partially_shipped;
  if (packed_units > 0) return packed_units >= due ? fulfilled : partially_fulfilled;
  return not_fulfilled;
}

std::optional<Timestamp> last_delivery(const std::vector<Fulfillment>& fulfillments) {
  std::optional<Timestamp> last;
  for (const auto& fulfillment : fulfillments) last = std::max(last, fulfillment.delivered_at);
  return last;
}

}  // namespace

Result<void> Order::cancel(CancelReason reason, Timestamp now) {
  if (status == OrderStatus::canceled) {
    return Error{Errc::conflict, "already_canceled", "The order is canceled already."};
  }
  // What is on its way is not canceled: it comes back, and is refunded.
  if (!is_legal(status, OrderStatus::canceled) || has_shipped() ||
      (reason == CancelReason::buyer && has_fulfillment(fulfillment_status))) {
    return Error{Errc::conflict, "not_cancelable", "The order is too far along to be canceled."};
  }
  if (reason == CancelReason::expired && status != OrderStatus::pending) {
    return Error{Errc::conflict, "not_cancelable", "Only an unpaid order expires."};
  }
  if (reason == CancelReason::not_shipped && status != OrderStatus::confirmed) {
    return Error{Errc::conflict, "not_cancelable", "Only a paid order is to be shipped."};
  }
  for (auto& line : lines) line.canceled_quantity += line.reserved_quantity();
  end(reason, now);
  return {};
}

void Order::end(CancelReason reason, Timestamp now) {
  status = OrderStatus::canceled;
  fulfillment_status = FulfillmentStatus::canceled;
  // Money that was taken is taken until a refund says otherwise.
  if (is_legal(payment_status, PaymentStatus::canceled)) payment_status = PaymentStatus::canceled;
  cancel_reason = reason;
  for (auto& line : lines) line.fulfilled_quantity = 0;
  for (auto& fulfillment : fulfillments) {
    if (fulfillment.state == FulfillmentState::packed) fulfillment.cancel(now);
  }
  canceled_at = now;
  pay_by.reset();
  touch(now);
}

void Order::touch(Timestamp now) {
  updated_at = now;
  ++version;
}

bool Order::has_shipped() const {
  return std::any_of(lines.begin(), lines.end(), [](const OrderLine& line) { return line.shipped_quantity > 0; });
}

bool Order::has_nothing_left() const {
  return !has_shipped() &&
         std::all_of(lines.begin(), lines.end(), [](const OrderLine& line) { return line.reserved_quantity() == 0; });
}

std::int64_t OrderLine::canceled_total() const {
  if (canceled_quantity == 0) return 0;
  return split_by_largest_remainder(amounts.total, {canceled_quantity, quantity - canceled_quantity}).front();
}

std::int64_t Order::canceled_total() const {
  std::int64_t total = 0;
  for (const auto& line : lines) total += line.canceled_total();
  return total;
}

bool Order::follow_payment(PaymentStatus progress, Timestamp now) {
  if (status != OrderStatus::pending || !is_legal(payment_status, progress)) return false;
  payment_status = progress;
  touch(now);
  return true;
}

Result<void> Order::pay(Timestamp now) {
  if (status != OrderStatus::pending) return Error{Errc::conflict, "not_payable", "The order waits for no payment."};
  status = OrderStatus::confirmed;
  payment_status = PaymentStatus::captured;
  captured_total = amount_due();
  pay_by.reset();
  ship_by = now + std::chrono::days(handling_days);
  touch(now);
  return {};
}

Result<void> Order::complete(Timestamp now) {
  if (!is_legal(status, OrderStatus::completed) || fulfillment_status != FulfillmentStatus::delivered) {
    return Error{Errc::conflict, "illegal_transition", "Not all of the order was delivered, or it has ended."};
  }
  status = OrderStatus::completed;
  completed_at = now;
  // All that is due has come: what is packed still is not to be sent.
  cancel_packed(now);
  touch(now);
  return {};
}

void Order::cancel_packed(Timestamp now) {
  for (auto& fulfillment : fulfillments) {
    if (fulfillment.state != FulfillmentState::packed) continue;
    fulfillment.cancel(now);
    for (auto& line : lines) line.fulfilled_quantity -= fulfillment.quantity_of(line.line_id);
  }
}

void Order::note_progress(Timestamp now) {
  fulfillment_status = progress_of(lines);
  if (fulfillment_status == FulfillmentStatus::delivered && !delivered_at) {
    delivered_at = last_delivery(fulfillments).value_or(now);
  }
}

std::string_view to_string(CaptureRefusal refusal) {
  switch (refusal) {
    case CaptureRefusal::ended:
      return "ended";
    case CaptureRefusal::already_paid:
      return "already_paid";
    case CaptureRefusal::amount_mismatch:
      return "amount_mismatch";
    case CaptureRefusal::unknown:
      return "unknown";
  }
  return "ended";
}

std::int64_t amount_due_of(const std::vector<const Order*>& orders) {
  std::int64_t due = 0;
  for (const auto* order : orders) {
    if (order->status == OrderStatus::pending) due += order->amount_due();
  }
  return due;
}

std::optional<CaptureRefusal> OrderGroup::refuses(const Capture& capture) const {
  if (status == OrderStatus::canceled) return CaptureRefusal::ended;
  if (status != OrderStatus::pending) return CaptureRefusal::already_paid;
  if (capture.amount != amount_due || capture.currency != currency) return CaptureRefusal::amount_mismatch;
  return std::nullopt;
}

bool OrderGroup::roll_up(const std::vector<const Order*>& orders, Timestamp now) {
  const auto new_status = status_of(orders);
  const auto new_payment_status = payment_status_of(orders);
  const auto new_fulfillment_status = fulfillment_status_of(orders);
  const auto new_amount_due = amount_due_of(orders);
  if (new_status == status && new_payment_status == payment_status && new_fulfillment_status == fulfillment_status &&
      new_amount_due == amount_due) {
    return false;
  }
  status = new_status;
  payment_status = new_payment_status;
  fulfillment_status = new_fulfillment_status;
  amount_due = new_amount_due;
  if (status != OrderStatus::pending) pay_by.reset();
  updated_at = now;
  ++version;
  return true;
}

}  // namespace agora::order
