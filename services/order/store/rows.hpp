#pragma once
#include <string>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/address.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// How orders and groups stand in their tables. The column lists and the functions that read and write them live here
/// alone.

template <class Tag>
const std::string& id_text(const Id<Tag>& id) {
  return id.str();
}
inline const std::string& id_text(const std::string& id) {
  return id;
}

/// Ids as a JSON array: how one parameter carries a set (`json_each` / `json_array_elements_text`).
template <class Ids>
std::string json_array(const Ids& ids) {
  std::string text = "[";
  for (const auto& id : ids) {
    if (text.size() > 1) text += ',';
    text += '"';
    text += id_text(id);  // [A-Za-z0-9_-] alone: nothing to escape
    text += '"';
  }
  return text + "]";
}

/// The order with its lines; none when there is no such id. By primary key.
std::optional<Order> find_order(sql::Tx& tx, const OrderId& order_id);

/// A group with its orders, in the order of their first lines at checkout, and who bought them.
struct GroupWithOrders {
  OrderGroup group;
  std::vector<Order> orders{};
  Contact contact{};
};
/// By primary key.
std::optional<GroupWithOrders> find_group(sql::Tx& tx, const OrderGroupId& group_id);

/// The orders as core takes them.
std::vector<const Order*> view(const std::vector<Order>& orders);

/// A group that this transaction holds, with all its orders and their lines.
struct LockedGroup {
  OrderGroup group;
  std::vector<Order> orders;
};
enum class SkipLocked { no, yes };
/// Locks the groups (bytewise by id), then all their orders (bytewise by id), and loads them with their lines.
/// `skip_locked`: groups that somebody else holds are left out instead of waited for.
std::vector<LockedGroup> lock_groups(sql::Tx& tx, const std::vector<OrderGroupId>& group_ids, SkipLocked skip_locked);

/// Attaches their lines to orders (any number of them, one query), and their fulfilments where there are any.
void load_lines(sql::Tx& tx, std::vector<Order>& orders);

/// The order in the current row of AGORA_ORDER_COLUMNS, without lines.
Order read_order(const sql::Rows& rows);

/// Inserts. Numbers are drawn here, again on the rare conflict, and set in what is passed.
void insert_groups(sql::Tx& tx, const std::vector<OrderGroup*>& groups);
void insert_orders(sql::Tx& tx, const std::vector<Order*>& orders);

/// Writes what may change of them after they were placed, where the version before still holds (DatabaseError row_count
/// otherwise).
void update_groups(sql::Tx& tx, const std::vector<const OrderGroup*>& groups);
void update_orders(sql::Tx& tx, const std::vector<const Order*>& orders);
/// An order of which more than one thing was told since it was loaded in `version_before`.
struct ChangedOrder {
  const Order* order;
  std::int64_t version_before;
};
void update_orders(sql::Tx& tx, const std::vector<ChangedOrder>& orders);

}  // namespace agora::order
