#pragma once
#include <optional>
#include <string>
#include <vector>

#include "services/order/core/order.hpp"

namespace agora::order {

/// Units of one line that go into a fulfilment, as its seller asked for it.
struct LineToPack {
  LineId line_id{};
  std::int64_t quantity = 0;  ///< 1 – kQuantityMax
  std::string pointer{};      ///< where it stands in the request
};

/// Most fulfilments of one order that are not canceled, and most in all.
inline constexpr std::size_t kFulfillmentsMax = 100;
inline constexpr std::size_t kFulfillmentsEverMax = 500;

/// Packs units of a confirmed order: a new fulfilment among the order's, which holds them. One version.
/// "No", nothing packed, every line at fault named: conflict `not_fulfillable` (not paid, or ended), `too_many_units`
/// (other fulfilments hold them, or they were canceled), `too_many_fulfillments`; invalid_argument `validation_failed`
/// (`unknown_line`, `duplicate_line`).
Result<Fulfillment*> pack(Order& order, FulfillmentId fulfillment_id, const std::vector<LineToPack>& lines,
                          std::optional<Tracking> tracking, Timestamp now);

/// A change of a fulfilment; what it does not name stays.
struct FulfillmentEdit {
  Edit<TrackingEdit> tracking{};  ///< given without a value: it is removed
  std::optional<FulfillmentState> state{};
};
/// What came of it, of which the order tells.
enum class FulfillmentChange { nothing, tracking, shipped, delivered, canceled };

/// Changes one of the order's fulfilments, and what the order says of its lines. One version, none where nothing
/// changes: a change that is asked for again is no new one.
/// "No": invalid_argument `validation_failed`; conflict `illegal_transition` (it is past that or not that far; nothing
/// of one that was delivered or canceled changes, or whose order has ended), `too_many_units` (what it holds is not all
/// to be shipped any more).
Result<FulfillmentChange> change(Order& order, Fulfillment& fulfillment, const FulfillmentEdit& edit, Timestamp now);

/// Whether all that is on its way at `now` counts as delivered, as it was shipped by `shipped_before`.
bool is_taken_as_delivered(const Fulfillment& fulfillment, Timestamp shipped_before);

}  // namespace agora::order
