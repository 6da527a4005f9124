#include "services/order/core/fulfilling.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "services/order/core/lines.hpp"

namespace agora::order {
namespace {

OrderLine* find_line(Order& order, const LineId& line_id) {
  const auto found = std::find_if(order.lines.begin(), order.lines.end(),
                                  [&](const OrderLine& line) { return line.line_id == line_id; });
  return found == order.lines.end() ? nullptr : &*found;
}

Result<void> check_lines(Order& order, const std::vector<LineToPack>& lines) {
  std::vector<FieldError> wrong;
  std::set<LineId> seen;
  for (const auto& line : lines) {
    if (find_line(order, line.line_id) == nullptr) {
      wrong.push_back({line.pointer + "/line_id", "unknown_line", "is no line of this order"});
    } else if (!seen.insert(line.line_id).second) {
      wrong.push_back({line.pointer + "/line_id", "duplicate_line", "is named twice; give one quantity"});
    }
  }
  if (wrong.empty()) return {};
  return Error{Errc::invalid_argument, "validation_failed", "The request has fields that are not right.",
               std::move(wrong)};
}

Result<void> check_units(Order& order, const std::vector<LineToPack>& lines) {
  std::vector<FieldError> too_many;
  for (const auto& line : lines) {
    const auto left = std::max<std::int64_t>(0, find_line(order, line.line_id)->unfulfilled_quantity());
    if (line.quantity > left) {
      too_many.push_back(
          {line.pointer + "/quantity", "too_many_units", "is more than the " + std::to_string(left) + " left"});
    }
  }
  if (too_many.empty()) return {};
  return Error{Errc::conflict, "too_many_units", "Not so many units are left to be fulfilled.", std::move(too_many)};
}

/// Of what was packed some may have been paid back since: that is not sent any more.
Result<void> check_shipment(Order& order, const Fulfillment& fulfillment) {
  for (const auto& [line_id, quantity] : fulfillment.lines) {
    if (quantity > find_line(order, line_id)->reserved_quantity()) {
      return Error{Errc::conflict, "too_many_units",
                   "Some of these units are not to be shipped any more; pack it anew."};
    }
  }
  return {};
}

/// However its seller divides it, an order is read and written whole.
Result<void> check_number(const Order& order) {
  const auto& all = order.fulfillments;
  const auto live = std::count_if(all.begin(), all.end(), [](const Fulfillment& fulfillment) {
    return fulfillment.state != FulfillmentState::canceled;
  });
  if (std::cmp_less(live, kFulfillmentsMax) && all.size() < kFulfillmentsEverMax) return {};
  return Error{Errc::conflict, "too_many_fulfillments", "The order has as many fulfilments as one may have."};
}

/// Moves the units of a fulfilment on, in the lines of its order.
void move_units(Order& order, const Fulfillment& fulfillment, FulfillmentState to) {
  for (const auto& [line_id, quantity] : fulfillment.lines) {
    auto& line = *find_line(order, line_id);
    if (to == FulfillmentState::shipped) line.shipped_quantity += quantity;
    if (to == FulfillmentState::delivered) line.delivered_quantity += quantity;
    if (to == FulfillmentState::canceled) line.fulfilled_quantity -= quantity;
  }
}

FulfillmentChange move(Order& order, Fulfillment& fulfillment, FulfillmentState to, Timestamp now) {
  fulfillment.state = to;
  if (to == FulfillmentState::delivered) fulfillment.delivered_at = now;
  move_units(order, fulfillment, to);
  order.note_progress(now);
  switch (to) {
    case FulfillmentState::shipped:
      fulfillment.shipped_at = now;
      return FulfillmentChange::shipped;
    case FulfillmentState::delivered:
      return FulfillmentChange::delivered;
    case FulfillmentState::canceled:
      fulfillment.cancel(now);
      return FulfillmentChange::canceled;
    case FulfillmentState::packed:
      break;  // nothing leads back there
  }
  return FulfillmentChange::nothing;
}

Result<std::optional<Tracking>> edited(const std::optional<Tracking>& before, const Edit<TrackingEdit>& edit) {
  if (!edit.given) return before;
  if (!edit.value) return std::optional<Tracking>{};
  AGORA_TRY(auto tracking, edited(before, *edit.value, "/tracking"));
  return std::optional(std::move(tracking));
}

}  // namespace

Result<Fulfillment*> pack(Order& order, FulfillmentId fulfillment_id, const std::vector<LineToPack>& lines,
                          std::optional<Tracking> tracking, Timestamp now) {
  AGORA_TRY_VOID(check_lines(order, lines));
  if (order.status != OrderStatus::confirmed) {
    return Error{Errc::conflict, "not_fulfillable", "Only an order that is paid and has not ended is fulfilled."};
  }
  AGORA_TRY_VOID(check_units(order, lines));
  AGORA_TRY_VOID(check_number(order));
  Fulfillment made{.fulfillment_id = std::move(fulfillment_id),
                   .tracking = std::move(tracking),
                   .created_at = now,
                   .updated_at = now};
  for (const auto& line : lines) {
    find_line(order, line.line_id)->fulfilled_quantity += line.quantity;
    made.lines.push_back({line.line_id, line.quantity});
  }
  order.note_progress(now);
  order.updated_at = now;
  ++order.version;
  order.fulfillments.push_back(std::move(made));
  return &order.fulfillments.back();
}

Result<FulfillmentChange> change(Order& order, Fulfillment& fulfillment, const FulfillmentEdit& edit, Timestamp now) {
  AGORA_TRY(auto tracking, edited(fulfillment.tracking, edit.tracking));
  const bool moves = edit.state && *edit.state != fulfillment.state;
  const bool tracks = tracking != fulfillment.tracking;
  if (!moves && !tracks) return FulfillmentChange::nothing;
  const bool closed = fulfillment.state == FulfillmentState::delivered ||
                      fulfillment.state == FulfillmentState::canceled || order.status == OrderStatus::completed ||
                      order.status == OrderStatus::canceled;
  if (closed || (moves && !is_legal(fulfillment.state, *edit.state))) {
    return Error{Errc::conflict, "illegal_transition", "The fulfilment is past that, or not that far yet."};
  }
  if (moves && *edit.state == FulfillmentState::shipped) AGORA_TRY_VOID(check_shipment(order, fulfillment));
  fulfillment.tracking = std::move(tracking);
  fulfillment.updated_at = now;
  order.updated_at = now;
  ++order.version;
  return moves ? move(order, fulfillment, *edit.state, now) : FulfillmentChange::tracking;
}

bool is_taken_as_delivered(const Fulfillment& fulfillment, Timestamp shipped_before) {
  return fulfillment.state == FulfillmentState::shipped && *fulfillment.shipped_at <= shipped_before;
}

}  // namespace agora::order
