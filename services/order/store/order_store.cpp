#include "services/order/store/order_store.hpp"

#include "services/order/store/order_columns.hpp"
#include "services/order/store/payment_attempts.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kUnpaidGroups{
    "SELECT pay_by, group_id FROM order_groups WHERE pay_by <= $1 AND pay_by >= $2 AND (pay_by, group_id) > ($2, $3) "
    "ORDER BY pay_by, group_id LIMIT $4"};

// A page of a buyer's orders, newest first, after the one placed at $2 with id $3. $5: the statuses wanted, `[]` for
// all.
#define AGORA_LIST_ORDERS(wanted_statuses)                         \
  "SELECT " AGORA_ORDER_COLUMNS                                    \
  " FROM orders o WHERE o.user_id = $1 "                           \
  "AND (o.placed_at, o.order_id) < ($2, $3) AND o.placed_at > $4 " \
  "AND ($5 = '[]' OR o.status IN (SELECT " wanted_statuses ")) ORDER BY o.placed_at DESC, o.order_id DESC LIMIT $6"
constexpr sql::Sql kListOrders{AGORA_LIST_ORDERS("value FROM json_each($5)"),
                               AGORA_LIST_ORDERS("json_array_elements_text($5::json)")};

std::string status_list(const std::vector<OrderStatus>& statuses) {
  std::string list = "[";
  for (const auto status : statuses) {
    if (list.size() > 1) list += ',';
    list += '"';
    list += to_string(status);
    list += '"';
  }
  return list + "]";
}

}  // namespace

OrderStore::OrderStore(sql::Database& database, RenderOrder render_order, RenderGroup render_group)
    : database_(database),
      place_(database, "order.place",
             [render_order](sql::Tx& tx, std::span<const PlaceCommand> commands) {
               return handle_place(tx, commands, render_order);
             }),
      check_out_(database, "order.check_out",
                 [render_group](sql::Tx& tx, std::span<const CheckOutCommand> commands) {
                   return handle_check_out(tx, commands, render_group);
                 }),
      cancel_(database, "order.cancel",
              [render_order](sql::Tx& tx, std::span<const CancelCommand> commands) {
                return handle_cancel(tx, commands, render_order);
              }),
      expire_(database, "order.expire", handle_expire) {}

Task<Result<Answered>> OrderStore::place(Ctx ctx, PlaceCommand command) {
  return place_(std::move(ctx), std::move(command));
}

Task<Result<Answered>> OrderStore::check_out(Ctx ctx, CheckOutCommand command) {
  return check_out_(std::move(ctx), std::move(command));
}

Task<Result<Answered>> OrderStore::cancel(Ctx ctx, CancelCommand command) {
  return cancel_(std::move(ctx), std::move(command));
}

Task<Expired> OrderStore::expire(Ctx ctx, ExpireCommand command) {
  return expire_(std::move(ctx), std::move(command));
}

Task<std::optional<Order>> OrderStore::find(Ctx ctx, OrderId order_id) {
  auto work = [id = std::move(order_id)](sql::Tx& tx) { return find_order(tx, id); };
  return database_.get(std::move(ctx), std::move(work));
}

Task<std::optional<GroupWithOrders>> OrderStore::find_group(Ctx ctx, OrderGroupId group_id) {
  auto work = [id = std::move(group_id)](sql::Tx& tx) { return order::find_group(tx, id); };
  return database_.get(std::move(ctx), std::move(work));
}

Task<OrderPage> OrderStore::list(Ctx ctx, OrderFilter filter, std::optional<OrderPosition> after, int limit) {
  auto work = [filter = std::move(filter), after = std::move(after), limit](sql::Tx& tx) {
    const auto statuses = status_list(filter.statuses);
    const auto placed_before = after ? after->placed_at : Timestamp::max();
    const auto id_before = after ? after->order_id.str() : std::string{};
    OrderPage page;
    {
      auto rows = tx.query(kListOrders, {filter.user_id, placed_before, id_before,
                                         filter.created_after.value_or(Timestamp::min()), statuses, limit + 1});
      while (rows.next()) page.orders.push_back(read_order(rows));
    }
    page.has_more = page.orders.size() > static_cast<std::size_t>(limit);
    if (page.has_more) page.orders.pop_back();
    load_lines(tx, page.orders);
    return page;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<std::vector<UnpaidGroup>> OrderStore::unpaid_groups(Ctx ctx, Timestamp now, std::optional<UnpaidGroup> after,
                                                         int limit) {
  auto work = [now, after = after.value_or(UnpaidGroup{Timestamp::min(), OrderGroupId("")}), limit](sql::Tx& tx) {
    std::vector<UnpaidGroup> groups;
    auto rows = tx.query(kUnpaidGroups, {now, after.pay_by, after.group_id, limit});
    while (rows.next()) groups.push_back({rows.time(0), rows.id<OrderGroupTag>(1)});
    return groups;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<std::int64_t> OrderStore::delete_keys(Ctx ctx, Timestamp before, int limit) {
  auto work = [before, limit](sql::Tx& tx) { return sql::delete_idempotency_keys(tx, before, limit); };
  return database_.write(std::move(ctx), std::move(work));
}

Task<std::int64_t> OrderStore::delete_settled(Ctx ctx, int limit) {
  auto work = [limit](sql::Tx& tx) { return delete_settled_payments(tx, limit); };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::order
