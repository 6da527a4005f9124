#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "libs/base/result.hpp"
#include "libs/json/reader.hpp"
#include "services/order/api/contact_form.hpp"
#include "services/order/core/lines.hpp"

namespace agora::order {

using Quantity = json::Integer<1, kQuantityMax>;

/// One line of POST /orders.
struct LineForm {
  std::optional<ProductId> product_id{};
  std::optional<OfferId> offer_id{};
  Quantity quantity{};
  Decimal price{};
  std::optional<json::CurrencyCode> currency{};

  /// It names an offer or a product, not both.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(LineForm, (), (product_id, offer_id, quantity, price, currency))

/// The body of POST /orders: either the form of the first contract, one line at the top, or `items`; not both.
struct OrderForm {
  std::optional<UserId> user_id{};
  std::optional<ProductId> product_id{};
  std::optional<OfferId> offer_id{};
  std::optional<Quantity> quantity{};
  std::optional<Decimal> price{};
  std::optional<json::CurrencyCode> currency{};
  std::optional<std::vector<LineForm>> items{};
  json::Change<json::Text<254>> email{};
  json::Change<AddressForm> shipping_address{};
  json::Change<AddressForm> billing_address{};

  /// It has one of the two forms, whole.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(OrderForm, (),
                      (user_id, product_id, offer_id, quantity, price, currency, items, email, shipping_address,
                       billing_address))

/// The lines that a form which was read asks for, each with the pointer it stands at and a new id.
LineRequests lines_of(const OrderForm& form, Timestamp now);
LineRequests lines_of(const std::vector<LineForm>& items, Timestamp now);

/// A line names an offer or a product, not both.
void check_subject(const std::optional<OfferId>& offer_id, const std::optional<ProductId>& product_id,
                   const std::string& pointer, std::vector<FieldError>& errors);
/// There are 1 to kLinesMax.
void check_line_count(const std::vector<LineForm>& items, const std::string& pointer, std::vector<FieldError>& errors);

}  // namespace agora::order
