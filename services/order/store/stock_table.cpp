#include "services/order/store/stock_table.hpp"

#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

#define AGORA_STOCK "SELECT offer_id, on_hand, reserved, version FROM stock WHERE offer_id IN "
constexpr sql::Sql kReadStock{AGORA_STOCK "(SELECT value FROM json_each($1)) ORDER BY offer_id",
                              AGORA_STOCK "(SELECT json_array_elements_text($1::json)) ORDER BY offer_id"};
constexpr sql::Sql kLockStock{kReadStock.sqlite,
                              AGORA_STOCK "(SELECT json_array_elements_text($1::json)) ORDER BY offer_id FOR UPDATE"};
constexpr sql::Sql kUpdateStock{
    "UPDATE stock SET on_hand = $1, reserved = $2, version = $3 WHERE offer_id = $4 AND version = $5"};

constexpr sql::Sql kInsertStock{
    "INSERT INTO stock (offer_id, on_hand, reserved, version) VALUES ($1, $2, 0, 1) ON CONFLICT (offer_id) DO NOTHING"};

// An offer is sellable when it is active and priced with its tax, its product published and its seller open.
#define AGORA_OFFER_COLUMNS                                                                                            \
  "o.offer_id, o.product_id, o.variant_id, o.seller_id, o.sku, p.title, o.price, o.currency, "                         \
  "o.requires_shipping, CASE WHEN o.status = 'active' AND o.tax_included = 1 AND p.status = 'published' AND s.status " \
  "= 'open' "                                                                                                          \
  "THEN 1 ELSE 0 END, o.handling_days FROM offers o JOIN products p ON p.product_id = o.product_id "                   \
  "JOIN sellers s ON s.seller_id = o.seller_id "

constexpr sql::Sql kOffersById{"SELECT " AGORA_OFFER_COLUMNS "WHERE o.offer_id IN (SELECT value FROM json_each($1))",
                               "SELECT " AGORA_OFFER_COLUMNS
                               "WHERE o.offer_id IN (SELECT json_array_elements_text($1::json))"};
constexpr sql::Sql kOffersByProduct{
    "SELECT " AGORA_OFFER_COLUMNS "WHERE o.product_id IN (SELECT value FROM json_each($1))",
    "SELECT " AGORA_OFFER_COLUMNS "WHERE o.product_id IN (SELECT json_array_elements_text($1::json))"};

#define AGORA_MEMBERSHIPS "SELECT seller_id, user_id FROM seller_members WHERE user_id IN "
constexpr sql::Sql kMemberships{AGORA_MEMBERSHIPS "(SELECT value FROM json_each($1))",
                                AGORA_MEMBERSHIPS "(SELECT json_array_elements_text($1::json))"};

void add_offers(sql::Tx& tx, const sql::Sql& statement, const std::string& ids, Assortment& assortment) {
  auto rows = tx.query(statement, {ids});
  while (rows.next()) {
    const auto currency = Currency::from_code(rows.text(7));
    if (!currency)
      throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "an offer is stored in no known currency");
    assortment.add({.offer_id = rows.id<OfferTag>(0),
                    .product_id = rows.id<ProductTag>(1),
                    .variant_id = rows.id<VariantTag>(2),
                    .seller_id = rows.id<SellerTag>(3),
                    .sku = std::string(rows.text(4)),
                    .title = std::string(rows.text(5)),
                    .price = Money{rows.int64(6), *currency},
                    .requires_shipping = rows.boolean(8),
                    .handling_days = rows.int64(10),
                    .sellable = rows.boolean(9)});
  }
}

StockLevels load_stock(sql::Tx& tx, const sql::Sql& statement, const std::vector<OfferId>& offer_ids) {
  StockLevels stock;
  if (offer_ids.empty()) return stock;
  const auto wanted = json_array(offer_ids);
  auto rows = tx.query(statement, {wanted});
  while (rows.next()) stock.add(rows.id<OfferTag>(0), {rows.int64(1), rows.int64(2), rows.int64(3)});
  return stock;
}

}  // namespace

StockLevels lock_stock(sql::Tx& tx, const std::vector<OfferId>& offer_ids) {
  return load_stock(tx, kLockStock, offer_ids);
}

StockLevels read_stock(sql::Tx& tx, const std::vector<OfferId>& offer_ids) {
  return load_stock(tx, kReadStock, offer_ids);
}

void save_stock(sql::Tx& tx, const StockLevels& stock, Outbox& outbox) {
  sql::Batch batch(kUpdateStock, 5);
  for (const auto& [offer_id, entry] : stock.entries()) {
    if (!entry.changed) continue;
    auto level = entry.level;
    ++level.version;
    batch.add({level.on_hand, level.reserved, level.version, offer_id, entry.level.version});
    outbox.stock_changed(offer_id, level);
  }
  tx.batch(batch);
}

bool insert_stock(sql::Tx& tx, const OfferId& offer_id, std::int64_t on_hand, Outbox& outbox) {
  if (tx.execute(kInsertStock, {offer_id, on_hand}) == 0) return false;
  outbox.stock_changed(offer_id, {on_hand, 0, 1});
  return true;
}

Assortment load_assortment(sql::Tx& tx, const std::vector<OfferId>& offer_ids,
                           const std::vector<ProductId>& product_ids) {
  Assortment assortment;
  if (!offer_ids.empty()) add_offers(tx, kOffersById, json_array(offer_ids), assortment);
  if (!product_ids.empty()) add_offers(tx, kOffersByProduct, json_array(product_ids), assortment);
  return assortment;
}

void load_memberships(sql::Tx& tx, const std::unordered_set<std::string>& buyers, Assortment& assortment) {
  const auto wanted = json_array(buyers);
  auto rows = tx.query(kMemberships, {wanted});
  while (rows.next()) assortment.add_member(rows.id<SellerTag>(0), rows.id<UserTag>(1));
}

}  // namespace agora::order
