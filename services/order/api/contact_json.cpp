#include "services/order/api/contact_json.hpp"

namespace agora::order {

void write_address(json::Writer& json, std::string_view name, const std::optional<Address>& address) {
  json.key(name);
  if (!address) {
    json.value(nullptr);
    return;
  }
  json.begin_object();
  for (const auto& field : kAddressFields) json.member(field.name, (*address).*field.text);
  json.end_object();
}

void write_contact(json::Writer& json, const Contact& contact) {
  json.member("email", contact.email);
  write_address(json, "shipping_address", contact.shipping_address);
  write_address(json, "billing_address", contact.billing_address);
}

std::optional<Money> money(std::int64_t minor, const std::optional<Currency>& currency) {
  if (!currency) return std::nullopt;
  return Money{minor, *currency};
}

void write_amounts_without_total(json::Writer& json, const Amounts& amounts, const std::optional<Currency>& currency) {
  json.member("subtotal", money(amounts.subtotal, currency))
      .member("discount_total", money(amounts.discount_total, currency))
      .member("shipping_total", money(amounts.shipping_total, currency))
      .member("tax_total", money(amounts.tax_total, currency));
}

}  // namespace agora::order
