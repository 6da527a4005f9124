#include "services/order/api/fulfillment_form.hpp"

#include "services/order/api/contact_form.hpp"

namespace agora::order {

void FulfillmentForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  if (!items.empty() && items.size() <= kLinesMax) return;
  errors.push_back({pointer + "/items", "out_of_range", "must have 1 to " + std::to_string(kLinesMax) + " lines"});
}

void FulfillmentPatch::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  if (!status || parse_enum<FulfillmentState>(*status)) return;
  errors.push_back({pointer + "/status", "invalid_value", "must be of packed, shipped, delivered, canceled"});
}

std::vector<LineToPack> lines_of(const FulfillmentForm& form) {
  std::vector<LineToPack> lines;
  for (const auto& item : form.items) {
    lines.push_back({item.line_id, item.quantity.value, "/items/" + std::to_string(lines.size())});
  }
  return lines;
}

TrackingEdit tracking_of(const TrackingForm& form) {
  return {text_of(form.carrier), text_of(form.number), text_of(form.url)};
}

FulfillmentEdit edit_of(const FulfillmentPatch& form) {
  FulfillmentEdit edit{.tracking = {.given = form.tracking.given}};
  if (form.tracking.value) edit.tracking.value = tracking_of(*form.tracking.value);
  if (form.status) edit.state = parse_enum<FulfillmentState>(*form.status);
  return edit;
}

}  // namespace agora::order
