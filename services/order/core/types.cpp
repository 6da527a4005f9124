#include "services/order/core/types.hpp"

#include <array>

#include "libs/base/money.hpp"

namespace agora::order {
namespace {

constexpr std::array<std::string_view, 4> kOrderStatus{"pending", "confirmed", "completed", "canceled"};
constexpr std::array<std::string_view, 8> kPaymentStatus{
    "not_paid", "awaiting", "authorized", "captured", "partially_refunded", "refunded", "canceled", "requires_action"};
constexpr std::array<std::string_view, 8> kFulfillmentStatus{
    "not_fulfilled", "partially_fulfilled", "fulfilled", "partially_shipped",
    "shipped",       "partially_delivered", "delivered", "canceled"};
constexpr std::array<std::string_view, 7> kCancelReason{"expired",      "buyer", "seller",     "support",
                                                        "out_of_stock", "fraud", "not_shipped"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(OrderStatus status) {
  return kOrderStatus.at(static_cast<std::size_t>(status));
}
std::string_view to_string(PaymentStatus status) {
  return kPaymentStatus.at(static_cast<std::size_t>(status));
}
std::string_view to_string(FulfillmentStatus status) {
  return kFulfillmentStatus.at(static_cast<std::size_t>(status));
}
std::string_view to_string(CancelReason reason) {
  return kCancelReason.at(static_cast<std::size_t>(reason));
}

template <>
std::optional<OrderStatus> parse_enum(std::string_view name) {
  return find<OrderStatus>(kOrderStatus, name);
}
template <>
std::optional<PaymentStatus> parse_enum(std::string_view name) {
  return find<PaymentStatus>(kPaymentStatus, name);
}
template <>
std::optional<FulfillmentStatus> parse_enum(std::string_view name) {
  return find<FulfillmentStatus>(kFulfillmentStatus, name);
}
template <>
std::optional<CancelReason> parse_enum(std::string_view name) {
  return find<CancelReason>(kCancelReason, name);
}

bool is_legal(OrderStatus from, OrderStatus to) {
  switch (from) {
    case OrderStatus::pending:
      return to == OrderStatus::confirmed || to == OrderStatus::canceled;
    case OrderStatus::confirmed:
      return to == OrderStatus::completed || to == OrderStatus::canceled;
    case OrderStatus::completed:
    case OrderStatus::canceled:
      return false;
  }
  return false;
}

bool is_legal(PaymentStatus from, PaymentStatus to) {
  using enum PaymentStatus;
  const auto waits = [](PaymentStatus status) {
    return status == not_paid || status == awaiting || status == requires_action || status == authorized;
  };
  if (waits(from)) return from != to && (waits(to) || to == captured || to == canceled);
  if (from == captured) return to == partially_refunded || to == refunded;
  return from == partially_refunded && to == refunded;
}

std::optional<Amounts> checked_add(const Amounts& a, const Amounts& b) {
  const auto subtotal = agora::checked_add(a.subtotal, b.subtotal);
  const auto discount = agora::checked_add(a.discount_total, b.discount_total);
  const auto shipping = agora::checked_add(a.shipping_total, b.shipping_total);
  const auto tax = agora::checked_add(a.tax_total, b.tax_total);
  const auto total = agora::checked_add(a.total, b.total);
  if (!subtotal || !discount || !shipping || !tax || !total) return std::nullopt;
  return Amounts{*subtotal, *discount, *shipping, *tax, *total};
}

}  // namespace agora::order
