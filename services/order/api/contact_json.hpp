#pragma once
#include "libs/json/writer.hpp"
#include "services/order/core/address.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Members that several documents have.

/// A member that is an address, or null.
void write_address(json::Writer& json, std::string_view name, const std::optional<Address>& address);
/// `email`, `shipping_address`, `billing_address`.
void write_contact(json::Writer& json, const Contact& contact);
/// `subtotal`, `discount_total`, `shipping_total`, `tax_total`; null each without a currency.
void write_amounts_without_total(json::Writer& json, const Amounts& amounts, const std::optional<Currency>& currency);
/// An amount, or null without a currency.
std::optional<Money> money(std::int64_t minor, const std::optional<Currency>& currency);

}  // namespace agora::order
