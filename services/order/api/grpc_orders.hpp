#pragma once
#include <chrono>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/grpc/server.hpp"
#include "services/order/store/buyer_store.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// What the rows need; outlives the server.
struct OrderRows {
  OrderStore& orders;
  BuyerStore& buyers;
  const Clock& clock;
  std::chrono::milliseconds hold_min;  ///< time to pay that an attempt is given, once for a group
};

/// contracts/grpc/order.proto, served.
std::vector<rpc::Row> order_rows(const OrderRows& rows);

}  // namespace agora::order
