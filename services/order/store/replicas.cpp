#include "services/order/store/replicas.hpp"

#include "libs/service/erased_users.hpp"
#include "libs/sql/idempotency.hpp"
#include "services/order/store/cart_rows.hpp"
#include "services/order/store/contacts.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_movements.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kApplyOffer{
    "INSERT INTO offers (offer_id, seller_id, product_id, variant_id, sku, price, currency, status, requires_shipping, "
    "tax_included, handling_days, log_id, version) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) "
    "ON CONFLICT (offer_id) DO UPDATE SET seller_id = excluded.seller_id, product_id = excluded.product_id, "
    "variant_id = excluded.variant_id, sku = excluded.sku, price = excluded.price, currency = excluded.currency, "
    "status = excluded.status, requires_shipping = excluded.requires_shipping, tax_included = excluded.tax_included, "
    "handling_days = excluded.handling_days, log_id = excluded.log_id, version = excluded.version "
    "WHERE $14 = 1 OR (offers.log_id = excluded.log_id AND offers.version < excluded.version)"};
constexpr sql::Sql kApplyProduct{
    "INSERT INTO products (product_id, status, title, log_id, version) VALUES ($1,$2,$3,$4,$5) "
    "ON CONFLICT (product_id) DO UPDATE SET status = excluded.status, title = excluded.title, log_id = "
    "excluded.log_id, "
    "version = excluded.version WHERE $6 = 1 OR (products.log_id = excluded.log_id AND products.version < "
    "excluded.version)"};
constexpr sql::Sql kApplySeller{
    "INSERT INTO sellers (seller_id, status, name, log_id, version) VALUES ($1,$2,$3,$4,$5) "
    "ON CONFLICT (seller_id) DO UPDATE SET status = excluded.status, name = excluded.name, log_id = excluded.log_id, "
    "version = excluded.version WHERE $6 = 1 OR (sellers.log_id = excluded.log_id AND sellers.version < "
    "excluded.version)"};
constexpr sql::Sql kForgetMembers{"DELETE FROM seller_members WHERE seller_id = $1"};
constexpr sql::Sql kInsertMember{
    "INSERT INTO seller_members (seller_id, user_id, role) VALUES ($1, $2, $3) ON CONFLICT (seller_id, user_id) DO "
    "UPDATE SET role = excluded.role"};
#define AGORA_OF_USERS "IN (SELECT json_array_elements_text($1::json)) "
constexpr sql::Sql kLockKeys{"SELECT 1 FROM idempotency_keys WHERE principal " AGORA_OF_USERS
                             "ORDER BY principal, hash FOR UPDATE"};
constexpr sql::Sql kLockCarts{"SELECT 1 FROM carts WHERE user_id " AGORA_OF_USERS "ORDER BY cart_id FOR UPDATE"};
constexpr sql::Sql kCurrency{"SELECT currency FROM offers WHERE offer_id = $1"};

/// A stock row is never deleted, so its absence says that the initial quantity was never applied.
void apply_initial_quantity(sql::Tx& tx, const OfferId& offer_id, std::int64_t quantity, Timestamp now) {
  Outbox outbox(now, {});
  if (!insert_stock(tx, offer_id, quantity, outbox)) return;
  write_movements(tx, {{offer_id, "initial", quantity}}, now);
  outbox.write(tx);
}

bool is_in_another_currency(sql::Tx& tx, const OfferState& o) {
  auto rows = tx.query(kCurrency, {o.offer_id});
  return rows.next() && rows.text(0) != o.currency;
}

}  // namespace

Result<void> apply(sql::Tx& tx, const OfferState& o, const SourceVersion& source, Timestamp now) {
  if (is_in_another_currency(tx, o)) {
    return Error{Errc::failed_precondition, "currency_changed",
                 "An offer keeps its currency; another one is another offer."};
  }
  if (o.initial_quantity) apply_initial_quantity(tx, o.offer_id, *o.initial_quantity, now);
  tx.execute(kApplyOffer,
             {o.offer_id, o.seller_id, o.product_id, o.variant_id, o.sku, o.price, o.currency, o.status,
              o.requires_shipping, o.tax_included, o.handling_days, source.log_id, source.version, source.known_newer});
  return {};
}

void apply(sql::Tx& tx, const ProductState& p, const SourceVersion& source) {
  tx.execute(kApplyProduct, {p.product_id, p.status, p.title, source.log_id, source.version, source.known_newer});
}

void apply(sql::Tx& tx, const SellerState& s, const SourceVersion& source) {
  if (tx.execute(kApplySeller, {s.seller_id, s.status, s.name, source.log_id, source.version, source.known_newer}) ==
      0) {
    return;
  }
  tx.execute(kForgetMembers, {s.seller_id});
  sql::Batch members(kInsertMember, 3);
  for (const auto& member : s.members) members.add({s.seller_id, member.user_id, member.role});
  tx.batch(members);
}

void lock_for_erasure(sql::Tx& tx, const std::unordered_set<std::string>& user_ids) {
  service::hold_for_erasure(tx, user_ids);
  if (tx.engine() == sql::Engine::sqlite || user_ids.empty()) return;
  const auto wanted = json_array(user_ids);
  for (const auto& statement : {kLockKeys, kLockCarts}) {
    auto rows = tx.query(statement, {wanted});
    while (rows.next()) {
    }
  }
}

void erase_user(sql::Tx& tx, const UserId& user_id, std::int64_t version) {
  service::erase_user(tx, user_id.str(), version);
  sql::forget_principal(tx, user_id.str());
  erase_carts(tx, user_id);
  erase_group_contacts(tx, user_id);
}

}  // namespace agora::order
