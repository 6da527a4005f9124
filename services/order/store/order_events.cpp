#include "services/order/store/order_events.hpp"

namespace agora::order {
namespace {

#define AGORA_EVENTS_OF_ORDERS(topic)                                                                     \
  "SELECT sequence, type, subject FROM numbered_events WHERE sequence > $1 AND sequence <= $2 AND " topic \
  " = 'agora.orders' ORDER BY sequence"
// The plus keeps SQLite from its index of topics: it would read every event of theirs to find the few that are new.
constexpr sql::Sql kOfOrders{AGORA_EVENTS_OF_ORDERS("+topic"), AGORA_EVENTS_OF_ORDERS("topic")};
// An order has few events, and they are looked up by it: PostgreSQL might else go through all numbers of the stretch.
constexpr sql::Sql kOfOrder{
    "SELECT sequence, type, subject FROM numbered_events WHERE topic = 'agora.orders' AND subject = $1 "
    "AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4",
    "WITH own AS MATERIALIZED (SELECT id, type, subject FROM outbox WHERE topic = 'agora.orders' AND subject = $1) "
    "SELECT n.sequence, own.type, own.subject FROM own JOIN outbox_numbers n ON n.id = own.id "
    "WHERE n.sequence > $2 AND n.sequence <= $3 ORDER BY n.sequence LIMIT $4"};

OrderEvent read_event(const sql::Rows& rows) {
  return {rows.int64(0), std::string(rows.text(1)), rows.id<OrderTag>(2)};
}

}  // namespace

std::vector<OrderEvent> events_of_orders(sql::Tx& tx, const events::Stretch& stretch,
                                         const std::unordered_set<std::string>& order_ids) {
  std::vector<OrderEvent> events;
  auto rows = tx.query(kOfOrders, {stretch.after, stretch.through});
  while (rows.next()) {
    if (order_ids.contains(std::string(rows.text(2)))) events.push_back(read_event(rows));
  }
  return events;
}

std::vector<OrderEvent> events_of_order(sql::Tx& tx, const events::Stretch& stretch, const std::string& order_id,
                                        std::int64_t limit) {
  std::vector<OrderEvent> events;
  auto rows = tx.query(kOfOrder, {order_id, stretch.after, stretch.through, limit});
  while (rows.next()) events.push_back(read_event(rows));
  return events;
}

}  // namespace agora::order
