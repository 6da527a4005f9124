#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/id.hpp"

namespace agora::order {

using OrderId = Id<struct OrderTag>;
using OrderGroupId = Id<struct OrderGroupTag>;
using LineId = Id<struct LineTag>;
using FulfillmentId = Id<struct FulfillmentTag>;
using OfferId = Id<struct OfferTag>;
using ProductId = Id<struct ProductTag>;
using VariantId = Id<struct VariantTag>;
using SellerId = Id<struct SellerTag>;
using UserId = Id<struct UserTag>;
using PaymentId = Id<struct PaymentTag>;

/// Where an order stands. Enums of this page grow; their names are part of the contract.
enum class OrderStatus { pending, confirmed, completed, canceled };
enum class PaymentStatus {
  not_paid,
  awaiting,
  authorized,
  captured,
  partially_refunded,
  refunded,
  canceled,
  requires_action,
};
enum class FulfillmentStatus {
  not_fulfilled,
  partially_fulfilled,
  fulfilled,
  partially_shipped,
  shipped,
  partially_delivered,
  delivered,
  canceled,
};
/// Who or what ended an order.
enum class CancelReason { expired, buyer, seller, support, out_of_stock, fraud, not_shipped };

/// snake_case names, as written in documents, events and the database.
std::string_view to_string(OrderStatus status);
std::string_view to_string(PaymentStatus status);
std::string_view to_string(FulfillmentStatus status);
std::string_view to_string(CancelReason reason);

/// The value of a name; none when there is no such one.
template <class Enum>
std::optional<Enum> parse_enum(std::string_view name);
template <>
std::optional<OrderStatus> parse_enum(std::string_view name);
template <>
std::optional<PaymentStatus> parse_enum(std::string_view name);
template <>
std::optional<FulfillmentStatus> parse_enum(std::string_view name);
template <>
std::optional<CancelReason> parse_enum(std::string_view name);

/// Whether the domain's table allows a change of status. No status leads to itself.
bool is_legal(OrderStatus from, OrderStatus to);

/// The same of what was paid. An attempt that failed leaves an order as it was before; what was captured is only given
/// back.
bool is_legal(PaymentStatus from, PaymentStatus to);

/// What a line or an order costs, in minor units of one currency: total = subtotal − discount + shipping + tax
/// (tax is 0 where prices include it).
struct Amounts {
  std::int64_t subtotal = 0;
  std::int64_t discount_total = 0;
  std::int64_t shipping_total = 0;
  std::int64_t tax_total = 0;
  std::int64_t total = 0;

  friend bool operator==(const Amounts&, const Amounts&) = default;
};

/// Sum of two; none on overflow.
std::optional<Amounts> checked_add(const Amounts& a, const Amounts& b);

}  // namespace agora::order
