#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/result.hpp"
#include "services/order/core/stock.hpp"

namespace agora::order {

/// Most units of an offer that can be on hand.
inline constexpr std::int64_t kOnHandMax = 1'000'000'000'000;

/// Why somebody corrects what is on hand.
inline constexpr std::array<std::string_view, 6> kAdjustmentReasons{"received", "correction", "damaged",
                                                                    "lost",     "returned",   "other"};

/// So many were counted.
struct SetOnHand {
  std::int64_t on_hand = 0;  ///< 0 – kOnHandMax
};
/// So many more or less.
struct AdjustOnHand {
  std::int64_t delta = 0;  ///< not 0; −kOnHandMax – kOnHandMax
  std::string reason{};    ///< of kAdjustmentReasons
};
using InventoryEdit = std::variant<SetOnHand, AdjustOnHand>;

/// What is on hand after an edit.
///
/// "No": conflict `below_reserved` with `reserved`: that many are somebody's; invalid_argument `validation_failed`
/// (`out_of_range`: more than kOnHandMax).
Result<std::int64_t> on_hand_after(const StockLevel& level, const InventoryEdit& edit);

}  // namespace agora::order
