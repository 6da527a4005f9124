#include "services/order/api/inventory_form.hpp"

#include <algorithm>

namespace agora::order {

void AdjustmentForm::check(const std::string& pointer, std::vector<FieldError>& errors) const {
  if (delta.value == 0) errors.push_back({pointer + "/delta", "out_of_range", "must not be 0"});
  if (std::find(kAdjustmentReasons.begin(), kAdjustmentReasons.end(), reason) != kAdjustmentReasons.end()) return;
  errors.push_back(
      {pointer + "/reason", "invalid_value", "must be one of received, correction, damaged, lost, returned, other"});
}

}  // namespace agora::order
