#pragma once
#include <chrono>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/http/router.hpp"
#include "services/order/store/order_lists.hpp"

namespace agora::order {

/// What the lists of others' orders need; outlives the server.
struct OrderListRoutes {
  OrderLists& lists;
  const Clock& clock;
  std::chrono::milliseconds contact_retention;  ///< how long after its end a seller sees where an order went
};

/// The rows of `/sellers/{seller_id}/orders` and `/admin/orders`, to be mounted at "/api/v1".
std::vector<http::Route> order_list_routes(const OrderListRoutes& routes);

}  // namespace agora::order
