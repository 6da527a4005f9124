#pragma once
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/cart.hpp"

namespace agora::order {

/// How carts stand in their tables: row, lines and addresses are read and written together.

/// By primary key.
std::optional<Cart> find_cart(sql::Tx& tx, const CartId& cart_id);
/// Locks these carts, bytewise by id; those that are there.
std::vector<Cart> lock_carts(sql::Tx& tx, const std::vector<CartId>& cart_ids);
/// Locks all open carts of these users, bytewise by id.
std::vector<Cart> lock_open_carts(sql::Tx& tx, const std::vector<UserId>& user_ids);
std::int64_t count_open_carts(sql::Tx& tx, const UserId& user_id);

/// Where a page of carts goes on: after this one.
struct CartPosition {
  Timestamp created_at;
  CartId cart_id;
};
/// A user's open carts, newest first; at most `limit`.
std::vector<Cart> list_open_carts(sql::Tx& tx, const UserId& user_id, const std::optional<CartPosition>& after,
                                  int limit);

void insert_cart(sql::Tx& tx, const Cart& cart);
/// Writes what differs, where the version before still holds (DatabaseError row_count otherwise).
void save_cart(sql::Tx& tx, const Cart& before, const Cart& after);
void delete_cart(sql::Tx& tx, const CartId& cart_id);
/// Deletes at most `limit` carts that nobody has touched since; how many went. Those that somebody holds are left.
std::int64_t delete_stale_carts(sql::Tx& tx, Timestamp untouched_since, int limit);
/// Deletes all carts of a user, whose rows must be locked.
void erase_carts(sql::Tx& tx, const UserId& user_id);

/// Carts as they would be bought now. Holds nothing.
std::vector<PricedCart> price_carts(sql::Tx& tx, std::vector<Cart> carts);
PricedCart price_cart(sql::Tx& tx, Cart cart);

}  // namespace agora::order
