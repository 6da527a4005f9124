#include "services/order/api/cart_form.hpp"

namespace agora::order {

void CartLineForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  check_subject(offer_id, product_id, pointer, errors);
}

AddLine line_of(const CartLineForm& form, Timestamp now) {
  return {{.offer_id = form.offer_id,
           .product_id = form.product_id,
           .quantity = form.quantity.value,
           .currency = form.currency ? form.currency->currency : std::nullopt,
           .line_id = new_id<LineTag>(now)}};
}

}  // namespace agora::order
