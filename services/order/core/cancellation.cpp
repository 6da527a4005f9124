#include "services/order/core/cancellation.hpp"

#include <algorithm>
#include <numeric>

namespace agora::order {
namespace {

Error not_cancelable(std::vector<FieldError> lines = {}) {
  return {Errc::conflict, "not_cancelable", "The order is too far along to be canceled.", std::move(lines)};
}

Result<CancelReason> reason_of(const CancelRequest& request) {
  const auto fits = [](CancelRole role, CancelReason reason) {
    switch (role) {
      case CancelRole::buyer:
        return reason == CancelReason::buyer;
      case CancelRole::seller:
        return reason == CancelReason::seller || reason == CancelReason::out_of_stock;
      case CancelRole::support:
        return reason != CancelReason::expired && reason != CancelReason::not_shipped;
    }
    return false;
  };
  if (!request.reason) {
    return request.role == CancelRole::buyer    ? CancelReason::buyer
           : request.role == CancelRole::seller ? CancelReason::seller
                                                : CancelReason::support;
  }
  if (fits(request.role, *request.reason)) return *request.reason;
  return Error{Errc::invalid_argument,
               "validation_failed",
               "The reason is not the caller's to give.",
               {{"/reason", "invalid_value", "is not a reason that the caller may give"}}};
}

/// How many units of a line may still be canceled.
std::int64_t cancelable(const OrderLine& line, CancelRole role) {
  if (role != CancelRole::buyer) return line.reserved_quantity();
  const auto held = line.fulfilled_quantity - line.shipped_quantity;
  return std::max<std::int64_t>(0, line.reserved_quantity() - held);
}

std::string pointer_of(std::size_t item, const char* member) {
  return "/items/" + std::to_string(item) + member;
}

/// The units of each line that were asked for.
Result<std::vector<std::int64_t>> units_asked_for(const Order& order, const std::vector<LineUnits>& lines,
                                                  CancelRole role) {
  std::vector<std::int64_t> units(order.lines.size());
  std::vector<FieldError> wrong;
  std::vector<FieldError> too_many;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = std::find_if(order.lines.begin(), order.lines.end(),
                                    [&](const OrderLine& line) { return line.line_id == lines[i].line_id; });
    if (found == order.lines.end()) {
      wrong.push_back({pointer_of(i, "/line_id"), "unknown_line", "is not a line of the order"});
      continue;
    }
    auto& of_line = units[static_cast<std::size_t>(found - order.lines.begin())];
    if (of_line > 0) {
      wrong.push_back({pointer_of(i, "/line_id"), "duplicate_line", "is the line of an earlier item"});
    } else if (lines[i].quantity > cancelable(*found, role)) {
      too_many.push_back({pointer_of(i, "/quantity"), "not_cancelable", "is more than can still be canceled"});
    }
    of_line += lines[i].quantity;
  }
  if (!wrong.empty()) {
    return Error{Errc::invalid_argument, "validation_failed", "The lines are not those of the order.",
                 std::move(wrong)};
  }
  if (!too_many.empty()) return not_cancelable(std::move(too_many));
  return units;
}

/// Of each line, what is still to be shipped.
std::vector<std::int64_t> reserved_units(const Order& order) {
  std::vector<std::int64_t> units;
  for (const auto& line : order.lines) units.push_back(line.reserved_quantity());
  return units;
}

std::int64_t sum(const std::vector<std::int64_t>& units) {
  return std::accumulate(units.begin(), units.end(), std::int64_t{0});
}

/// The units of each line where the order is canceled as a whole.
Result<std::vector<std::int64_t>> units_of_all(const Order& order, CancelRole role) {
  const bool is_packed = order.fulfillment_status != FulfillmentStatus::not_fulfilled;
  if (role == CancelRole::buyer && is_packed) return not_cancelable();
  if (role == CancelRole::seller && order.has_shipped()) return not_cancelable();
  auto units = reserved_units(order);
  if (sum(units) == 0) return not_cancelable();
  return units;
}

/// Takes them off their lines, all of them still to be shipped.
Canceled cancel_units(Order& order, std::vector<std::int64_t> units, CancelReason reason, Timestamp now) {
  const auto canceled_before = order.canceled_total();
  for (std::size_t i = 0; i < units.size(); ++i) order.lines[i].canceled_quantity += units[i];
  Canceled canceled{.reason = reason, .units = std::move(units), .amount = order.canceled_total() - canceled_before};
  canceled.to_refund = std::min(canceled.amount, order.captured_total - order.refunded_total);
  if (order.has_nothing_left()) {
    order.end(reason, now);
  } else {
    order.note_progress(now);
    order.touch(now);
  }
  return canceled;
}

}  // namespace

Result<Canceled> cancel(Order& order, const CancelRequest& request, Timestamp now) {
  AGORA_TRY(const auto reason, reason_of(request));
  if (order.status == OrderStatus::canceled) {
    return Error{Errc::conflict, "already_canceled", "The order is canceled already."};
  }
  if (!is_legal(order.status, OrderStatus::canceled)) return not_cancelable();
  AGORA_TRY(auto units,
            request.lines ? units_asked_for(order, *request.lines, request.role) : units_of_all(order, request.role));
  return cancel_units(order, std::move(units), reason, now);
}

Result<Canceled> cancel_unshipped(Order& order, Timestamp now) {
  auto units = reserved_units(order);
  if (order.status != OrderStatus::confirmed || sum(units) == 0) return not_cancelable();
  order.cancel_packed(now);
  return cancel_units(order, std::move(units), CancelReason::not_shipped, now);
}

}  // namespace agora::order
