#include "services/order/store/fulfillment_rows.hpp"

#include <algorithm>
#include <unordered_map>

#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

#define AGORA_FULFILLMENTS_OF                                                                                   \
  "SELECT f.order_id, f.fulfillment_id, f.status, f.carrier, f.tracking_number, f.tracking_url, f.created_at, " \
  "f.updated_at, f.shipped_at, f.delivered_at, f.canceled_at, l.line_id, l.quantity FROM fulfillments f "       \
  "JOIN fulfillment_lines l ON l.fulfillment_id = f.fulfillment_id WHERE f.order_id IN "
#define AGORA_IN_ORDER " ORDER BY f.fulfillment_id, l.position"
constexpr sql::Sql kFulfillmentsOf{AGORA_FULFILLMENTS_OF "(SELECT value FROM json_each($1))" AGORA_IN_ORDER,
                                   AGORA_FULFILLMENTS_OF "(SELECT json_array_elements_text($1::json))" AGORA_IN_ORDER};

constexpr sql::Sql kInsert{
    "INSERT INTO fulfillments (fulfillment_id, order_id, status, carrier, tracking_number, tracking_url, created_at, "
    "updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};
constexpr sql::Sql kInsertLine{
    "INSERT INTO fulfillment_lines (fulfillment_id, position, line_id, quantity) VALUES ($1, $2, $3, $4)"};
constexpr sql::Sql kUpdate{
    "UPDATE fulfillments SET status = $1, carrier = $2, tracking_number = $3, tracking_url = $4, updated_at = $5, "
    "shipped_at = $6, delivered_at = $7, canceled_at = $8 WHERE fulfillment_id = $9"};

constexpr sql::Sql kGroupOfFulfillment{
    "SELECT o.group_id FROM fulfillments f JOIN orders o ON o.order_id = f.order_id WHERE f.fulfillment_id = $1"};
constexpr sql::Sql kGroupOfOrder{"SELECT group_id FROM orders WHERE order_id = $1"};

bool has_any(const Order& order) {
  return std::any_of(order.lines.begin(), order.lines.end(),
                     [](const OrderLine& line) { return line.fulfilled_quantity > 0; });
}

Fulfillment read_fulfillment(const sql::Rows& rows) {
  const auto state = parse_enum<FulfillmentState>(rows.text(2));
  if (!state) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "a fulfilment has no state of ours");
  Fulfillment fulfillment{.fulfillment_id = rows.id<FulfillmentTag>(1),
                          .state = *state,
                          .created_at = rows.time(6),
                          .updated_at = rows.time(7),
                          .shipped_at = rows.optional_time(8),
                          .delivered_at = rows.optional_time(9),
                          .canceled_at = rows.optional_time(10)};
  if (!rows.is_null(3)) {
    fulfillment.tracking = Tracking{std::string(rows.text(3)), std::string(rows.text(4)), rows.optional_text(5)};
  }
  return fulfillment;
}

struct TrackingValues {
  explicit TrackingValues(const Fulfillment& f)
      : carrier(f.tracking ? sql::Value(f.tracking->carrier) : sql::Value(nullptr)),
        number(f.tracking ? sql::Value(f.tracking->number) : sql::Value(nullptr)),
        url(f.tracking ? sql::Value(f.tracking->url) : sql::Value(nullptr)) {}

  sql::Value carrier;
  sql::Value number;
  sql::Value url;
};

template <class Tag>
std::optional<OrderGroupId> find_group(sql::Tx& tx, const sql::Sql& statement, const Id<Tag>& id) {
  sql::Rows rows = tx.query(statement, {id});
  if (!rows.next()) return std::nullopt;
  return rows.id<OrderGroupTag>(0);
}

}  // namespace

void load_fulfillments(sql::Tx& tx, std::span<Order> orders, Fulfillments which) {
  std::unordered_map<OrderId, Order*> by_id;
  std::vector<OrderId> ids;
  for (auto& order : orders) {
    if (which == Fulfillments::of_lines && !has_any(order)) continue;
    order.fulfillments.clear();
    by_id.emplace(order.order_id, &order);
    ids.push_back(order.order_id);
  }
  if (ids.empty()) return;
  const auto wanted = json_array(ids);
  auto rows = tx.query(kFulfillmentsOf, {wanted});
  while (rows.next()) {
    auto& all = by_id.at(rows.id<OrderTag>(0))->fulfillments;
    if (all.empty() || all.back().fulfillment_id != rows.id<FulfillmentTag>(1)) all.push_back(read_fulfillment(rows));
    all.back().lines.push_back({rows.id<LineTag>(11), rows.int64(12)});
  }
}

void insert_fulfillments(sql::Tx& tx, const std::vector<OfOrder>& fulfillments) {
  sql::Batch batch(kInsert, 8);
  sql::Batch lines(kInsertLine, 4);
  for (const auto& [order_id, f] : fulfillments) {
    const TrackingValues tracking(*f);
    batch.add({f->fulfillment_id, *order_id, to_string(f->state), tracking.carrier, tracking.number, tracking.url,
               f->created_at, f->updated_at});
    std::int64_t position = 0;
    for (const auto& line : f->lines) lines.add({f->fulfillment_id, ++position, line.line_id, line.quantity});
  }
  tx.batch(batch);
  tx.batch(lines);
}

void update_fulfillments(sql::Tx& tx, const std::vector<const Fulfillment*>& fulfillments) {
  sql::Batch batch(kUpdate, 9);
  for (const auto* f : fulfillments) {
    const TrackingValues tracking(*f);
    batch.add({to_string(f->state), tracking.carrier, tracking.number, tracking.url, f->updated_at, f->shipped_at,
               f->delivered_at, f->canceled_at, f->fulfillment_id});
  }
  tx.batch(batch);
}

std::vector<const Fulfillment*> canceled_of(const Order& order) {
  std::vector<const Fulfillment*> canceled;
  for (const auto& fulfillment : order.fulfillments) {
    if (fulfillment.canceled_at == order.updated_at) canceled.push_back(&fulfillment);
  }
  return canceled;
}

std::optional<OrderGroupId> find_group_of(sql::Tx& tx, const FulfillmentId& fulfillment_id) {
  return find_group(tx, kGroupOfFulfillment, fulfillment_id);
}

std::optional<OrderGroupId> find_group_of(sql::Tx& tx, const OrderId& order_id) {
  return find_group(tx, kGroupOfOrder, order_id);
}

}  // namespace agora::order
