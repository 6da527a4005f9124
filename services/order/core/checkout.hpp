#pragma once
#include <chrono>

#include "services/order/core/cart.hpp"
#include "services/order/core/lines.hpp"

namespace agora::order {

/// What the buyer was shown that all would cost.
struct SeenTotal {
  Decimal total{};
  std::optional<Currency> currency{};  ///< none: whatever the lines' is
};

/// A buyer's wish to order of any sellers, with everything captured that must not change when it is decided again.
struct CheckOut {
  OrderGroupId group_id{};
  std::vector<OrderId> order_ids{};  ///< as many as there can be orders: one for each line
  UserId user_id{};
  LineRequests lines{};             ///< 1 – kLinesMax
  std::optional<SeenTotal> seen{};  ///< where lines have no prices
  Contact contact{};
  bool email_required = false;  ///< of guests, of whom nobody else knows one
  Timestamp now{};
  std::chrono::milliseconds payment_window{};  ///< unpaid after it, the group expires
};

/// A new group and its orders, one for each seller, in the order of their first lines. The human numbers are still
/// empty: the store draws them.
struct CheckedOut {
  OrderGroup group;
  std::vector<Order> orders{};
};

/// Decides one checkout against the offers known and the stock held, and reserves in `stock` when the answer is yes.
///
/// "No", nothing reserved, every line at fault named: invalid_argument `validation_failed` (`required`: an e-mail
/// address of a guest, a shipping address where something is shipped), conflict `price_changed` with `current_total`
/// and `currency`, and those of choose_offers(), check_together(), check_buyer(), check_prices(), check_stock() and
/// total_too_large().
Result<CheckedOut> check_out(const CheckOut& command, const Assortment& assortment, StockLevels& stock);

/// The lines of a cart as a checkout asks for them; their pointers lead into the cart's document.
LineRequests lines_of(const Cart& cart);

}  // namespace agora::order
