#include "services/order/core/assortment.hpp"

#include <set>
#include <tuple>

namespace agora::order {

void Assortment::add(Offer offer) {
  const auto [at, inserted] = offers_.emplace(offer.offer_id, std::move(offer));
  if (inserted) by_product_[at->second.product_id].push_back(at->first);
}

const Offer* Assortment::find(const OfferId& offer_id) const {
  const auto found = offers_.find(offer_id);
  return found == offers_.end() ? nullptr : &found->second;
}

const Offer* Assortment::buy_box(const ProductId& product_id, const std::optional<Currency>& currency,
                                 const StockLevels& stock) const {
  const auto found = by_product_.find(product_id);
  if (found == by_product_.end()) return nullptr;
  const auto rank = [&](const Offer& offer) {
    return std::make_tuple(stock.available(offer.offer_id) <= 0, offer.price.minor, std::cref(offer.offer_id.str()));
  };
  const Offer* best = nullptr;
  for (const auto& offer_id : found->second) {
    const auto& offer = offers_.at(offer_id);
    if (currency && offer.price.currency != *currency) continue;
    if (offer.sellable && (best == nullptr || rank(offer) < rank(*best))) best = &offer;
  }
  return best;
}

std::size_t Assortment::currencies(const ProductId& product_id, const StockLevels& stock) const {
  const auto found = by_product_.find(product_id);
  if (found == by_product_.end()) return 0;
  std::set<std::string_view> in_stock;
  std::set<std::string_view> sellable;
  for (const auto& offer_id : found->second) {
    const auto& offer = offers_.at(offer_id);
    if (!offer.sellable) continue;
    sellable.insert(offer.price.currency.code());
    if (stock.available(offer_id) > 0) in_stock.insert(offer.price.currency.code());
  }
  return in_stock.empty() ? sellable.size() : in_stock.size();
}

}  // namespace agora::order
