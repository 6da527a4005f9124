#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/base/money.hpp"
#include "libs/base/result.hpp"
#include "services/order/core/assortment.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// Most lines in one order, one checkout and one cart.
inline constexpr std::size_t kLinesMax = 100;
/// Most units of one line.
inline constexpr std::int64_t kQuantityMax = 1'000'000;

/// One line as the buyer asked for it: an offer, or a product meaning its buy-box offer.
struct LineRequest {
  std::optional<OfferId> offer_id{};
  std::optional<ProductId> product_id{};
  std::int64_t quantity = 0;           ///< 1 – kQuantityMax
  std::optional<Decimal> price{};      ///< per unit, what the buyer saw; none: they saw what all lines cost together
  std::optional<Currency> currency{};  ///< of the price; none: whatever the offer's is
  LineId line_id{};
  std::string pointer{};  ///< where it stands in the request: "" or "/items/0"
};
using LineRequests = std::vector<LineRequest>;

/// The offer of each line, in order; they live as long as their assortment.
using ChosenOffers = std::vector<const Offer*>;

/// One complaint per line at fault; what they make together is the caller's to say.
class Complaints {
 public:
  void add(const LineRequest& line, std::string_view member, std::string code, std::string message) {
    fields_.push_back({line.pointer + std::string(member), std::move(code), std::move(message)});
  }
  bool any() const { return !fields_.empty(); }
  Error as(Errc errc, std::string code, std::string message) && {
    return Error{errc, std::move(code), std::move(message), std::move(fields_)};
  }

 private:
  std::vector<FieldError> fields_;
};

/// The offers that lines mean. "No", every line at fault named:
/// - not_found `unknown_product`, `unknown_offer`
/// - conflict `offer_unavailable` (archived, or its seller suspended)
/// - invalid_argument `validation_failed` (`required`: the currency of a product that is sold in several)
Result<ChosenOffers> choose_offers(const LineRequests& lines, const Assortment& assortment, const StockLevels& stock);

/// "No": conflict `mixed_currencies`; invalid_argument `validation_failed` (`duplicate_offer`).
Result<void> check_together(const LineRequests& lines, const ChosenOffers& chosen);
/// "No": forbidden `own_seller`: nobody buys from a seller for whom they may act.
Result<void> check_buyer(const LineRequests& lines, const ChosenOffers& chosen, const UserId& buyer,
                         const Assortment& assortment);
/// "No": invalid_argument `validation_failed` (`too_many_decimals`); conflict `price_changed` with `current_price` and
/// `currency`.
Result<void> check_prices(const LineRequests& lines, const ChosenOffers& chosen);
/// "No": conflict `out_of_stock`.
Result<void> check_stock(const LineRequests& lines, const ChosenOffers& chosen, const StockLevels& stock);

/// A line of an order at its offer's price, which includes tax; nothing is charged for shipping yet. None when it
/// costs more than an amount may be.
std::optional<OrderLine> priced_line(const LineRequest& request, const Offer& offer);
/// Adds `more` to what something costs; false when it would be more than an amount may be.
bool add_amounts(Amounts& amounts, const Amounts& more, Currency currency);
/// What is said of lines that make a total too large: invalid_argument `validation_failed` (`amount_too_large`).
Error total_too_large(Complaints complaints);

}  // namespace agora::order
