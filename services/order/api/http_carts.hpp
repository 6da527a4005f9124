#pragma once
#include <cstdint>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/http/authenticator.hpp"
#include "libs/http/router.hpp"
#include "services/order/store/cart_store.hpp"

namespace agora::order {

/// What the cart routes need; outlives the server.
struct CartRoutes {
  CartStore& carts;
  const Clock& clock;
  const http::Authenticator& tokens;  ///< verifies the guest's token of a merge
  std::int64_t carts_max;             ///< open ones that a buyer may have
};

/// The rows of `/carts`, to be mounted at "/api/v1".
std::vector<http::Route> cart_routes(const CartRoutes& routes);

}  // namespace agora::order
