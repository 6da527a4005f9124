#include "services/order/api/live_orders.hpp"

#include <unordered_map>

#include "services/order/api/order_json.hpp"
#include "services/order/store/order_events.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

/// Each order is read once, however much happened to it.
std::vector<events::LiveEvent> with_orders(sql::Tx& tx, const std::vector<OrderEvent>& events) {
  std::unordered_map<std::string, std::shared_ptr<const std::string>> documents;
  std::vector<events::LiveEvent> live;
  live.reserve(events.size());
  for (const auto& [sequence, type, order_id] : events) {
    auto& document = documents[order_id.str()];
    if (!document) {
      const auto order = find_order(tx, order_id);
      if (!order) continue;
      document = std::make_shared<const std::string>(render_order(*order));
    }
    live.push_back({sequence, order_id.str(), type, document});
  }
  return live;
}

}  // namespace

events::LogState LiveOrders::state(sql::Tx& tx) const {
  return log_.state(tx);
}

std::vector<events::LiveEvent> LiveOrders::of_many(sql::Tx& tx, const events::Stretch& stretch,
                                                   const Subjects& order_ids) const {
  return with_orders(tx, events_of_orders(tx, stretch, order_ids));
}

std::vector<events::LiveEvent> LiveOrders::of_one(sql::Tx& tx, const events::Stretch& stretch,
                                                  const std::string& order_id, std::int64_t limit) const {
  return with_orders(tx, events_of_order(tx, stretch, order_id, limit));
}

}  // namespace agora::order
