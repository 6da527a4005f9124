#include "services/notification/core/types.hpp"

#include <array>

namespace agora::notification {
namespace {

constexpr std::array<std::string_view, 13> kKind{"welcome",
                                                 "order_placed",
                                                 "order_paid",
                                                 "order_expired",
                                                 "order_canceled",
                                                 "order_lines_canceled",
                                                 "order_refunded",
                                                 "order_shipped",
                                                 "order_delivered",
                                                 "capture_refused",
                                                 "sale_paid",
                                                 "sale_canceled",
                                                 "sale_lines_canceled"};
constexpr std::array<std::string_view, 2> kChannel{"in_app", "mail"};
constexpr std::array<std::string_view, 4> kDeliveryStatus{"pending", "sent", "suppressed", "dead"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

bool tells_address(Kind kind) {
  return kind == Kind::order_placed || kind == Kind::order_paid || kind == Kind::order_shipped;
}
bool is_to_buyer(Kind kind) {
  return tells_address(kind) || kind == Kind::order_expired || kind == Kind::order_canceled ||
         kind == Kind::order_lines_canceled || kind == Kind::order_refunded || kind == Kind::order_delivered ||
         kind == Kind::capture_refused;
}

std::string_view to_string(Kind kind) {
  return kKind.at(static_cast<std::size_t>(kind));
}
std::string_view to_string(Channel channel) {
  return kChannel.at(static_cast<std::size_t>(channel));
}
std::string_view to_string(DeliveryStatus status) {
  return kDeliveryStatus.at(static_cast<std::size_t>(status));
}

template <>
std::optional<Kind> parse_enum(std::string_view name) {
  return find<Kind>(kKind, name);
}
template <>
std::optional<DeliveryStatus> parse_enum(std::string_view name) {
  return find<DeliveryStatus>(kDeliveryStatus, name);
}

}  // namespace agora::notification
