#include "services/order/core/placing.hpp"

#include <algorithm>

namespace agora::order {
namespace {

Result<void> check_one_seller(const LineRequests& lines, const ChosenOffers& chosen) {
  Complaints sellers;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]->seller_id != chosen[0]->seller_id) {
      sellers.add(lines[i], "", "several_sellers", "is sold by another seller than the first line");
    }
  }
  if (!sellers.any()) return {};
  return std::move(sellers).as(Errc::invalid_argument, "several_sellers",
                               "One order has one seller; check out an order group to buy of several.");
}

Result<void> add_lines(const LineRequests& lines, const ChosenOffers& chosen, Order& order) {
  Complaints too_large;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    auto line = priced_line(lines[i], *chosen[i]);
    if (line && add_amounts(order.amounts, line->amounts, order.currency)) {
      order.lines.push_back(std::move(*line));
      order.handling_days = std::max(order.handling_days, chosen[i]->handling_days);
    } else {
      too_large.add(lines[i], "/quantity", "amount_too_large", "makes the total reach 10^12");
    }
  }
  if (too_large.any()) return total_too_large(std::move(too_large));
  return {};
}

}  // namespace

Result<Placed> place(const PlaceOrder& command, const Assortment& assortment, StockLevels& stock) {
  const auto& lines = command.lines;
  AGORA_TRY(const auto chosen, choose_offers(lines, assortment, stock));
  AGORA_TRY_VOID(check_one_seller(lines, chosen));
  AGORA_TRY_VOID(check_together(lines, chosen));
  AGORA_TRY_VOID(check_buyer(lines, chosen, command.user_id, assortment));
  AGORA_TRY_VOID(check_prices(lines, chosen));
  AGORA_TRY_VOID(check_stock(lines, chosen, stock));

  const auto pay_by = command.now + command.payment_window;
  Order order{.order_id = command.order_id,
              .number = {},
              .group_id = command.group_id,
              .user_id = command.user_id,
              .seller_id = chosen[0]->seller_id,
              .currency = chosen[0]->price.currency,
              .placed_at = command.now,
              .updated_at = command.now,
              .pay_by = pay_by};
  AGORA_TRY_VOID(add_lines(lines, chosen, order));

  OrderGroup group{.group_id = command.group_id,
                   .number = {},
                   .user_id = command.user_id,
                   .currency = order.currency,
                   .amounts = order.amounts,
                   .placed_at = command.now,
                   .updated_at = command.now,
                   .pay_by = pay_by,
                   .amount_due = order.amounts.total};
  for (const auto& line : order.lines) stock.reserve(line.offer_id, line.quantity);
  return Placed{std::move(order), std::move(group)};
}

}  // namespace agora::order
