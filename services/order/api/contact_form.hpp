#pragma once
#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "services/order/core/address.hpp"

namespace agora::order {

/// An address, or a change of one: members that are absent stay, null removes.
struct AddressForm {
  json::Change<json::Text<200>> name{};
  json::Change<json::Text<200>> line1{};
  json::Change<json::Text<200>> line2{};
  json::Change<json::Text<100>> city{};
  json::Change<json::Text<100>> region{};
  json::Change<json::Text<20>> postal_code{};
  json::Change<json::Text<2>> country{};
  json::Change<json::Text<30>> phone{};
};
BOOST_DESCRIBE_STRUCT(AddressForm, (), (name, line1, line2, city, region, postal_code, country, phone))

/// The body of POST /carts and PATCH /carts/{id}: who buys, and where it goes.
struct ContactForm {
  json::Change<json::Text<254>> email{};
  json::Change<AddressForm> shipping_address{};
  json::Change<AddressForm> billing_address{};
};
BOOST_DESCRIBE_STRUCT(ContactForm, (), (email, shipping_address, billing_address))

ContactEdit contact_of(const ContactForm& form);
Edit<AddressEdit> address_of(const json::Change<AddressForm>& form);
template <std::size_t max>
Edit<std::string> text_of(const json::Change<json::Text<max>>& form) {
  Edit<std::string> edit{.given = form.given};
  if (form.value) edit.value = form.value->value;
  return edit;
}

}  // namespace agora::order
