#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/result.hpp"

namespace agora::order {

/// Where something is sent or billed. Personal data: kept with a cart or an order group, told in no event, written in
/// no log.
struct Address {
  using Text = std::optional<std::string>;

  Text name{};
  Text line1{};
  Text line2{};
  Text city{};
  Text region{};
  Text postal_code{};
  Text country{};  ///< ISO 3166-1 alpha-2
  Text phone{};

  friend bool operator==(const Address&, const Address&) = default;
};

/// What there is to know of an address's members, in the order they are written.
struct AddressField {
  std::string_view name;
  Address::Text Address::* text;
  bool required;
};
inline constexpr std::array<AddressField, 8> kAddressFields{{{"name", &Address::name, true},
                                                             {"line1", &Address::line1, true},
                                                             {"line2", &Address::line2, false},
                                                             {"city", &Address::city, true},
                                                             {"region", &Address::region, false},
                                                             {"postal_code", &Address::postal_code, false},
                                                             {"country", &Address::country, true},
                                                             {"phone", &Address::phone, false}}};

/// A member that a change names: its new value, or none to remove it.
template <class T>
struct Edit {
  bool given = false;
  std::optional<T> value{};
};
/// A change of an address, member by member, as kAddressFields names them (RFC 7396).
using AddressEdit = std::array<Edit<std::string>, kAddressFields.size()>;

/// The address after a change of it; `before` none: of a new one. "No": invalid_argument `validation_failed` with every
/// member at fault under `pointer` (`required`, `invalid_value`).
Result<Address> edited(const std::optional<Address>& before, const AddressEdit& edit, const std::string& pointer);

/// Whether nothing in a text can begin a line or hide one.
bool is_one_line(std::string_view text);

/// Whether mail can be sent there as far as its form tells: one `@` between two parts, no blanks, ASCII, at most 254.
bool is_email_address(std::string_view text);

/// By whom something is bought and where it goes, as far as it was said.
struct Contact {
  std::optional<std::string> email{};
  std::optional<Address> shipping_address{};
  std::optional<Address> billing_address{};

  friend bool operator==(const Contact&, const Contact&) = default;
};

/// A change of a contact; an address that is given without a value is removed.
struct ContactEdit {
  Edit<std::string> email{};
  Edit<AddressEdit> shipping_address{};
  Edit<AddressEdit> billing_address{};
};

/// The contact after a change of it. "No": invalid_argument `validation_failed`.
Result<Contact> edited(const Contact& before, const ContactEdit& edit);

}  // namespace agora::order
