#include "services/order/core/payment_terms.hpp"

#include <algorithm>

namespace agora::order {
namespace {

bool is_shipped(const Order& order) {
  return std::any_of(order.lines.begin(), order.lines.end(),
                     [](const OrderLine& line) { return line.requires_shipping && line.reserved_quantity() > 0; });
}

}  // namespace

Result<PaymentTerms> begin_payment(const PaymentAttempt& attempt, const OrderGroup& group,
                                   const std::vector<const Order*>& orders, const PaymentHold& hold) {
  if (group.user_id != attempt.user_id) {
    return Error{Errc::not_found, "not_found", "There is no such order group."};
  }
  const bool pending = group.status == OrderStatus::pending;
  if (!pending && group.status != OrderStatus::canceled) {
    return Error{Errc::conflict, "already_paid", "The order group is paid already."};
  }
  // Overdue is over, whether or not the job that says so has come to it: it would come in the middle of the payment.
  if (!pending || !group.pay_by || *group.pay_by <= attempt.now) {
    return Error{Errc::conflict, "order_group_ended", "The order group waits for no payment any more."};
  }
  PaymentTerms terms{.group_id = group.group_id,
                     .number = group.number,
                     .currency = group.currency,
                     .amount = amount_due_of(orders),
                     .pay_by = *group.pay_by};
  for (const auto* order : orders) {
    if (order->status != OrderStatus::pending) continue;
    if (is_shipped(*order) && !hold.has_address) {
      return Error{Errc::failed_precondition, "address_required", "It must be known where to ship before it is paid."};
    }
    terms.parts.push_back({order->order_id, order->seller_id, order->amount_due()});
  }
  const auto enough = attempt.now + attempt.hold_min;
  terms.extends_hold = !hold.extended && *group.pay_by < enough;
  if (terms.extends_hold) terms.pay_by = enough;
  return terms;
}

}  // namespace agora::order
