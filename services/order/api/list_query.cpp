#include "services/order/api/list_query.hpp"

namespace agora::order {

std::optional<Timestamp> take_created_after(http::QueryParameters& parameters, std::string& bound_to) {
  const auto text = parameters.take("created_after");
  bound_to += '\n' + text.value_or("");
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (time) return std::chrono::floor<std::chrono::milliseconds>(*time) + std::chrono::microseconds(999);
  parameters.complain("created_after", "invalid_time", "must be a time by RFC 3339");
  return std::nullopt;
}

Result<std::optional<OrderPosition>> read_position(const std::optional<std::string>& cursor,
                                                   const std::string& bound_to) {
  if (!cursor) return std::optional<OrderPosition>{};
  AGORA_TRY(auto fields, http::Cursor::decode(*cursor, bound_to, 2));
  AGORA_TRY(const auto time, fields.time(0));
  AGORA_TRY(auto id, fields.id<OrderId>(1));
  return std::optional<OrderPosition>({time, std::move(id)});
}

std::string cursor_after(const Order& last, const std::string& bound_to) {
  return http::Cursor{{std::to_string(last.placed_at.time_since_epoch().count()), last.order_id.str()}}.encode(
      bound_to);
}

}  // namespace agora::order
