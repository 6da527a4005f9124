#include "services/order/api/cart_json.hpp"

#include "libs/json/writer.hpp"
#include "services/order/api/contact_json.hpp"

namespace agora::order {
namespace {

constexpr std::size_t kCartBytes = 512;
constexpr std::size_t kLineBytes = 416;

void write_line(json::Writer& json, const CartLine& line, const PricedCart::Line& now,
                const std::optional<Currency>& currency) {
  const auto& offer = now.offer;
  // Of an offer that nothing is known of any more there is only its id.
  const auto known = [&](std::string_view name, auto member) {
    json.key(name);
    if (offer) {
      json.value((*offer).*member);
    } else {
      json.value(nullptr);
    }
  };
  json.begin_object().member("line_id", line.line_id).member("offer_id", line.offer_id);
  known("product_id", &Offer::product_id);
  known("variant_id", &Offer::variant_id);
  known("seller_id", &Offer::seller_id);
  known("sku", &Offer::sku);
  known("title", &Offer::title);
  json.member("quantity", line.quantity);
  known("price", &Offer::price);
  json.member("price_when_added", money(line.price_when_added, currency))
      .member("availability", to_string(now.availability));
  write_amounts_without_total(json, now.amounts, currency);
  json.member("total", money(now.amounts.total, currency));
  known("requires_shipping", &Offer::requires_shipping);
  json.end_object();
}

void write_cart(json::Writer& json, const PricedCart& priced) {
  const auto& cart = priced.cart;
  json.begin_object()
      .member("cart_id", cart.cart_id)
      .member("user_id", cart.user_id)
      .member("status", to_string(cart.status))
      .member("currency", cart.currency);
  write_amounts_without_total(json, priced.amounts, cart.currency);
  json.member("total", money(priced.amounts.total, cart.currency));
  json.key("items").begin_array();
  for (std::size_t i = 0; i < cart.lines.size(); ++i) write_line(json, cart.lines[i], priced.lines[i], cart.currency);
  json.end_array();
  write_contact(json, cart.contact);
  json.member("order_group_id", cart.group_id)
      .member("created_at", cart.created_at)
      .member("updated_at", cart.updated_at)
      .member("version", cart.version)
      .end_object();
}

/// `{"items":[…` without its end.
void begin_list(json::Writer& json, const std::vector<PricedCart>& carts) {
  json.begin_object().key("items").begin_array();
  for (const auto& cart : carts) write_cart(json, cart);
  json.end_array();
}

}  // namespace

std::string render_cart(const PricedCart& priced) {
  std::string out;
  out.reserve(kCartBytes + kLineBytes * priced.lines.size());
  json::Writer json(out);
  write_cart(json, priced);
  return out;
}

std::string render_carts(const std::vector<PricedCart>& carts) {
  std::string out;
  json::Writer json(out);
  begin_list(json, carts);
  json.end_object();
  return out;
}

std::string render_cart_page(const std::vector<PricedCart>& carts, const std::string& next_cursor) {
  std::string out;
  json::Writer json(out);
  begin_list(json, carts);
  json.key("next_cursor");
  if (next_cursor.empty()) {
    json.value(nullptr);
  } else {
    json.value(next_cursor);
  }
  json.member("has_more", !next_cursor.empty()).end_object();
  return out;
}

}  // namespace agora::order
