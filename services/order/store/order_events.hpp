#pragma once
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/events/event_log.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// Something that happened to an order, in the log.
struct OrderEvent {
  std::int64_t sequence = 0;
  std::string type{};  ///< `order.paid`
  OrderId order_id{};
};

/// What a stretch of the log says of these orders, in order. Reads the whole stretch.
std::vector<OrderEvent> events_of_orders(sql::Tx& tx, const events::Stretch& stretch,
                                         const std::unordered_set<std::string>& order_ids);
/// What it says of one, in order: the first `limit`.
std::vector<OrderEvent> events_of_order(sql::Tx& tx, const events::Stretch& stretch, const std::string& order_id,
                                        std::int64_t limit);

}  // namespace agora::order
