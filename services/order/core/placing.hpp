#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/money.hpp"
#include "libs/base/result.hpp"
#include "services/order/core/assortment.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// Most lines in one order.
inline constexpr std::size_t kLinesMax = 100;
/// Most units of one line.
inline constexpr std::int64_t kQuantityMax = 1'000'000;

/// One line as the buyer asked for it: an offer, or a product meaning its buy-box offer.
struct LineRequest {
  std::optional<OfferId> offer_id{};
  std::optional<ProductId> product_id{};
  std::int64_t quantity = 0;           ///< 1 – kQuantityMax
  Decimal price{};                     ///< per unit, what the buyer saw
  std::optional<Currency> currency{};  ///< of the price; none: whatever the offer's is
  LineId line_id{};
  std::string pointer{};  ///< where it stands in the request: "" or "/items/0"
};

/// A buyer's wish to order, with everything captured that must not change when it is decided again.
struct PlaceOrder {
  OrderId order_id;
  OrderGroupId group_id;
  UserId user_id;
  std::vector<LineRequest> lines;  ///< 1 – kLinesMax
  Timestamp now;
  std::chrono::milliseconds payment_window;  ///< unpaid after it, the order expires
};

/// A new order and its group of one. The human numbers are still empty: the store draws them.
struct Placed {
  Order order;
  OrderGroup group;
};

/// Decides one placement against the offers known and the stock held, and reserves in `stock` when the answer is yes.
///
/// "No", nothing reserved, every line at fault named:
/// - not_found `unknown_product`, `unknown_offer`
/// - conflict `offer_unavailable` (archived, or its seller suspended), `mixed_currencies`
/// - invalid_argument `validation_failed` (`required`: the currency of a product that is sold in several;
/// `too_many_decimals`, `duplicate_offer`, `amount_too_large`),
/// `several_sellers`
/// - conflict `price_changed` with `current_price` and `currency`; conflict `out_of_stock`
Result<Placed> place(const PlaceOrder& command, const Assortment& assortment, StockLevels& stock);

}  // namespace agora::order
