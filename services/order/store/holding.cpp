#include "services/order/store/holding.hpp"

#include <set>

#include "services/order/store/stock_table.hpp"

namespace agora::order {

Held hold(sql::Tx& tx, const std::vector<const LineRequests*>& wanted, const std::unordered_set<std::string>& buyers) {
  std::set<OfferId> offer_ids;
  std::set<ProductId> product_ids;
  for (const auto* lines : wanted) {
    for (const auto& line : *lines) {
      if (line.offer_id) offer_ids.insert(*line.offer_id);
      if (line.product_id) product_ids.insert(*line.product_id);
    }
  }
  Held held{load_assortment(tx, {offer_ids.begin(), offer_ids.end()}, {product_ids.begin(), product_ids.end()}), {}};
  load_memberships(tx, buyers, held.assortment);
  std::vector<OfferId> stocked;
  for (const auto& [offer_id, offer] : held.assortment.offers()) stocked.push_back(offer_id);
  held.stock = lock_stock(tx, stocked);
  return held;
}

}  // namespace agora::order
