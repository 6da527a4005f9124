#include "services/order/api/order_json.hpp"

#include "libs/json/writer.hpp"
#include "services/order/api/contact_json.hpp"
#include "services/order/api/fulfillment_json.hpp"

namespace agora::order {
namespace {

constexpr std::size_t kOrderBytes = 720;
constexpr std::size_t kLineBytes = 480;

void write_line(json::Writer& json, const OrderLine& line, Currency currency) {
  json.begin_object()
      .member("line_id", line.line_id)
      .member("offer_id", line.offer_id)
      .member("product_id", line.product_id)
      .member("variant_id", line.variant_id)
      .member("sku", line.sku)
      .member("title", line.title)
      .member("quantity", line.quantity)
      .member("canceled_quantity", line.canceled_quantity)
      .member("fulfilled_quantity", line.fulfilled_quantity)
      .member("shipped_quantity", line.shipped_quantity)
      .member("delivered_quantity", line.delivered_quantity)
      .member("refunded_quantity", line.refunded_quantity())
      .member("price", Money{line.unit_price, currency});
  write_amounts_without_total(json, line.amounts, currency);
  json.member("total", Money{line.amounts.total, currency})
      .member("canceled_total", Money{line.canceled_total(), currency})
      .member("requires_shipping", line.requires_shipping)
      .end_object();
}

/// Without its end.
void begin_order(json::Writer& json, const Order& order) {
  // With several lines there is no one product or quantity to name at the top.
  const auto* only = order.lines.size() == 1 ? &order.lines.front() : nullptr;
  json.begin_object().member("order_id", order.order_id).member("user_id", order.user_id);
  if (only != nullptr) {
    json.member("product_id", only->product_id).member("quantity", only->quantity);
  } else {
    json.key("product_id").value(nullptr).key("quantity").value(nullptr);
  }
  json.member("total", Money{order.amounts.total, order.currency})
      .member("status", to_string(order.status))
      .member("number", order.number)
      .member("order_group_id", order.group_id)
      .member("seller_id", order.seller_id)
      .member("currency", order.currency)
      .member("payment_status", to_string(order.payment_status))
      .member("fulfillment_status", to_string(order.fulfillment_status));
  json.key("cancel_reason");
  if (order.cancel_reason) {
    json.value(to_string(*order.cancel_reason));
  } else {
    json.value(nullptr);
  }
  write_amounts_without_total(json, order.amounts, order.currency);
  json.member("canceled_total", Money{order.canceled_total(), order.currency})
      .member("refunded_total", Money{order.refunded_total, order.currency});
  json.key("items").begin_array();
  for (const auto& line : order.lines) write_line(json, line, order.currency);
  json.end_array();
  write_fulfillments(json, order);
  json.member("placed_at", order.placed_at)
      .member("updated_at", order.updated_at)
      .member("canceled_at", order.canceled_at)
      .member("pay_by", order.pay_by)
      .member("ship_by", order.ship_by)
      .member("delivered_at", order.delivered_at)
      .member("completed_at", order.completed_at)
      .member("version", order.version);
}

void write_order(json::Writer& json, const Order& order) {
  begin_order(json, order);
  json.end_object();
}

void end_page(json::Writer& json, const std::string& next_cursor) {
  json.end_array().key("next_cursor");
  if (next_cursor.empty()) {
    json.value(nullptr);
  } else {
    json.value(next_cursor);
  }
  json.member("has_more", !next_cursor.empty()).end_object();
}

}  // namespace

std::string render_order(const Order& order) {
  std::string out;
  out.reserve(kOrderBytes + kLineBytes * order.lines.size());
  json::Writer json(out);
  write_order(json, order);
  return out;
}

std::string render_order_page(const std::vector<Order>& orders, const std::string& next_cursor) {
  std::string out;
  out.reserve(64 + (kOrderBytes + kLineBytes) * orders.size());
  json::Writer json(out);
  json.begin_object().key("items").begin_array();
  for (const auto& order : orders) write_order(json, order);
  end_page(json, next_cursor);
  return out;
}

std::string render_seller_order_page(const std::vector<SellerOrder>& orders, const std::string& next_cursor) {
  std::string out;
  out.reserve(64 + (kOrderBytes + kLineBytes) * orders.size());
  json::Writer json(out);
  json.begin_object().key("items").begin_array();
  for (const auto& [order, shipping_address] : orders) {
    begin_order(json, order);
    write_address(json, "shipping_address", shipping_address);
    json.end_object();
  }
  end_page(json, next_cursor);
  return out;
}

std::string render_order_group(const GroupWithOrders& whole) {
  const auto& group = whole.group;
  std::string out;
  out.reserve(2 * kOrderBytes * (1 + whole.orders.size()));
  json::Writer json(out);
  json.begin_object()
      .member("order_group_id", group.group_id)
      .member("user_id", group.user_id)
      .member("number", group.number)
      .member("status", to_string(group.status))
      .member("payment_status", to_string(group.payment_status))
      .member("fulfillment_status", to_string(group.fulfillment_status))
      .member("currency", group.currency);
  write_amounts_without_total(json, group.amounts, group.currency);
  json.member("total", Money{group.amounts.total, group.currency})
      .member("amount_due", Money{group.amount_due, group.currency});
  json.key("orders").begin_array();
  for (const auto& order : whole.orders) write_order(json, order);
  json.end_array();
  write_contact(json, whole.contact);
  json.member("placed_at", group.placed_at)
      .member("updated_at", group.updated_at)
      .member("pay_by", group.pay_by)
      .member("version", group.version)
      .end_object();
  return out;
}

}  // namespace agora::order
