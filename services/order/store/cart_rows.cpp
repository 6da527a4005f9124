#include "services/order/store/cart_rows.hpp"

#include <algorithm>
#include <set>

#include "services/order/store/contacts.hpp"
#include "services/order/store/rows.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

#define AGORA_CARTS \
  "SELECT cart_id, user_id, status, currency, email, group_id, version, created_at, updated_at FROM carts WHERE "
#define AGORA_IDS_SQLITE "(SELECT value FROM json_each($1))"
#define AGORA_IDS_POSTGRESQL "(SELECT json_array_elements_text($1::json))"

constexpr sql::Sql kFind{AGORA_CARTS "cart_id = $1"};
constexpr sql::Sql kLock{AGORA_CARTS "cart_id IN " AGORA_IDS_SQLITE " ORDER BY cart_id",
                         AGORA_CARTS "cart_id IN " AGORA_IDS_POSTGRESQL " ORDER BY cart_id FOR UPDATE"};
constexpr sql::Sql kLockOpen{AGORA_CARTS "user_id IN " AGORA_IDS_SQLITE " AND status = 'open' ORDER BY cart_id",
                             AGORA_CARTS "user_id IN " AGORA_IDS_POSTGRESQL
                                         " AND status = 'open' ORDER BY cart_id FOR UPDATE"};
constexpr sql::Sql kCountOpen{"SELECT count(*) FROM carts WHERE user_id = $1 AND status = 'open'"};
constexpr sql::Sql kList{AGORA_CARTS
                         "user_id = $1 AND status = 'open' AND (created_at, cart_id) < ($2, $3) "
                         "ORDER BY created_at DESC, cart_id DESC LIMIT $4"};

#define AGORA_CART_LINES \
  "SELECT cart_id, position, line_id, offer_id, quantity, price_when_added FROM cart_lines WHERE "
constexpr sql::Sql kLines{AGORA_CART_LINES "cart_id IN " AGORA_IDS_SQLITE " ORDER BY cart_id, position",
                          AGORA_CART_LINES "cart_id IN " AGORA_IDS_POSTGRESQL " ORDER BY cart_id, position"};

constexpr sql::Sql kInsert{
    "INSERT INTO carts (cart_id, user_id, status, currency, email, group_id, version, created_at, updated_at) VALUES "
    "($1,$2,$3,$4,$5,$6,$7,$8,$9)"};
constexpr sql::Sql kUpdate{
    "UPDATE carts SET user_id = $1, status = $2, currency = $3, email = $4, group_id = $5, version = $6, updated_at = "
    "$7 WHERE cart_id = $8 AND version = $9"};
constexpr sql::Sql kSaveLine{
    "INSERT INTO cart_lines (cart_id, position, line_id, offer_id, quantity, price_when_added) VALUES "
    "($1,$2,$3,$4,$5,$6) ON CONFLICT (cart_id, position) DO UPDATE SET quantity = excluded.quantity, price_when_added "
    "= excluded.price_when_added"};
constexpr sql::Sql kDeleteLine{"DELETE FROM cart_lines WHERE cart_id = $1 AND position = $2"};

#define AGORA_STALE "SELECT cart_id FROM carts WHERE updated_at < $1 ORDER BY updated_at, cart_id LIMIT $2"
constexpr sql::Sql kLockStale{AGORA_STALE, AGORA_STALE " FOR UPDATE SKIP LOCKED"};
constexpr sql::Sql kOfUser{"SELECT cart_id FROM carts WHERE user_id = $1"};
#define AGORA_OF_CARTS(table, column, ids) "DELETE FROM " table " WHERE " column " IN " ids
constexpr sql::Sql kDeleteAddresses{AGORA_OF_CARTS("addresses", "owner_id", AGORA_IDS_SQLITE),
                                    AGORA_OF_CARTS("addresses", "owner_id", AGORA_IDS_POSTGRESQL)};
constexpr sql::Sql kDeleteLines{AGORA_OF_CARTS("cart_lines", "cart_id", AGORA_IDS_SQLITE),
                                AGORA_OF_CARTS("cart_lines", "cart_id", AGORA_IDS_POSTGRESQL)};
constexpr sql::Sql kDelete{AGORA_OF_CARTS("carts", "cart_id", AGORA_IDS_SQLITE),
                           AGORA_OF_CARTS("carts", "cart_id", AGORA_IDS_POSTGRESQL)};

Cart read_cart(const sql::Rows& rows) {
  const auto status = parse_enum<CartStatus>(rows.text(2));
  if (!status) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "a stored value is not one of ours");
  Cart cart{.cart_id = rows.id<CartTag>(0), .user_id = rows.id<UserTag>(1), .status = *status};
  if (!rows.is_null(3)) cart.currency = Currency::from_code(rows.text(3));
  cart.contact.email = rows.optional_text(4);
  if (!rows.is_null(5)) cart.group_id = rows.id<OrderGroupTag>(5);
  cart.version = rows.int64(6);
  cart.created_at = rows.time(7);
  cart.updated_at = rows.time(8);
  return cart;
}

Cart* find_among(std::vector<Cart>& carts, std::string_view cart_id) {
  const auto found =
      std::find_if(carts.begin(), carts.end(), [&](const Cart& c) { return c.cart_id.str() == cart_id; });
  return found == carts.end() ? nullptr : &*found;
}

/// Carts of a statement, whole.
std::vector<Cart> load(sql::Tx& tx, const sql::Sql& statement, std::initializer_list<sql::Value> parameters) {
  std::vector<Cart> carts;
  {
    auto rows = tx.query(statement, parameters);
    while (rows.next()) carts.push_back(read_cart(rows));
  }
  if (carts.empty()) return carts;
  std::vector<std::string> ids;
  for (const auto& cart : carts) ids.push_back(cart.cart_id.str());
  const auto wanted = json_array(ids);
  {
    auto rows = tx.query(kLines, {wanted});
    while (rows.next()) {
      auto* cart = find_among(carts, rows.text(0));
      cart->lines.push_back({rows.id<LineTag>(2), rows.id<OfferTag>(3), rows.int64(1), rows.int64(4), rows.int64(5)});
    }
  }
  for (auto& [id, addresses] : load_addresses(tx, ids)) {
    auto& contact = find_among(carts, id)->contact;
    contact.shipping_address = std::move(addresses.shipping_address);
    contact.billing_address = std::move(addresses.billing_address);
  }
  return carts;
}

void save_lines(sql::Tx& tx, const Cart& before, const Cart& after) {
  sql::Batch saved(kSaveLine, 6);
  sql::Batch gone(kDeleteLine, 2);
  const auto at = [](const std::vector<CartLine>& lines, std::int64_t position) {
    return std::find_if(lines.begin(), lines.end(), [&](const CartLine& line) { return line.position == position; });
  };
  for (const auto& line : before.lines) {
    if (at(after.lines, line.position) == after.lines.end()) gone.add({before.cart_id, line.position});
  }
  for (const auto& line : after.lines) {
    const auto old = at(before.lines, line.position);
    if (old != before.lines.end() && *old == line) continue;
    saved.add({after.cart_id, line.position, line.line_id, line.offer_id, line.quantity, line.price_when_added});
  }
  tx.batch(gone);
  tx.batch(saved);
}

std::int64_t delete_all(sql::Tx& tx, const std::vector<CartId>& cart_ids) {
  if (cart_ids.empty()) return 0;
  const auto wanted = json_array(cart_ids);
  tx.execute(kDeleteAddresses, {wanted});
  tx.execute(kDeleteLines, {wanted});
  return tx.execute(kDelete, {wanted});
}

std::vector<CartId> ids_of(sql::Tx& tx, const sql::Sql& statement, std::initializer_list<sql::Value> parameters) {
  std::vector<CartId> ids;
  auto rows = tx.query(statement, parameters);
  while (rows.next()) ids.push_back(rows.id<CartTag>(0));
  return ids;
}

}  // namespace

std::optional<Cart> find_cart(sql::Tx& tx, const CartId& cart_id) {
  auto carts = load(tx, kFind, {cart_id});
  if (carts.empty()) return std::nullopt;
  return std::move(carts.front());
}

std::vector<Cart> lock_carts(sql::Tx& tx, const std::vector<CartId>& cart_ids) {
  if (cart_ids.empty()) return {};
  const auto wanted = json_array(cart_ids);
  return load(tx, kLock, {wanted});
}

std::vector<Cart> lock_open_carts(sql::Tx& tx, const std::vector<UserId>& user_ids) {
  const auto wanted = json_array(user_ids);
  return load(tx, kLockOpen, {wanted});
}

std::int64_t count_open_carts(sql::Tx& tx, const UserId& user_id) {
  auto rows = tx.query(kCountOpen, {user_id});
  rows.next();
  return rows.int64(0);
}

std::vector<Cart> list_open_carts(sql::Tx& tx, const UserId& user_id, const std::optional<CartPosition>& after,
                                  int limit) {
  const auto created_before = after ? after->created_at : Timestamp::max();
  const auto id_before = after ? after->cart_id.str() : std::string{};
  return load(tx, kList, {user_id, created_before, id_before, limit});
}

void insert_cart(sql::Tx& tx, const Cart& c) {
  tx.execute_one(kInsert, {c.cart_id, c.user_id, to_string(c.status),
                           c.currency ? sql::Value(c.currency->code()) : sql::Value(nullptr), c.contact.email,
                           c.group_id, c.version, c.created_at, c.updated_at});
  save_lines(tx, {}, c);
  save_addresses(tx, c.cart_id.str(), {}, c.contact);
}

void save_cart(sql::Tx& tx, const Cart& before, const Cart& after) {
  tx.execute_one(kUpdate,
                 {after.user_id, to_string(after.status),
                  after.currency ? sql::Value(after.currency->code()) : sql::Value(nullptr), after.contact.email,
                  after.group_id, after.version, after.updated_at, after.cart_id, before.version});
  save_lines(tx, before, after);
  save_addresses(tx, after.cart_id.str(), before.contact, after.contact);
}

void delete_cart(sql::Tx& tx, const CartId& cart_id) {
  delete_all(tx, {cart_id});
}

std::int64_t delete_stale_carts(sql::Tx& tx, Timestamp untouched_since, int limit) {
  return delete_all(tx, ids_of(tx, kLockStale, {untouched_since, limit}));
}

void erase_carts(sql::Tx& tx, const UserId& user_id) {
  delete_all(tx, ids_of(tx, kOfUser, {user_id}));
}

std::vector<PricedCart> price_carts(sql::Tx& tx, std::vector<Cart> carts) {
  std::set<OfferId> offer_ids;
  for (const auto& cart : carts) {
    for (const auto& line : cart.lines) offer_ids.insert(line.offer_id);
  }
  const std::vector<OfferId> wanted(offer_ids.begin(), offer_ids.end());
  const auto assortment = load_assortment(tx, wanted, {});
  const auto stock = read_stock(tx, wanted);
  std::vector<PricedCart> priced;
  priced.reserve(carts.size());
  for (auto& cart : carts) priced.push_back(price(std::move(cart), assortment, stock));
  return priced;
}

PricedCart price_cart(sql::Tx& tx, Cart cart) {
  std::vector<Cart> one;
  one.push_back(std::move(cart));
  return std::move(price_carts(tx, std::move(one)).front());
}

}  // namespace agora::order
