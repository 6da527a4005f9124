#include "services/order/core/checkout.hpp"

#include <algorithm>

namespace agora::order {
namespace {

Result<void> check_contact(const CheckOut& command, const ChosenOffers& chosen) {
  std::vector<FieldError> missing;
  if (command.email_required && !command.contact.email) {
    missing.push_back({"/email", "required", "is required of a guest"});
  }
  const bool is_shipped =
      std::any_of(chosen.begin(), chosen.end(), [](const Offer* offer) { return offer->requires_shipping; });
  if (is_shipped && !command.contact.shipping_address) {
    missing.push_back({"/shipping_address", "required", "is required: something has to be sent there"});
  }
  if (missing.empty()) return {};
  return Error{Errc::invalid_argument, "validation_failed", "Who buys, or where it goes, is missing.",
               std::move(missing)};
}

/// What was shown is what is charged.
Result<void> check_total(const SeenTotal& seen, const Money& total) {
  const auto amount = seen.total.in(total.currency);
  const bool same_currency = !seen.currency || *seen.currency == total.currency;
  if (same_currency && !amount) {
    return Error{Errc::invalid_argument,
                 "validation_failed",
                 "The total is not an amount of its currency.",
                 {{"/total", "too_many_decimals", "has more decimals than its currency"}}};
  }
  if (same_currency && *amount == total) return {};
  Error error{
      Errc::conflict,
      "price_changed",
      "What is in the cart costs something else now; nothing was ordered.",
      {{"/total", "price_changed", "is now " + to_decimal_string(total) + " " + std::string(total.currency.code())}}};
  error.details.push_back({"current_total", total});
  error.details.push_back({"currency", std::string(total.currency.code())});
  return error;
}

/// The group's orders with their lines, and what they cost together.
Result<void> add_orders(const CheckOut& command, const ChosenOffers& chosen, CheckedOut& out) {
  Complaints too_large;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& offer = *chosen[i];
    auto line = priced_line(command.lines[i], offer);
    if (!line || !add_amounts(out.group.amounts, line->amounts, out.group.currency)) {
      too_large.add(command.lines[i], "/quantity", "amount_too_large", "makes the total reach 10^12");
      continue;
    }
    const auto of_seller = [&](const Order& order) { return order.seller_id == offer.seller_id; };
    auto order = std::find_if(out.orders.begin(), out.orders.end(), of_seller);
    if (order == out.orders.end()) {
      out.orders.push_back({.order_id = command.order_ids.at(out.orders.size()),
                            .number = {},
                            .group_id = command.group_id,
                            .user_id = command.user_id,
                            .seller_id = offer.seller_id,
                            .currency = out.group.currency,
                            .placed_at = command.now,
                            .updated_at = command.now,
                            .pay_by = out.group.pay_by});
      order = std::prev(out.orders.end());
    }
    // No more than the group's, which is an amount.
    add_amounts(order->amounts, line->amounts, order->currency);
    order->lines.push_back(std::move(*line));
    order->handling_days = std::max(order->handling_days, offer.handling_days);
  }
  if (too_large.any()) return total_too_large(std::move(too_large));
  return {};
}

}  // namespace

Result<CheckedOut> check_out(const CheckOut& command, const Assortment& assortment, StockLevels& stock) {
  const auto& lines = command.lines;
  AGORA_TRY(const auto chosen, choose_offers(lines, assortment, stock));
  AGORA_TRY_VOID(check_together(lines, chosen));
  AGORA_TRY_VOID(check_buyer(lines, chosen, command.user_id, assortment));
  AGORA_TRY_VOID(check_prices(lines, chosen));
  AGORA_TRY_VOID(check_contact(command, chosen));

  CheckedOut out{{.group_id = command.group_id,
                  .number = {},
                  .user_id = command.user_id,
                  .currency = chosen[0]->price.currency,
                  .placed_at = command.now,
                  .updated_at = command.now,
                  .pay_by = command.now + command.payment_window}};
  AGORA_TRY_VOID(add_orders(command, chosen, out));
  const Money total{out.group.amounts.total, out.group.currency};
  if (command.seen) AGORA_TRY_VOID(check_total(*command.seen, total));
  AGORA_TRY_VOID(check_stock(lines, chosen, stock));

  out.group.amount_due = total.minor;
  for (std::size_t i = 0; i < chosen.size(); ++i) stock.reserve(chosen[i]->offer_id, lines[i].quantity);
  return out;
}

LineRequests lines_of(const Cart& cart) {
  LineRequests lines;
  for (const auto& line : cart.lines) {
    lines.push_back({.offer_id = line.offer_id,
                     .quantity = line.quantity,
                     .line_id = line.line_id,
                     .pointer = "/items/" + std::to_string(lines.size())});
  }
  return lines;
}

}  // namespace agora::order
