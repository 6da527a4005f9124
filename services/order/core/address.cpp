#include "services/order/core/address.hpp"

#include <algorithm>

namespace agora::order {
namespace {

constexpr std::size_t kEmailBytesMax = 254;  // RFC 5321 §4.5.3.1.3, less its brackets

Error invalid(std::vector<FieldError> fields) {
  return {Errc::invalid_argument, "validation_failed", "The request has fields that are not right.", std::move(fields)};
}

bool is_country(std::string_view text) {
  return text.size() == 2 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void check(const Address& address, const std::string& pointer, std::vector<FieldError>& errors) {
  for (const auto& field : kAddressFields) {
    const auto& text = address.*field.text;
    const auto at = pointer + "/" + std::string(field.name);
    if (field.required && (!text || text->empty())) {
      errors.push_back({at, "required", "is required"});
    } else if (text && !is_one_line(*text)) {
      errors.push_back({at, "invalid_value", "must be one line without control characters"});
    } else if (field.text == &Address::country && !is_country(*text)) {
      errors.push_back({at, "invalid_value", "must be a country's two letters by ISO 3166-1"});
    }
  }
}

void edit_address(std::optional<Address>& address, const Edit<AddressEdit>& edit, const std::string& pointer,
                  std::vector<FieldError>& errors) {
  if (!edit.given) return;
  if (!edit.value) return address.reset();
  auto changed = edited(address, *edit.value, pointer);
  if (changed) {
    address = std::move(changed).value();
  } else {
    errors.insert(errors.end(), changed.error().fields.begin(), changed.error().fields.end());
  }
}

}  // namespace

Result<Address> edited(const std::optional<Address>& before, const AddressEdit& edit, const std::string& pointer) {
  auto address = before.value_or(Address{});
  for (std::size_t i = 0; i < edit.size(); ++i) {
    if (edit[i].given) address.*kAddressFields[i].text = edit[i].value;
  }
  std::vector<FieldError> errors;
  check(address, pointer, errors);
  if (!errors.empty()) return invalid(std::move(errors));
  return address;
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

bool is_email_address(std::string_view text) {
  const auto at = text.find('@');
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
  return plain && text.size() <= kEmailBytesMax && at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string_view::npos;
}

Result<Contact> edited(const Contact& before, const ContactEdit& edit) {
  auto contact = before;
  std::vector<FieldError> errors;
  if (edit.email.given) {
    contact.email = edit.email.value;
    if (contact.email && !is_email_address(*contact.email)) {
      errors.push_back({"/email", "invalid_value", "must be an address that mail can be sent to"});
    }
  }
  edit_address(contact.shipping_address, edit.shipping_address, "/shipping_address", errors);
  edit_address(contact.billing_address, edit.billing_address, "/billing_address", errors);
  if (!errors.empty()) return invalid(std::move(errors));
  return contact;
}

}  // namespace agora::order
