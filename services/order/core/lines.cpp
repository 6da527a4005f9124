#include "services/order/core/lines.hpp"

#include <set>

namespace agora::order {

Result<ChosenOffers> choose_offers(const LineRequests& lines, const Assortment& assortment, const StockLevels& stock) {
  ChosenOffers chosen;
  Complaints unknown_products;
  Complaints unknown_offers;
  Complaints unavailable;
  Complaints ambiguous;
  for (const auto& line : lines) {
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

Result<void> check_together(const LineRequests& lines, const ChosenOffers& chosen) {
  Complaints currencies;
  Complaints duplicates;
  std::set<OfferId> seen;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]->price.currency != chosen[0]->price.currency) {
      currencies.add(lines[i], "", "mixed_currencies", "is priced in another currency than the first line");
    }
    if (!seen.insert(chosen[i]->offer_id).second) {
      duplicates.add(lines[i], "", "duplicate_offer", "is the offer of an earlier line; order it once, with the sum");
    }
  }
  if (currencies.any()) {
    return std::move(currencies).as(Errc::conflict, "mixed_currencies", "What is paid together has one currency.");
  }
  if (duplicates.any()) {
    return std::move(duplicates).as(Errc::invalid_argument, "validation_failed", "An offer stands in two lines.");
  }
  return {};
}

Result<void> check_buyer(const LineRequests& lines, const ChosenOffers& chosen, const UserId& buyer,
                         const Assortment& assortment) {
  Complaints own;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (assortment.is_member(chosen[i]->seller_id, buyer)) {
      own.add(lines[i], "", "own_seller", "is sold by a seller for whom the buyer may act");
    }
  }
  if (own.any()) {
    return std::move(own).as(Errc::forbidden, "own_seller", "Nobody buys from a seller for whom they may act.");
  }
  return {};
}

Result<void> check_prices(const LineRequests& lines, const ChosenOffers& chosen) {
  Complaints decimals;
  Complaints changed;
  std::optional<Money> current;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& line = lines[i];
    const auto& offered = chosen[i]->price;
    const bool same_currency = !line.currency || *line.currency == offered.currency;
    if (!line.price) continue;
    const auto seen = line.price->in(offered.currency);
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

Result<void> check_stock(const LineRequests& lines, const ChosenOffers& chosen, const StockLevels& stock) {
  Complaints missing;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const auto& line = lines[i];
    if (line.quantity > stock.available(chosen[i]->offer_id)) {
      missing.add(line, "/quantity", "out_of_stock", "is more than there is");
    }
  }
  if (missing.any()) {
    return std::move(missing).as(Errc::conflict, "out_of_stock", "There is not enough left; nothing was ordered.");
  }
  return {};
}

std::optional<OrderLine> priced_line(const LineRequest& request, const Offer& offer) {
  const auto subtotal = checked_multiply(offer.price.minor, request.quantity);
  if (!subtotal || !fits(Money{*subtotal, offer.price.currency})) return std::nullopt;
  return OrderLine{.line_id = request.line_id,
                   .offer_id = offer.offer_id,
                   .product_id = offer.product_id,
                   .variant_id = offer.variant_id,
                   .sku = offer.sku,
                   .title = offer.title,
                   .quantity = request.quantity,
                   .unit_price = offer.price.minor,
                   .amounts = {*subtotal, 0, 0, 0, *subtotal},
                   .requires_shipping = offer.requires_shipping};
}

bool add_amounts(Amounts& amounts, const Amounts& more, Currency currency) {
  const auto sum = checked_add(amounts, more);
  if (!sum || !fits(Money{sum->total, currency})) return false;
  amounts = *sum;
  return true;
}

Error total_too_large(Complaints complaints) {
  return std::move(complaints).as(Errc::invalid_argument, "validation_failed", "The total is too large.");
}

}  // namespace agora::order
