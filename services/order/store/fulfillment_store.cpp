#include "services/order/store/fulfillment_store.hpp"

namespace agora::order {
namespace {

// Each is served by an index of its own (migrations 0018 and 0021), whose condition it repeats.
// Of an order that is partially delivered all may be on its way: nothing of it is to be canceled, ever.
constexpr sql::Sql kUnshipped{
    "SELECT ship_by, order_id, group_id FROM orders o WHERE status = 'confirmed' AND fulfillment_status IN "
    "('not_fulfilled', 'partially_fulfilled', 'fulfilled', 'partially_shipped', 'partially_delivered') "
    "AND ship_by <= $1 AND ship_by >= $2 AND (ship_by, order_id) > ($2, $3) AND EXISTS (SELECT 1 FROM order_lines l "
    "WHERE l.order_id = o.order_id AND l.quantity - l.canceled_quantity - l.shipped_quantity > l.refunded_quantity) "
    "ORDER BY ship_by, order_id LIMIT $4"};
constexpr sql::Sql kOnTheirWay{
    "SELECT f.shipped_at, f.fulfillment_id, o.group_id FROM fulfillments f JOIN orders o ON o.order_id = f.order_id "
    "WHERE f.status = 'shipped' AND f.shipped_at <= $1 AND f.shipped_at >= $2 "
    "AND (f.shipped_at, f.fulfillment_id) > ($2, $3) ORDER BY f.shipped_at, f.fulfillment_id LIMIT $4"};
constexpr sql::Sql kDelivered{
    "SELECT delivered_at, order_id, group_id FROM orders WHERE status = 'confirmed' AND delivered_at IS NOT NULL "
    "AND delivered_at <= $1 AND delivered_at >= $2 AND (delivered_at, order_id) > ($2, $3) "
    "ORDER BY delivered_at, order_id LIMIT $4"};

const sql::Sql& statement_of(Due due) {
  switch (due) {
    case Due::cancellation:
      return kUnshipped;
    case Due::delivery:
      return kOnTheirWay;
    case Due::completion:
      break;
  }
  return kDelivered;
}

}  // namespace

Task<Result<Answered>> FulfillmentStore::create(Ctx ctx, CreateFulfillment command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_create_fulfillment(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<Result<std::string>> FulfillmentStore::update(Ctx ctx, UpdateFulfillment command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_update_fulfillment(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<Result<Answered>> FulfillmentStore::confirm_delivery(Ctx ctx, ConfirmDelivery command) {
  auto work = [command = std::move(command), renderers = renderers_](sql::Tx& tx) {
    return handle_confirm_delivery(tx, command, renderers);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<std::vector<DueGroup>> FulfillmentStore::due_groups(Ctx ctx, Due due, Timestamp before,
                                                         std::optional<DueGroup> after, int limit) {
  auto work = [due, before, after = after.value_or(DueGroup{Timestamp::min()}), limit](sql::Tx& tx) {
    std::vector<DueGroup> groups;
    auto rows = tx.query(statement_of(due), {before, after.since, after.id, limit});
    while (rows.next()) groups.push_back({rows.time(0), std::string(rows.text(1)), rows.id<OrderGroupTag>(2)});
    return groups;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<int> FulfillmentStore::advance(Ctx ctx, Advance command) {
  auto work = [command = std::move(command)](sql::Tx& tx) { return handle_advance(tx, command); };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::order
