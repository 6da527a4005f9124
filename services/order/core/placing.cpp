#include "services/order/core/placing.hpp"

#include <set>

namespace agora::order {
namespace {

using Chosen = std::vector<const Offer*>;

/// Collects one complaint per line; the first line's decides what the whole is called.
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

Result<Chosen> choose_offers(const PlaceOrder& command, const Assortment& assortment, const StockLevels& stock) {
  Chosen chosen;
  Complaints unknown_products;
  Complaints unknown_offers;
  Complaints unavailable;
  Complaints ambiguous;
  for (const auto& line : command.lines) {
    const Offer* offer = nullptr;
    if (line.offer_id) {
      offer = assortment.find(*line.offer_id);
      if (offer == nullptr) unknown_offers.add(line, "/offer_id", "unknown_offer", "There is no such offer.");
    } else {
      const auto currencies = assortment.currencies(*line.product_id, stock);
      offer = assortment.buy_box(*line.product_id, line.currency, stock);
      // Where there is but one currency, the price in another is told from the current one.
      if (offer == nullptr && currencies == 1) offer = assortment.buy_box(*line.product_id, std::nullopt, stock);
      if (!assortment.knows(*line.product_id)) {
        unknown_products.add(line, "/product_id", "unknown_product", "There is no such product.");
      } else if (offer == nullptr) {
        unavailable.add(
            line, "/product_id", "offer_unavailable",
            currencies > 0 ? "Nobody sells this product in this currency." : "Nobody sells this product now.");
      } else if (!line.currency && currencies > 1) {
        ambiguous.add(line, "/currency", "required", "is required: the product is sold in several currencies");
      }
    }
    if (line.offer_id && offer != nullptr && !offer->sellable) {
      unavailable.add(line, "/offer_id", "offer_unavailable", "This offer cannot be bought now.");
    }
    chosen.push_back(offer);
  }
  if (unknown_products.any()) {
    return std::move(unknown_products).as(Errc::not_found, "unknown_product", "There is no such product.");
  }
  if (unknown_offers.any()) {
    return std::move(unknown_offers).as(Errc::not_found, "unknown_offer", "There is no such offer.");
  }
  if (unavailable.any()) {
    return std::move(unavailable)
        .as(Errc::conflict, "offer_unavailable", "Something in the order cannot be bought now.");
  }
  if (ambiguous.any()) {
    return std::move(ambiguous).as(Errc::invalid_argument, "validation_failed", "A price needs its currency.");
  }
  return chosen;
}

/// One seller, one currency, each offer once.
Result<void> check_together(const PlaceOrder& command, const Chosen& chosen) {
  Complaints sellers;
  Complaints currencies;
  Complaints duplicates;
  std::set<OfferId> seen;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& line = command.lines[i];
    if (chosen[i]->seller_id != chosen[0]->seller_id) {
      sellers.add(line, "", "several_sellers", "is sold by another seller than the first line");
    }
    if (chosen[i]->price.currency != chosen[0]->price.currency) {
      currencies.add(line, "", "mixed_currencies", "is priced in another currency than the first line");
    }
    if (!seen.insert(chosen[i]->offer_id).second) {
      duplicates.add(line, "", "duplicate_offer", "is the offer of an earlier line; order it once, with the sum");
    }
  }
  if (sellers.any()) {
    return std::move(sellers).as(Errc::invalid_argument, "several_sellers",
                                 "One order has one seller; check out an order group to buy of several.");
  }
  if (currencies.any()) {
    return std::move(currencies).as(Errc::conflict, "mixed_currencies", "One order has one currency.");
  }
  if (duplicates.any()) {
    return std::move(duplicates).as(Errc::invalid_argument, "validation_failed", "An offer stands in two lines.");
  }
  return {};
}

Result<void> check_prices(const PlaceOrder& command, const Chosen& chosen) {
  Complaints decimals;
  Complaints changed;
  std::optional<Money> current;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& line = command.lines[i];
    const auto& offered = chosen[i]->price;
    const bool same_currency = !line.currency || *line.currency == offered.currency;
    const auto seen = line.price.in(offered.currency);
    if (same_currency && !seen) {
      decimals.add(line, "/price", "too_many_decimals", "has more decimals than its currency");
    } else if (!same_currency || *seen != offered) {
      if (!current) current = offered;
      changed.add(line, "/price", "price_changed",
                  "is now " + to_decimal_string(offered) + " " + std::string(offered.currency.code()));
    }
  }
  if (decimals.any()) {
    return std::move(decimals).as(Errc::invalid_argument, "validation_failed",
                                  "A price is not an amount of its currency.");
  }
  if (changed.any()) {
    auto error =
        std::move(changed).as(Errc::conflict, "price_changed", "The price is another now; nothing was ordered.");
    error.details.push_back({"current_price", *current});
    error.details.push_back({"currency", std::string(current->currency.code())});
    return error;
  }
  return {};
}

Result<void> check_stock(const PlaceOrder& command, const Chosen& chosen, const StockLevels& stock) {
  Complaints missing;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& line = command.lines[i];
    if (line.quantity > stock.available(chosen[i]->offer_id)) {
      missing.add(line, "/quantity", "out_of_stock", "is more than there is");
    }
  }
  if (missing.any()) {
    return std::move(missing).as(Errc::conflict, "out_of_stock", "There is not enough left; nothing was ordered.");
  }
  return {};
}

/// Lines with their amounts, summed into the order's. Prices include tax and nothing is charged for shipping yet.
Result<void> add_lines(const PlaceOrder& command, const Chosen& chosen, Order& order) {
  Complaints too_large;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& offer = *chosen[i];
    const auto& request = command.lines[i];
    const auto subtotal = checked_multiply(offer.price.minor, request.quantity);
    const auto amounts = subtotal ? checked_add(order.amounts, Amounts{*subtotal, 0, 0, 0, *subtotal}) : std::nullopt;
    if (!amounts || !fits(Money{amounts->total, order.currency})) {
      too_large.add(request, "/quantity", "amount_too_large", "makes the total reach 10^12");
      continue;
    }
    order.amounts = *amounts;
    order.lines.push_back({request.line_id, offer.offer_id, offer.product_id, offer.variant_id, offer.sku, offer.title,
                           request.quantity, 0, offer.price.minor, Amounts{*subtotal, 0, 0, 0, *subtotal},
                           offer.requires_shipping});
  }
  if (too_large.any()) {
    return std::move(too_large).as(Errc::invalid_argument, "validation_failed", "The total is too large.");
  }
  return {};
}

}  // namespace

Result<Placed> place(const PlaceOrder& command, const Assortment& assortment, StockLevels& stock) {
  AGORA_TRY(const auto chosen, choose_offers(command, assortment, stock));
  AGORA_TRY_VOID(check_together(command, chosen));
  AGORA_TRY_VOID(check_prices(command, chosen));
  AGORA_TRY_VOID(check_stock(command, chosen, stock));

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
  AGORA_TRY_VOID(add_lines(command, chosen, order));

  OrderGroup group{.group_id = command.group_id,
                   .number = {},
                   .user_id = command.user_id,
                   .currency = order.currency,
                   .amounts = order.amounts,
                   .placed_at = command.now,
                   .updated_at = command.now,
                   .pay_by = pay_by};
  for (const auto& line : order.lines) stock.reserve(line.offer_id, line.quantity);
  return Placed{std::move(order), std::move(group)};
}

}  // namespace agora::order
