#include "services/order/store/outbox.hpp"

#include "libs/json/writer.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kInsertEvent{
    "INSERT INTO outbox (event_id, topic, type, subject, version, time, traceparent, data) "
    "VALUES ($1,$2,$3,$4,$5,$6,$7,$8)"};

constexpr const char* kOrders = "agora.orders";
constexpr const char* kOrderGroups = "agora.order_groups";
constexpr const char* kStock = "agora.stock";

/// Events carry int64 minor units, not the REST contract's decimals.
void amounts(json::Writer& json, const Amounts& a) {
  json.member("subtotal", a.subtotal)
      .member("discount_total", a.discount_total)
      .member("shipping_total", a.shipping_total)
      .member("tax_total", a.tax_total)
      .member("total", a.total);
}

}  // namespace

Outbox::Outbox(Timestamp now, const TraceContext& trace) : now_(now), trace_(trace) {}

Outbox::Event& Outbox::add(const char* topic, const char* type, const std::string& subject, std::int64_t version,
                           const TraceContext& trace) {
  return events_.emplace_back(
      Event{new_uuid_v7(now_), topic, type, subject, version, trace.valid() ? trace.traceparent() : std::string{}, {}});
}

void Outbox::order_group_placed(const OrderGroup& group, const std::vector<const Order*>& orders,
                                const TraceContext& trace) {
  auto& event = add(kOrderGroups, "order_group.placed", group.group_id.str(), group.version, trace);
  event.data.reserve(384);
  json::Writer json(event.data);
  json.begin_object()
      .member("order_group_id", group.group_id)
      .member("number", group.number)
      .member("user_id", group.user_id)
      .member("currency", group.currency);
  json.key("order_ids").begin_array();
  for (const auto* order : orders) json.value(order->order_id);
  json.end_array();
  amounts(json, group.amounts);
  json.member("placed_at", group.placed_at).member("pay_by", group.pay_by).end_object();
}

void Outbox::order_placed(const Order& order, const TraceContext& trace) {
  auto& event = add(kOrders, "order.placed", order.order_id.str(), order.version, trace);
  event.data.reserve(384 + 384 * order.lines.size());
  json::Writer json(event.data);
  json.begin_object()
      .member("order_id", order.order_id)
      .member("number", order.number)
      .member("order_group_id", order.group_id)
      .member("user_id", order.user_id)
      .member("seller_id", order.seller_id)
      .member("currency", order.currency);
  amounts(json, order.amounts);
  json.key("lines").begin_array();
  for (const auto& line : order.lines) {
    json.begin_object()
        .member("line_id", line.line_id)
        .member("offer_id", line.offer_id)
        .member("product_id", line.product_id)
        .member("variant_id", line.variant_id)
        .member("sku", line.sku)
        .member("quantity", line.quantity)
        .member("unit_price", line.unit_price);
    amounts(json, line.amounts);
    json.member("requires_shipping", line.requires_shipping).end_object();
  }
  json.end_array().member("placed_at", order.placed_at).end_object();
}

void Outbox::order_canceled(const Order& order, const TraceContext& trace) {
  auto& event = add(kOrders, "order.canceled", order.order_id.str(), order.version, trace);
  json::Writer json(event.data);
  json.begin_object()
      .member("order_id", order.order_id)
      .member("order_group_id", order.group_id)
      .member("user_id", order.user_id)
      .member("seller_id", order.seller_id)
      .member("reason", to_string(*order.cancel_reason));
  json.key("lines").begin_array();
  for (const auto& line : order.lines) {
    json.begin_object()
        .member("line_id", line.line_id)
        .member("offer_id", line.offer_id)
        .member("quantity", line.canceled_quantity)
        .end_object();
  }
  json.end_array().member("canceled_at", order.canceled_at).end_object();
}

void Outbox::order_group_canceled(const OrderGroup& group, CancelReason reason, const TraceContext& trace) {
  auto& event = add(kOrderGroups, "order_group.canceled", group.group_id.str(), group.version, trace);
  json::Writer(event.data)
      .begin_object()
      .member("order_group_id", group.group_id)
      .member("user_id", group.user_id)
      .member("reason", to_string(reason))
      .member("canceled_at", group.updated_at)
      .end_object();
}

void Outbox::stock_changed(const OfferId& offer_id, const StockLevel& level) {
  auto& event = add(kStock, "stock.changed", offer_id.str(), level.version, trace_);
  json::Writer(event.data)
      .begin_object()
      .member("offer_id", offer_id)
      .member("on_hand", level.on_hand)
      .member("reserved", level.reserved)
      .member("available", level.available())
      .end_object();
}

void Outbox::write(sql::Tx& tx) const {
  sql::Batch batch(kInsertEvent, 8);
  batch.reserve(events_.size());
  for (const auto& e : events_) {
    batch.add({e.event_id, e.topic, e.type, e.subject, e.version, now_,
               e.traceparent.empty() ? sql::Value(nullptr) : sql::Value(e.traceparent), e.data});
  }
  tx.batch(batch);
}

}  // namespace agora::order
