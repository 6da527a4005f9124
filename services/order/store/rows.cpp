#include "services/order/store/rows.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

#include "services/order/store/contacts.hpp"
#include "services/order/store/fulfillment_rows.hpp"
#include "services/order/store/order_columns.hpp"

namespace agora::order {
namespace {

#define AGORA_PLACED_LINE_COLUMNS                                                                              \
  "line_id, offer_id, product_id, variant_id, sku, title, quantity, canceled_quantity, unit_price, subtotal, " \
  "discount_total, shipping_total, tax_total, total, requires_shipping"
// Those that nothing has happened to yet are left to their defaults when a line is placed.
#define AGORA_LINE_COLUMNS  \
  AGORA_PLACED_LINE_COLUMNS \
  ", fulfilled_quantity, shipped_quantity, delivered_quantity, refunded_quantity, refunded_shipped_quantity"
constexpr int kOrderColumns = 26;
constexpr int kLineColumns = 20;

// One statement for an order and its lines: to begin another costs more than to repeat the order's columns. Every order
// has a line.
constexpr sql::Sql kFindOrder{
    "SELECT " AGORA_ORDER_COLUMNS
    ", l.line_id, l.offer_id, l.product_id, l.variant_id, l.sku, l.title, l.quantity, l.canceled_quantity, "
    "l.unit_price, l.subtotal, l.discount_total, l.shipping_total, l.tax_total, l.total, l.requires_shipping, "
    "l.fulfilled_quantity, l.shipped_quantity, l.delivered_quantity, l.refunded_quantity, l.refunded_shipped_quantity "
    "FROM orders o JOIN order_lines l ON l.order_id = o.order_id WHERE o.order_id = $1 ORDER BY l.position"};
constexpr sql::Sql kFindLinesOfMany{
    "SELECT " AGORA_LINE_COLUMNS
    ", order_id FROM order_lines WHERE order_id IN (SELECT value FROM json_each($1)) ORDER BY order_id, position",
    "SELECT " AGORA_LINE_COLUMNS
    ", order_id FROM order_lines WHERE order_id IN (SELECT json_array_elements_text($1::json)) ORDER BY order_id, "
    "position"};

#define AGORA_GROUP_COLUMNS                                                                                     \
  "group_id, number, user_id, currency, status, payment_status, fulfillment_status, subtotal, discount_total, " \
  "shipping_total, tax_total, total, version, placed_at, updated_at, pay_by"

constexpr sql::Sql kLockGroups{
    "SELECT " AGORA_GROUP_COLUMNS
    ", paid_by"
    " FROM order_groups WHERE group_id IN (SELECT value FROM json_each($1)) ORDER BY group_id",
    "SELECT " AGORA_GROUP_COLUMNS
    ", paid_by"
    " FROM order_groups WHERE group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY group_id FOR UPDATE"};
constexpr sql::Sql kLockFreeGroups{kLockGroups.sqlite,
                                   "SELECT " AGORA_GROUP_COLUMNS
                                   ", paid_by"
                                   " FROM order_groups WHERE group_id IN (SELECT json_array_elements_text($1::json)) "
                                   "ORDER BY group_id FOR UPDATE SKIP LOCKED"};
constexpr sql::Sql kLockOrdersOfGroups{
    "SELECT " AGORA_ORDER_COLUMNS
    " FROM orders o WHERE o.group_id IN (SELECT value FROM json_each($1)) ORDER BY o.order_id",
    "SELECT " AGORA_ORDER_COLUMNS
    " FROM orders o WHERE o.group_id IN (SELECT json_array_elements_text($1::json)) ORDER BY o.order_id FOR UPDATE"};

constexpr sql::Sql kFindGroup{"SELECT " AGORA_GROUP_COLUMNS ", paid_by FROM order_groups WHERE group_id = $1"};
constexpr sql::Sql kOrdersOfGroup{"SELECT " AGORA_ORDER_COLUMNS
                                  " FROM orders o WHERE o.group_id = $1 ORDER BY o.order_id"};

constexpr sql::Sql kInsertGroup{
    "INSERT INTO order_groups (" AGORA_GROUP_COLUMNS
    ") VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16) ON CONFLICT (number) DO NOTHING"};
constexpr sql::Sql kInsertOrder{
    "INSERT INTO orders (order_id, number, group_id, user_id, seller_id, currency, status, payment_status, "
    "fulfillment_status, cancel_reason, subtotal, discount_total, shipping_total, tax_total, total, version, "
    "placed_at, "
    "updated_at, canceled_at, pay_by, handling_days) VALUES "
    "($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21) "
    "ON CONFLICT (number) DO NOTHING"};
constexpr sql::Sql kInsertLine{
    "INSERT INTO order_lines (" AGORA_PLACED_LINE_COLUMNS
    ", order_id, position) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)"};

constexpr sql::Sql kUpdateGroup{
    "UPDATE order_groups SET status = $1, payment_status = $2, fulfillment_status = $3, version = $4, updated_at = $5, "
    "pay_by = $6, paid_by = $7 WHERE group_id = $8 AND version = $9"};
constexpr sql::Sql kUpdateOrder{
    "UPDATE orders SET status = $1, payment_status = $2, fulfillment_status = $3, cancel_reason = $4, version = $5, "
    "updated_at = $6, canceled_at = $7, pay_by = $8, ship_by = $9, delivered_at = $10, completed_at = $11, "
    "captured_total = $12, refunded_total = $13 WHERE order_id = $14 AND version = $15"};
constexpr sql::Sql kUpdateLine{
    "UPDATE order_lines SET canceled_quantity = $1, fulfilled_quantity = $2, shipped_quantity = $3, "
    "delivered_quantity = $4, refunded_quantity = $5, refunded_shipped_quantity = $6 WHERE order_id = $7 AND "
    "position = $8"};

/// What we wrote ourselves reads back, or the file is damaged.
template <class T>
T required(std::optional<T> value) {
  if (!value) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "a stored value is not one of ours");
  return *std::move(value);
}

template <class Enum>
Enum read_enum(std::string_view name) {
  return required(parse_enum<Enum>(name));
}

Amounts read_amounts(const sql::Rows& rows, int first) {
  return {rows.int64(first), rows.int64(first + 1), rows.int64(first + 2), rows.int64(first + 3),
          rows.int64(first + 4)};
}

/// `first`: where the line's columns begin.
OrderLine read_line(const sql::Rows& rows, int first) {
  OrderLine line{.line_id = rows.id<LineTag>(first),
                 .offer_id = rows.id<OfferTag>(first + 1),
                 .product_id = rows.id<ProductTag>(first + 2),
                 .variant_id = rows.id<VariantTag>(first + 3),
                 .sku = std::string(rows.text(first + 4)),
                 .title = std::string(rows.text(first + 5)),
                 .quantity = rows.int64(first + 6),
                 .canceled_quantity = rows.int64(first + 7),
                 .fulfilled_quantity = rows.int64(first + 15),
                 .shipped_quantity = rows.int64(first + 16),
                 .delivered_quantity = rows.int64(first + 17),
                 .unit_price = rows.int64(first + 8),
                 .amounts = read_amounts(rows, first + 9),
                 .requires_shipping = rows.boolean(first + 14)};
  // Until migration 0022, units that were paid back counted as unshipped while there were such.
  const auto refunded = rows.int64(first + 18);
  line.refunded_unshipped_quantity = std::min(refunded, line.reserved_quantity());
  line.refunded_shipped_quantity =
      std::min(rows.int64(first + 19) + refunded - line.refunded_unshipped_quantity, line.shipped_quantity);
  return line;
}

OrderGroup read_group(const sql::Rows& rows) {
  return {.group_id = rows.id<OrderGroupTag>(0),
          .number = std::string(rows.text(1)),
          .user_id = rows.id<UserTag>(2),
          .currency = required(Currency::from_code(rows.text(3))),
          .status = read_enum<OrderStatus>(rows.text(4)),
          .payment_status = read_enum<PaymentStatus>(rows.text(5)),
          .fulfillment_status = read_enum<FulfillmentStatus>(rows.text(6)),
          .amounts = read_amounts(rows, 7),
          .version = rows.int64(12),
          .placed_at = rows.time(13),
          .updated_at = rows.time(14),
          .pay_by = rows.optional_time(15),
          .paid_by = rows.is_null(16) ? std::nullopt : std::optional(rows.id<PaymentTag>(16))};
}

/// Draws numbers and inserts, again for those whose number somebody has: with 50 random bits that is once in 10^9 at a
/// million orders.
template <class Row, class AddTo>
void insert_with_numbers(sql::Tx& tx, const sql::Sql& insert, std::size_t columns, std::vector<Row*> rows,
                         AddTo add_to) {
  constexpr int kDrawsMax = 4;
  for (int draw = 0; draw < kDrawsMax && !rows.empty(); ++draw) {
    sql::Batch batch(insert, columns);
    batch.reserve(rows.size());
    for (auto* row : rows) {
      row->number = new_human_number();
      add_to(batch, *row);
    }
    const auto counts = tx.batch_counts(batch);
    std::vector<Row*> again;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (counts[i] == 0) again.push_back(rows[i]);
    }
    rows = std::move(again);
  }
  if (!rows.empty()) throw sql::DatabaseError(sql::DatabaseError::Kind::row_count, "no free order number was drawn");
}

}  // namespace

Order read_order(const sql::Rows& rows) {
  Order order{.order_id = rows.id<OrderTag>(0),
              .number = std::string(rows.text(1)),
              .group_id = rows.id<OrderGroupTag>(2),
              .user_id = rows.id<UserTag>(3),
              .seller_id = rows.id<SellerTag>(4),
              .currency = required(Currency::from_code(rows.text(5))),
              .status = read_enum<OrderStatus>(rows.text(6)),
              .payment_status = read_enum<PaymentStatus>(rows.text(7)),
              .fulfillment_status = read_enum<FulfillmentStatus>(rows.text(8))};
  if (!rows.is_null(9)) order.cancel_reason = read_enum<CancelReason>(rows.text(9));
  order.amounts = read_amounts(rows, 10);
  order.version = rows.int64(15);
  order.placed_at = rows.time(16);
  order.updated_at = rows.time(17);
  order.canceled_at = rows.optional_time(18);
  order.pay_by = rows.optional_time(19);
  order.ship_by = rows.optional_time(20);
  order.delivered_at = rows.optional_time(21);
  order.completed_at = rows.optional_time(22);
  order.captured_total = rows.int64(23);
  order.refunded_total = rows.int64(24);
  order.handling_days = rows.int64(25);
  return order;
}

std::optional<Order> find_order(sql::Tx& tx, const OrderId& order_id) {
  auto rows = tx.query(kFindOrder, {order_id});
  if (!rows.next()) return std::nullopt;
  std::optional<Order> order = read_order(rows);
  do {
    order->lines.push_back(read_line(rows, kOrderColumns));
  } while (rows.next());
  load_fulfillments(tx, {&*order, 1}, Fulfillments::of_lines);
  return order;
}

void load_lines(sql::Tx& tx, std::vector<Order>& orders) {
  if (orders.empty()) return;
  std::unordered_map<OrderId, Order*> by_id;
  std::vector<OrderId> ids;
  for (auto& order : orders) {
    by_id.emplace(order.order_id, &order);
    ids.push_back(order.order_id);
  }
  const auto wanted = json_array(ids);
  auto rows = tx.query(kFindLinesOfMany, {wanted});
  while (rows.next()) by_id.at(rows.id<OrderTag>(kLineColumns))->lines.push_back(read_line(rows, 0));
  load_fulfillments(tx, orders, Fulfillments::of_lines);
}

std::optional<GroupWithOrders> find_group(sql::Tx& tx, const OrderGroupId& group_id) {
  std::optional<GroupWithOrders> found;
  {
    auto rows = tx.query(kFindGroup, {group_id});
    if (!rows.next()) return found;
    found = GroupWithOrders{read_group(rows)};
  }
  {
    auto rows = tx.query(kOrdersOfGroup, {group_id});
    while (rows.next()) found->orders.push_back(read_order(rows));
  }
  load_lines(tx, found->orders);
  found->group.amount_due = amount_due_of(view(found->orders));
  found->contact = find_group_contact(tx, group_id);
  return found;
}

std::vector<const Order*> view(const std::vector<Order>& orders) {
  std::vector<const Order*> all;
  for (const auto& order : orders) all.push_back(&order);
  return all;
}

std::vector<LockedGroup> lock_groups(sql::Tx& tx, const std::vector<OrderGroupId>& group_ids, SkipLocked skip_locked) {
  std::vector<LockedGroup> locked;
  const auto wanted = json_array(group_ids);
  {
    auto rows = tx.query(skip_locked == SkipLocked::yes ? kLockFreeGroups : kLockGroups, {wanted});
    while (rows.next()) locked.push_back({read_group(rows), {}});
  }
  std::vector<OrderGroupId> held;
  for (const auto& entry : locked) held.push_back(entry.group.group_id);
  std::vector<Order> orders;
  {
    const auto of_groups = json_array(held);
    auto rows = tx.query(kLockOrdersOfGroups, {of_groups});
    while (rows.next()) orders.push_back(read_order(rows));
  }
  load_lines(tx, orders);
  std::unordered_map<OrderGroupId, LockedGroup*> by_id;
  for (auto& entry : locked) by_id.emplace(entry.group.group_id, &entry);
  for (auto& order : orders) {
    auto& home = *by_id.at(order.group_id);
    home.orders.push_back(std::move(order));
  }
  for (auto& entry : locked) entry.group.amount_due = amount_due_of(view(entry.orders));
  return locked;
}

void insert_groups(sql::Tx& tx, const std::vector<OrderGroup*>& groups) {
  insert_with_numbers(tx, kInsertGroup, 16, groups, [](sql::Batch& batch, const OrderGroup& g) {
    batch.add({g.group_id, g.number, g.user_id, g.currency.code(), to_string(g.status), to_string(g.payment_status),
               to_string(g.fulfillment_status), g.amounts.subtotal, g.amounts.discount_total, g.amounts.shipping_total,
               g.amounts.tax_total, g.amounts.total, g.version, g.placed_at, g.updated_at, g.pay_by});
  });
}

void insert_orders(sql::Tx& tx, const std::vector<Order*>& orders) {
  insert_with_numbers(tx, kInsertOrder, 21, orders, [](sql::Batch& batch, const Order& o) {
    batch.add({o.order_id,
               o.number,
               o.group_id,
               o.user_id,
               o.seller_id,
               o.currency.code(),
               to_string(o.status),
               to_string(o.payment_status),
               to_string(o.fulfillment_status),
               o.cancel_reason ? sql::Value(to_string(*o.cancel_reason)) : sql::Value(nullptr),
               o.amounts.subtotal,
               o.amounts.discount_total,
               o.amounts.shipping_total,
               o.amounts.tax_total,
               o.amounts.total,
               o.version,
               o.placed_at,
               o.updated_at,
               o.canceled_at,
               o.pay_by,
               o.handling_days});
  });
  sql::Batch lines(kInsertLine, 17);
  for (const auto* order : orders) {
    std::int64_t position = 0;
    for (const auto& l : order->lines) {
      lines.add({l.line_id, l.offer_id, l.product_id, l.variant_id, l.sku, l.title, l.quantity, l.canceled_quantity,
                 l.unit_price, l.amounts.subtotal, l.amounts.discount_total, l.amounts.shipping_total,
                 l.amounts.tax_total, l.amounts.total, l.requires_shipping, order->order_id, ++position});
    }
  }
  tx.batch(lines);
}

void update_groups(sql::Tx& tx, const std::vector<const OrderGroup*>& groups) {
  sql::Batch batch(kUpdateGroup, 9);
  for (const auto* g : groups) {
    batch.add({to_string(g->status), to_string(g->payment_status), to_string(g->fulfillment_status), g->version,
               g->updated_at, g->pay_by, g->paid_by, g->group_id, g->version - 1});
  }
  tx.batch(batch);
}

void update_orders(sql::Tx& tx, const std::vector<const Order*>& orders) {
  std::vector<ChangedOrder> changed;
  for (const auto* order : orders) changed.push_back({order, order->version - 1});
  update_orders(tx, changed);
}

void update_orders(sql::Tx& tx, const std::vector<ChangedOrder>& orders) {
  sql::Batch batch(kUpdateOrder, 15);
  sql::Batch lines(kUpdateLine, 8);
  for (const auto& [o, version_before] : orders) {
    batch.add({to_string(o->status), to_string(o->payment_status), to_string(o->fulfillment_status),
               o->cancel_reason ? sql::Value(to_string(*o->cancel_reason)) : sql::Value(nullptr), o->version,
               o->updated_at, o->canceled_at, o->pay_by, o->ship_by, o->delivered_at, o->completed_at,
               o->captured_total, o->refunded_total, o->order_id, version_before});
    std::int64_t position = 0;
    for (const auto& line : o->lines) {
      lines.add({line.canceled_quantity, line.fulfilled_quantity, line.shipped_quantity, line.delivered_quantity,
                 line.refunded_unshipped_quantity, line.refunded_shipped_quantity, o->order_id, ++position});
    }
  }
  tx.batch(batch);
  tx.batch(lines);
}

}  // namespace agora::order
