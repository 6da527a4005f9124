#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/events/live.hpp"
#include "libs/http/router.hpp"
#include "libs/service/erased_users.hpp"
#include "services/order/api/current_prices.hpp"
#include "services/order/api/demo_users.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// What the order routes need; outlives the server.
struct OrderRoutes {
  OrderStore& orders;
  const Clock& clock;
  const DemoUsers& demo_users;
  const service::ErasedUsers& erased;
  std::chrono::milliseconds payment_window;
  const PriceQuestion* prices;  ///< whom to ask about a price; null: nobody
  events::Live& live;           ///< of what happens to orders
};

/// The rows of `/orders`, to be mounted at "" (the contract that came first) and at "/api/v1".
std::vector<http::Route> order_routes(const OrderRoutes& routes);

}  // namespace agora::order
