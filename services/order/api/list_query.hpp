#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/http/pages.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// What lists of orders have in common: the parameters they take, and their cursors.

/// A filter's parameter: values of an enum, separated by commas. Complains of each that is none.
template <class Enum>
std::vector<Enum> take_list(http::QueryParameters& parameters, std::string_view name, std::string& bound_to) {
  std::vector<Enum> values;
  const auto list = parameters.take(name);
  bound_to += '\n' + list.value_or("");
  if (!list) return values;
  for (const auto& text : http::split_list(*list)) {
    const auto value = parse_enum<Enum>(text);
    if (value) {
      values.push_back(*value);
    } else {
      parameters.complain(name, "invalid_value", "must be of the names that " + std::string(name) + " has");
    }
  }
  return values;
}

/// `created_after`. Answers show times in milliseconds: what was placed within the one named is not after it.
std::optional<Timestamp> take_created_after(http::QueryParameters& parameters, std::string& bound_to);

/// Where a page goes on. A cursor's fields: microseconds, order id.
Result<std::optional<OrderPosition>> read_position(const std::optional<std::string>& cursor,
                                                   const std::string& bound_to);
std::string cursor_after(const Order& last, const std::string& bound_to);

}  // namespace agora::order
