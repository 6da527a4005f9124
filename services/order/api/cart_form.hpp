#pragma once
#include <boost/describe/class.hpp>

#include "services/order/api/order_form.hpp"
#include "services/order/store/cart_store.hpp"

namespace agora::order {

/// The body of POST /carts/{cart_id}/items.
struct CartLineForm {
  std::optional<ProductId> product_id{};
  std::optional<OfferId> offer_id{};
  Quantity quantity{};
  std::optional<json::CurrencyCode> currency{};

  /// It names an offer or a product, not both.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(CartLineForm, (), (product_id, offer_id, quantity, currency))

/// The body of PATCH /carts/{cart_id}/items/{line_id}.
struct QuantityForm {
  Quantity quantity{};
};
BOOST_DESCRIBE_STRUCT(QuantityForm, (), (quantity))

/// The body of POST /carts/merge. The guest's token shows that the guest's carts are the caller's: ids are no secrets.
struct MergeForm {
  json::Text<8192> guest_token{};
};
BOOST_DESCRIBE_STRUCT(MergeForm, (), (guest_token))

AddLine line_of(const CartLineForm& form, Timestamp now);

}  // namespace agora::order
