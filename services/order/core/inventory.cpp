#include "services/order/core/inventory.hpp"

namespace agora::order {

Result<std::int64_t> on_hand_after(const StockLevel& level, const InventoryEdit& edit) {
  const auto* set = std::get_if<SetOnHand>(&edit);
  // Both are far from where a sum would overflow.
  const auto after = set != nullptr ? set->on_hand : level.on_hand + std::get<AdjustOnHand>(edit).delta;
  if (after > kOnHandMax) {
    return Error{Errc::invalid_argument,
                 "validation_failed",
                 "There cannot be so many.",
                 {{"/delta", "out_of_range", "makes more than " + std::to_string(kOnHandMax) + " on hand"}}};
  }
  if (after < level.reserved) {
    Error error{Errc::conflict, "below_reserved", "So many are reserved by orders that less cannot be on hand."};
    error.details.push_back({"reserved", level.reserved});
    return error;
  }
  return after;
}

}  // namespace agora::order
