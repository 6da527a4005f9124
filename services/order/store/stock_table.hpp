#pragma once
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/assortment.hpp"
#include "services/order/core/stock.hpp"
#include "services/order/store/outbox.hpp"

namespace agora::order {

/// Locks the stock rows of these offers, bytewise by id, and loads them. Offers without a row are not in the result.
StockLevels lock_stock(sql::Tx& tx, const std::vector<OfferId>& offer_ids);

/// The same without holding them: as they are now, for who only looks.
StockLevels read_stock(sql::Tx& tx, const std::vector<OfferId>& offer_ids);

/// Writes the changed levels, one version up, each with its `stock.changed`. The row must still be what was locked, and
/// the table's CHECK holds 0 ≤ reserved ≤ on_hand whatever we believed.
void save_stock(sql::Tx& tx, const StockLevels& stock, Outbox& outbox);

/// The first level of an offer, with its `stock.changed`. False, and nothing is written: it has one. A row is never
/// deleted.
bool insert_stock(sql::Tx& tx, const OfferId& offer_id, std::int64_t on_hand, Outbox& outbox);

/// The offers that lines may mean: these ones, and all of these products.
Assortment load_assortment(sql::Tx& tx, const std::vector<OfferId>& offer_ids,
                           const std::vector<ProductId>& product_ids);
/// Notes for which sellers these buyers may act.
void load_memberships(sql::Tx& tx, const std::unordered_set<std::string>& buyers, Assortment& assortment);

}  // namespace agora::order
