#pragma once
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/http/router.hpp"
#include "services/order/store/inventory_store.hpp"

namespace agora::order {

/// What the inventory routes need; outlives the server.
struct InventoryRoutes {
  InventoryStore& inventory;
  const Clock& clock;
};

/// The rows of `/offers/{offer_id}/inventory`, to be mounted at "/api/v1".
std::vector<http::Route> inventory_routes(const InventoryRoutes& routes);

}  // namespace agora::order
