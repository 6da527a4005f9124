#pragma once
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/http/router.hpp"
#include "services/order/store/fulfillment_store.hpp"

namespace agora::order {

/// What the fulfilment routes need; outlives the server.
struct FulfillmentRoutes {
  FulfillmentStore& fulfillments;
  const Clock& clock;
};

/// The rows by which orders come to their buyers, to be mounted at "/api/v1".
std::vector<http::Route> fulfillment_routes(const FulfillmentRoutes& routes);

}  // namespace agora::order
