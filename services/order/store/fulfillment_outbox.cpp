// What an order tells of its fulfilments.

#include <stdexcept>

#include "libs/json/writer.hpp"
#include "services/order/store/outbox.hpp"
#include "services/order/store/tracking_json.hpp"

namespace agora::order {
namespace {

constexpr const char* kOrders = "agora.orders";

void write_head(json::Writer& json, const Order& order) {
  json.member("order_id", order.order_id)
      .member("number", order.number)
      .member("order_group_id", order.group_id)
      .member("user_id", order.user_id)
      .member("seller_id", order.seller_id);
}

const OrderLine& line_of(const Order& order, const LineId& line_id) {
  for (const auto& line : order.lines) {
    if (line.line_id == line_id) return line;
  }
  throw std::logic_error("a fulfilment has a line that its order has not");
}

/// All but its end: what was done when.
void write_fulfillment(json::Writer& json, const Order& order, const Fulfillment& fulfillment) {
  json.begin_object();
  write_head(json, order);
  json.member("fulfillment_id", fulfillment.fulfillment_id)
      .member("fulfillment_status", to_string(order.fulfillment_status));
  json.key("lines").begin_array();
  for (const auto& [line_id, quantity] : fulfillment.lines) {
    const auto& line = line_of(order, line_id);
    json.begin_object()
        .member("line_id", line_id)
        .member("offer_id", line.offer_id)
        .member("sku", line.sku)
        .member("title", line.title)
        .member("quantity", quantity)
        .end_object();
  }
  json.end_array();
  write_tracking(json, fulfillment.tracking);
}

struct Told {
  const char* type;
  std::string_view when;
};

Told told_of(FulfillmentChange change) {
  switch (change) {
    case FulfillmentChange::shipped:
      return {"order.shipped", "shipped_at"};
    case FulfillmentChange::delivered:
      return {"order.delivered", "delivered_at"};
    case FulfillmentChange::canceled:
      return {"order.fulfillment_canceled", "canceled_at"};
    case FulfillmentChange::tracking:
    case FulfillmentChange::nothing:
      break;
  }
  return {"order.fulfillment_updated", "updated_at"};
}

}  // namespace

void Outbox::fulfillment_created(const Order& order, const Fulfillment& fulfillment, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.fulfillment_created", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  write_fulfillment(json, order, fulfillment);
  json.member("created_at", fulfillment.created_at).end_object();
}

void Outbox::fulfillment_changed(const Order& order, const Fulfillment& fulfillment, FulfillmentChange change,
                                 const TraceContext& trace) {
  const auto [type, when] = told_of(change);
  auto& data = events_.add(kOrders, type, order.order_id.str(), order.version, trace);
  json::Writer json(data);
  write_fulfillment(json, order, fulfillment);
  json.member(when, fulfillment.updated_at).end_object();
}

void Outbox::order_completed(const Order& order, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.completed", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  json.begin_object();
  write_head(json, order);
  json.member("currency", order.currency)
      .member("total", order.amounts.total)
      .member("canceled_total", order.canceled_total())
      .member("captured_total", order.captured_total)
      .member("refunded_total", order.refunded_total)
      .member("delivered_at", order.delivered_at)
      .member("completed_at", order.completed_at)
      .end_object();
}

}  // namespace agora::order
