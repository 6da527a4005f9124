#include "services/order/api/checkout_form.hpp"

#include <algorithm>

namespace agora::order {

void CheckoutForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  const auto conflict = [&](bool given, const char* name) {
    if (given) errors.push_back({pointer + name, "conflicting_fields", "is of a cart; give a cart or items, not both"});
  };
  if (items) {
    conflict(cart_id.has_value(), "/cart_id");
    conflict(cart_version.has_value(), "/cart_version");
    conflict(total.has_value(), "/total");
    conflict(currency.has_value(), "/currency");
    check_line_count(*items, pointer, errors);
    return;
  }
  const auto require = [&](bool given, const char* name, const char* message) {
    if (!given) errors.push_back({pointer + name, "required", message});
  };
  require(cart_id.has_value(), "/cart_id", "is required, or items");
  require(cart_version.has_value(), "/cart_version", "is required: that of the cart as the buyer saw it");
  require(total.has_value(), "/total", "is required: what the buyer saw that the cart costs");
}

CheckOutCommand command_of(const CheckoutForm& form, Timestamp now) {
  CheckOutCommand command;
  auto& checkout = command.checkout;
  checkout.now = now;
  checkout.group_id = new_id<OrderGroupTag>(now);
  if (form.items) {
    checkout.lines = lines_of(*form.items, now);
  } else {
    command.cart = CheckOutCommand::FromCart{*form.cart_id, form.cart_version->value};
    checkout.seen = SeenTotal{*form.total, form.currency ? form.currency->currency : std::nullopt};
  }
  // As many as there can be sellers; sorted, as orders are read.
  const auto orders_max = form.items ? form.items->size() : kLinesMax;
  for (std::size_t i = 0; i < orders_max; ++i) checkout.order_ids.push_back(new_id<OrderTag>(now));
  std::sort(checkout.order_ids.begin(), checkout.order_ids.end());
  command.contact = {text_of(form.email), address_of(form.shipping_address), address_of(form.billing_address)};
  return command;
}

}  // namespace agora::order
