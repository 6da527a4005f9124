#pragma once
#include <vector>

#include "services/order/api/http_orders.hpp"

namespace agora::order {

/// The rows of `/order-groups`, to be mounted at "/api/v1".
std::vector<http::Route> order_group_routes(const OrderRoutes& routes);

}  // namespace agora::order
