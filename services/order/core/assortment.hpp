#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "libs/base/money.hpp"
#include "services/order/core/stock.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Order's copy of what catalog says of an offer: seller × variant with its price.
struct Offer {
  OfferId offer_id{};
  ProductId product_id{};
  VariantId variant_id{};
  SellerId seller_id{};
  std::string sku{};
  std::string title{};
  Money price;
  bool requires_shipping = true;
  std::int64_t handling_days = 0;  ///< from payment to shipping
  bool sellable = false;           ///< offer active and priced with its tax, product published, seller open
};

/// The offers that the lines of a decision may mean, and the sellers for whom its buyers may act.
class Assortment {
 public:
  void add(Offer offer);
  const Offer* find(const OfferId& offer_id) const;
  /// Whether anything is known of the product at all.
  bool knows(const ProductId& product_id) const { return by_product_.contains(product_id); }
  /// What a bare product means: its cheapest sellable offer in stock, ties by id; when none is in stock the cheapest
  /// sellable one, null when none is sellable. `currency`: only offers in it; none: prices must not need comparing
  /// across currencies, see currencies().
  const Offer* buy_box(const ProductId& product_id, const std::optional<Currency>& currency,
                       const StockLevels& stock) const;
  /// In how many currencies the offers are priced that a bare product may mean: the sellable ones in stock; when none
  /// is in stock, the sellable ones.
  std::size_t currencies(const ProductId& product_id, const StockLevels& stock) const;

  /// Notes that a buyer of this decision may act for a seller.
  void add_member(SellerId seller_id, UserId user_id) { members_.emplace(std::move(seller_id), std::move(user_id)); }
  bool is_member(const SellerId& seller_id, const UserId& user_id) const {
    return members_.contains({seller_id, user_id});
  }

  const std::map<OfferId, Offer>& offers() const { return offers_; }

 private:
  std::map<OfferId, Offer> offers_;
  std::map<ProductId, std::vector<OfferId>> by_product_;
  std::set<std::pair<SellerId, UserId>> members_;
};

}  // namespace agora::order
