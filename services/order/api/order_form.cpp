#include "services/order/api/order_form.hpp"

namespace agora::order {
namespace {

/// Every line names an offer or a product, not both.
void check_subject(const LineRequest& line, std::vector<FieldError>& errors) {
  if (line.offer_id && line.product_id) {
    errors.push_back({line.pointer + "/offer_id", "conflicting_fields", "give product_id or offer_id, not both"});
  } else if (!line.offer_id && !line.product_id) {
    errors.push_back({line.pointer + "/product_id", "required", "is required, or offer_id"});
  }
}

LineRequest single_line(const OrderForm& form, std::vector<FieldError>& errors) {
  if (!form.quantity) errors.push_back({"/quantity", "required", "is required"});
  if (!form.price) errors.push_back({"/price", "required", "is required: the price per unit that the buyer saw"});
  return {.offer_id = form.offer_id,
          .product_id = form.product_id,
          .quantity = form.quantity.value_or(Quantity{}).value,
          .price = form.price.value_or(Decimal{}),
          .pointer = ""};
}

}  // namespace

Result<std::vector<LineRequest>> lines_of(const OrderForm& form) {
  std::vector<LineRequest> lines;
  std::vector<FieldError> errors;
  if (!form.items) {
    lines.push_back(single_line(form, errors));
  } else {
    const auto conflict = [&](bool given, const char* pointer) {
      if (given) errors.push_back({pointer, "conflicting_fields", "stands in items; give one form, not both"});
    };
    conflict(form.product_id.has_value(), "/product_id");
    conflict(form.offer_id.has_value(), "/offer_id");
    conflict(form.quantity.has_value(), "/quantity");
    conflict(form.price.has_value(), "/price");
    if (form.items->empty() || form.items->size() > kLinesMax) {
      errors.push_back({"/items", "out_of_range", "must have 1 to " + std::to_string(kLinesMax) + " lines"});
    }
    for (const auto& item : *form.items) {
      lines.push_back({.offer_id = item.offer_id,
                       .product_id = item.product_id,
                       .quantity = item.quantity.value,
                       .price = item.price,
                       .pointer = "/items/" + std::to_string(lines.size())});
    }
  }
  for (const auto& line : lines) check_subject(line, errors);
  if (!errors.empty()) return json::validation_failed(std::move(errors));
  return lines;
}

}  // namespace agora::order
