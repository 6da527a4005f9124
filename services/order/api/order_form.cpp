#include "services/order/api/order_form.hpp"

namespace agora::order {

void check_subject(const std::optional<OfferId>& offer_id, const std::optional<ProductId>& product_id,
                   const std::string& pointer, std::vector<FieldError>& errors) {
  if (offer_id && product_id) {
    errors.push_back({pointer + "/offer_id", "conflicting_fields", "give product_id or offer_id, not both"});
  } else if (!offer_id && !product_id) {
    errors.push_back({pointer + "/product_id", "required", "is required, or offer_id"});
  }
}

void check_line_count(const std::vector<LineForm>& items, const std::string& pointer, std::vector<FieldError>& errors) {
  if (!items.empty() && items.size() <= kLinesMax) return;
  errors.push_back({pointer + "/items", "out_of_range", "must have 1 to " + std::to_string(kLinesMax) + " lines"});
}

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
  check_line_count(*items, pointer, errors);
}

namespace {

/// A line of either form.
template <class Form>
LineRequest line_of(const Form& from, std::int64_t quantity, const Decimal& price, std::string pointer, Timestamp now) {
  return {.offer_id = from.offer_id,
          .product_id = from.product_id,
          .quantity = quantity,
          .price = price,
          .currency = from.currency ? from.currency->currency : std::nullopt,
          .line_id = new_id<LineTag>(now),
          .pointer = std::move(pointer)};
}

}  // namespace

LineRequests lines_of(const std::vector<LineForm>& items, Timestamp now) {
  LineRequests lines;
  for (const auto& item : items) {
    lines.push_back(line_of(item, item.quantity.value, item.price, "/items/" + std::to_string(lines.size()), now));
  }
  return lines;
}

LineRequests lines_of(const OrderForm& form, Timestamp now) {
  if (form.items) return lines_of(*form.items, now);
  return {line_of(form, form.quantity->value, *form.price, "", now)};
}

}  // namespace agora::order
