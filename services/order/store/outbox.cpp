#include "services/order/store/outbox.hpp"

#include "libs/json/writer.hpp"

namespace agora::order {
namespace {

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

/// What people are told of an order's lines.
void lines_to_ship(json::Writer& json, const Order& order) {
  json.key("lines").begin_array();
  for (const auto& line : order.lines) {
    json.begin_object()
        .member("line_id", line.line_id)
        .member("offer_id", line.offer_id)
        .member("sku", line.sku)
        .member("title", line.title)
        .member("quantity", line.quantity - line.canceled_quantity)
        .member("total", line.amounts.total - line.canceled_total())
        .end_object();
  }
  json.end_array();
}

/// Whose order an event is of; the members that all of them begin with.
void begin_order(json::Writer& json, const Order& order) {
  json.begin_object()
      .member("order_id", order.order_id)
      .member("number", order.number)
      .member("order_group_id", order.group_id)
      .member("user_id", order.user_id)
      .member("seller_id", order.seller_id);
}

/// What of an order's money a cancellation is about.
void amounts_left(json::Writer& json, const Order& order, const Canceled& canceled) {
  json.member("currency", order.currency)
      .member("canceled_total", order.canceled_total())
      .member("refunded_total", order.refunded_total)
      .member("refund_amount", canceled.to_refund);
}

}  // namespace

Outbox::Outbox(Timestamp now, const TraceContext& trace) : events_(now), trace_(trace) {}

void Outbox::order_group_placed(const OrderGroup& group, const std::vector<const Order*>& orders,
                                const TraceContext& trace) {
  auto& data = events_.add(kOrderGroups, "order_group.placed", group.group_id.str(), group.version, trace);
  data.reserve(384);
  json::Writer json(data);
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
  auto& data = events_.add(kOrders, "order.placed", order.order_id.str(), order.version, trace);
  data.reserve(384 + 384 * order.lines.size());
  json::Writer json(data);
  begin_order(json, order);
  json.member("currency", order.currency);
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

void Outbox::order_canceled(const Order& order, const Canceled& canceled, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.canceled", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  begin_order(json, order);
  json.member("reason", to_string(*order.cancel_reason));
  json.key("lines").begin_array();
  for (const auto& line : order.lines) {
    json.begin_object()
        .member("line_id", line.line_id)
        .member("offer_id", line.offer_id)
        .member("quantity", line.canceled_quantity)
        .end_object();
  }
  json.end_array();
  amounts_left(json, order, canceled);
  json.member("canceled_at", order.canceled_at).end_object();
}

void Outbox::order_lines_canceled(const Order& order, const Canceled& canceled, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.lines_canceled", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  begin_order(json, order);
  json.member("reason", to_string(canceled.reason)).member("fulfillment_status", to_string(order.fulfillment_status));
  json.key("lines").begin_array();
  for (std::size_t i = 0; i < order.lines.size(); ++i) {
    const auto& line = order.lines[i];
    if (canceled.units[i] == 0) continue;
    json.begin_object()
        .member("line_id", line.line_id)
        .member("offer_id", line.offer_id)
        .member("sku", line.sku)
        .member("title", line.title)
        .member("quantity", canceled.units[i])
        .member("canceled_quantity", line.canceled_quantity)
        .member("canceled_total", line.canceled_total())
        .end_object();
  }
  json.end_array();
  amounts_left(json, order, canceled);
  json.member("canceled_at", order.updated_at).end_object();
}

void Outbox::order_updated(const Order& order, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.updated", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  begin_order(json, order);
  json.member("status", to_string(order.status))
      .member("payment_status", to_string(order.payment_status))
      .member("fulfillment_status", to_string(order.fulfillment_status))
      .member("updated_at", order.updated_at)
      .end_object();
}

void Outbox::order_refunded(const Order& order, const Refund& refund, const std::vector<RefundedUnits>& units,
                            const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.refunded", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  begin_order(json, order);
  json.member("refund_id", refund.refund_id)
      .member("payment_id", refund.payment_id)
      .member("currency", order.currency)
      .member("amount", refund.amount)
      .member("refunded_total", order.refunded_total)
      .member("payment_status", to_string(order.payment_status))
      .member("fulfillment_status", to_string(order.fulfillment_status));
  json.key("lines").begin_array();
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto quantity = units[i].unshipped + units[i].shipped + units[i].unnamed;
    if (quantity == 0) continue;
    json.begin_object()
        .member("line_id", order.lines[i].line_id)
        .member("offer_id", order.lines[i].offer_id)
        .member("quantity", quantity)
        .end_object();
  }
  json.end_array().member("restock", refund.restock).member("refunded_at", order.updated_at).end_object();
}

void Outbox::order_group_canceled(const OrderGroup& group, CancelReason reason, const TraceContext& trace) {
  auto& data = events_.add(kOrderGroups, "order_group.canceled", group.group_id.str(), group.version, trace);
  json::Writer(data)
      .begin_object()
      .member("order_group_id", group.group_id)
      .member("number", group.number)
      .member("user_id", group.user_id)
      .member("reason", to_string(reason))
      .member("canceled_at", group.updated_at)
      .end_object();
}

void Outbox::order_group_updated(const OrderGroup& group, const TraceContext& trace) {
  auto& data = events_.add(kOrderGroups, "order_group.updated", group.group_id.str(), group.version, trace);
  json::Writer(data)
      .begin_object()
      .member("order_group_id", group.group_id)
      .member("number", group.number)
      .member("user_id", group.user_id)
      .member("currency", group.currency)
      .member("status", to_string(group.status))
      .member("payment_status", to_string(group.payment_status))
      .member("fulfillment_status", to_string(group.fulfillment_status))
      .member("amount_due", group.amount_due)
      .member("updated_at", group.updated_at)
      .end_object();
}

void Outbox::stock_changed(const OfferId& offer_id, const StockLevel& level) {
  auto& data = events_.add(kStock, "stock.changed", offer_id.str(), level.version, trace_);
  json::Writer(data)
      .begin_object()
      .member("offer_id", offer_id)
      .member("on_hand", level.on_hand)
      .member("reserved", level.reserved)
      .member("available", level.available())
      .end_object();
}

void Outbox::order_paid(const Order& order, const PaymentId& payment_id, const TraceContext& trace) {
  auto& data = events_.add(kOrders, "order.paid", order.order_id.str(), order.version, trace);
  json::Writer json(data);
  begin_order(json, order);
  json.member("payment_id", payment_id).member("currency", order.currency).member("total", order.captured_total);
  lines_to_ship(json, order);
  json.member("paid_at", order.updated_at).end_object();
}

void Outbox::order_group_paid(const OrderGroup& group, const std::vector<const Order*>& orders,
                              const PaymentId& payment_id, const TraceContext& trace) {
  auto& data = events_.add(kOrderGroups, "order_group.paid", group.group_id.str(), group.version, trace);
  std::int64_t total = 0;  // of what was paid: another order of the group may have been canceled before
  for (const auto* order : orders) total += order->captured_total;
  json::Writer json(data);
  json.begin_object()
      .member("order_group_id", group.group_id)
      .member("number", group.number)
      .member("user_id", group.user_id)
      .member("payment_id", payment_id)
      .member("currency", group.currency)
      .member("total", total);
  json.key("orders").begin_array();
  for (const auto* order : orders) {
    json.begin_object()
        .member("order_id", order->order_id)
        .member("number", order->number)
        .member("seller_id", order->seller_id)
        .member("total", order->captured_total);
    lines_to_ship(json, *order);
    json.end_object();
  }
  json.end_array().member("paid_at", group.updated_at).end_object();
}

void Outbox::order_group_capture_refused(const OrderGroup& group, const Capture& capture, CaptureRefusal reason,
                                         const TraceContext& trace) {
  auto& data = events_.add(kOrderGroups, "order_group.capture_refused", group.group_id.str(), group.version, trace);
  json::Writer json(data);
  json.begin_object().member("order_group_id", group.group_id);
  if (reason != CaptureRefusal::unknown) json.member("number", group.number).member("user_id", group.user_id);
  json.member("payment_id", capture.payment_id)
      .member("amount", capture.amount)
      .member("currency", capture.currency)
      .member("reason", to_string(reason))
      .member("refused_at", group.updated_at)
      .end_object();
}

}  // namespace agora::order
