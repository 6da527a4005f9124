#include "services/order/api/fulfillment_json.hpp"

#include "services/order/store/tracking_json.hpp"

namespace agora::order {
namespace {

void write_fulfillment(json::Writer& json, const Order& order, const Fulfillment& fulfillment) {
  json.begin_object()
      .member("fulfillment_id", fulfillment.fulfillment_id)
      .member("order_id", order.order_id)
      .member("seller_id", order.seller_id)
      .member("status", to_string(fulfillment.state));
  json.key("items").begin_array();
  for (const auto& [line_id, quantity] : fulfillment.lines) {
    json.begin_object().member("line_id", line_id).member("quantity", quantity).end_object();
  }
  json.end_array();
  write_tracking(json, fulfillment.tracking);
  json.member("created_at", fulfillment.created_at)
      .member("updated_at", fulfillment.updated_at)
      .member("shipped_at", fulfillment.shipped_at)
      .member("delivered_at", fulfillment.delivered_at)
      .member("canceled_at", fulfillment.canceled_at)
      .end_object();
}

}  // namespace

std::string render_fulfillment(const Order& order, const Fulfillment& fulfillment) {
  std::string out;
  out.reserve(512 + 128 * fulfillment.lines.size());
  json::Writer json(out);
  write_fulfillment(json, order, fulfillment);
  return out;
}

void write_fulfillments(json::Writer& json, const Order& order) {
  json.key("fulfillments").begin_array();
  for (const auto& fulfillment : order.fulfillments) {
    if (fulfillment.state != FulfillmentState::canceled) write_fulfillment(json, order, fulfillment);
  }
  json.end_array();
}

}  // namespace agora::order
