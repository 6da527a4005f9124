#include "services/order/api/order_form.hpp"

namespace agora::order {
namespace {

/// Every line names an offer or a product, not both.
void check_subject(const std::optional<OfferId>& offer_id, const std::optional<ProductId>& product_id,
                   const std::string& pointer, std::vector<FieldError>& errors) {
  if (offer_id && product_id) {
    errors.push_back({pointer + "/offer_id", "conflicting_fields", "give product_id or offer_id, not both"});
  } else if (!offer_id && !product_id) {
    errors.push_back({pointer + "/product_id", "required", "is required, or offer_id"});
  }
}

}  // namespace

void LineForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  check_subject(offer_id, product_id, pointer, errors);
}

void OrderForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  if (!items) {
    if (!quantity) errors.push_back({pointer + "/quantity", "required", "is required"});
    if (!price)
      errors.push_back({pointer + "/price", "required", "is required: the price per unit that the buyer saw"});
    return check_subject(offer_id, product_id, pointer, errors);
  }
  const auto conflict = [&](bool given, const char* name) {
    if (given) errors.push_back({pointer + name, "conflicting_fields", "stands in items; give one form, not both"});
  };
  conflict(product_id.has_value(), "/product_id");
  conflict(offer_id.has_value(), "/offer_id");
  conflict(quantity.has_value(), "/quantity");
  conflict(price.has_value(), "/price");
  conflict(currency.has_value(), "/currency");
  if (items->empty() || items->size() > kLinesMax) {
    errors.push_back({pointer + "/items", "out_of_range", "must have 1 to " + std::to_string(kLinesMax) + " lines"});
  }
}

std::vector<LineRequest> lines_of(const OrderForm& form, Timestamp now) {
  const auto line = [&](const auto& from, std::int64_t quantity, const Decimal& price, std::string pointer) {
    return LineRequest{.offer_id = from.offer_id,
                       .product_id = from.product_id,
                       .quantity = quantity,
                       .price = price,
                       .currency = from.currency ? from.currency->currency : std::nullopt,
                       .line_id = new_id<LineTag>(now),
                       .pointer = std::move(pointer)};
  };
  if (!form.items) return {line(form, form.quantity->value, *form.price, "")};
  std::vector<LineRequest> lines;
  for (const auto& item : *form.items) {
    lines.push_back(line(item, item.quantity.value, item.price, "/items/" + std::to_string(lines.size())));
  }
  return lines;
}

}  // namespace agora::order
