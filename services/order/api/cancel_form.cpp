#include "services/order/api/cancel_form.hpp"

namespace agora::order {

void CancelForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  if (items && (items->empty() || items->size() > kLinesMax)) {
    errors.push_back({pointer + "/items", "out_of_range", "must have 1 to " + std::to_string(kLinesMax) + " lines"});
  }
  if (!reason) return;
  const auto known = parse_enum<CancelReason>(*reason);
  if (known && *known != CancelReason::expired) return;
  errors.push_back(
      {pointer + "/reason", "invalid_value", "must be one of buyer, seller, support, out_of_stock, fraud"});
}

std::optional<CancelReason> reason_of(const CancelForm& form) {
  return form.reason ? parse_enum<CancelReason>(*form.reason) : std::nullopt;
}

std::optional<std::vector<LineUnits>> lines_of(const CancelForm& form) {
  if (!form.items) return std::nullopt;
  std::vector<LineUnits> lines;
  for (const auto& item : *form.items) lines.push_back({item.line_id, item.quantity.value});
  return lines;
}

}  // namespace agora::order
