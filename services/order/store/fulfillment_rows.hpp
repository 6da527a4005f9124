#pragma once
#include <span>
#include <vector>

#include "libs/sql/tx.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// How fulfilments stand in their tables. Whoever writes one holds its order's group.

/// Which fulfilments are loaded: of orders whose lines say that there are some, or all, those that were canceled too.
enum class Fulfillments { of_lines, all };
/// Attaches their fulfilments to orders that have their lines (one query; none where no line says that there is any).
void load_fulfillments(sql::Tx& tx, std::span<Order> orders, Fulfillments which);

struct OfOrder {
  const OrderId* order_id;
  const Fulfillment* fulfillment;
};
void insert_fulfillments(sql::Tx& tx, const std::vector<OfOrder>& fulfillments);
/// Writes what may change of them after they were made.
void update_fulfillments(sql::Tx& tx, const std::vector<const Fulfillment*>& fulfillments);
/// Those that were canceled by its last change: what was packed of an order that ended, or was not shipped in time.
std::vector<const Fulfillment*> canceled_of(const Order& order);

/// The group of a fulfilment's order; none when there is no such fulfilment. Neither ever changes.
std::optional<OrderGroupId> find_group_of(sql::Tx& tx, const FulfillmentId& fulfillment_id);
std::optional<OrderGroupId> find_group_of(sql::Tx& tx, const OrderId& order_id);

}  // namespace agora::order
