#pragma once
#include <string>
#include <vector>

#include "services/order/core/order.hpp"
#include "services/order/store/order_lists.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {

/// The order as the REST contract shows it; its first six members are those of the contract that came first, in its
/// order.
std::string render_order(const Order& order);

/// `{items, next_cursor, has_more}`; an empty cursor is null.
std::string render_order_page(const std::vector<Order>& orders, const std::string& next_cursor);

/// The same of orders as their seller sees them.
std::string render_seller_order_page(const std::vector<SellerOrder>& orders, const std::string& next_cursor);

/// A group with its orders, as its buyer and support see it; sellers never do.
std::string render_order_group(const GroupWithOrders& whole);

}  // namespace agora::order
