#pragma once
#include <boost/describe/class.hpp>

#include "services/order/api/contact_form.hpp"
#include "services/order/api/order_form.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// The body of POST /order-groups: a cart as the buyer saw it, or `items` with the prices they saw; not both.
struct CheckoutForm {
  std::optional<CartId> cart_id{};
  std::optional<json::Integer<1, INT64_MAX>> cart_version{};
  std::optional<Decimal> total{};
  std::optional<json::CurrencyCode> currency{};
  std::optional<std::vector<LineForm>> items{};
  json::Change<json::Text<254>> email{};
  json::Change<AddressForm> shipping_address{};
  json::Change<AddressForm> billing_address{};

  /// It has one of the two forms, whole.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(CheckoutForm, (),
                      (cart_id, cart_version, total, currency, items, email, shipping_address, billing_address))

/// What a form that was read asks for, with new ids; whose it is and until when it can be paid is the caller's to say.
CheckOutCommand command_of(const CheckoutForm& form, Timestamp now);

}  // namespace agora::order
