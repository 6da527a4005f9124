#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "services/order/api/order_form.hpp"
#include "services/order/core/cancellation.hpp"

namespace agora::order {

/// So many units of a line of an order.
struct LineUnitsForm {
  LineId line_id{};
  Quantity quantity{};
};
BOOST_DESCRIBE_STRUCT(LineUnitsForm, (), (line_id, quantity))

/// The body of POST /orders/{order_id}/cancellation: nothing, or what is to be canceled and why.
struct CancelForm {
  std::optional<std::vector<LineUnitsForm>> items{};
  std::optional<std::string> reason{};

  /// There are 1 to kLinesMax items, and the reason is one that somebody may give.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(CancelForm, (), (items, reason))

std::optional<CancelReason> reason_of(const CancelForm& form);
std::optional<std::vector<LineUnits>> lines_of(const CancelForm& form);

}  // namespace agora::order
