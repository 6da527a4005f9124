#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "libs/base/result.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// A buyer's attempt to pay a group, before any gateway hears of it.
struct PaymentAttempt {
  OrderGroupId group_id{};
  UserId user_id{};
  PaymentId payment_id{};  ///< payment's own id of the attempt
  Timestamp now{};
  std::chrono::milliseconds hold_min{};  ///< the time an attempt is given, once for a group
};

/// What order holds for a group beside what stands in it.
struct PaymentHold {
  bool extended = false;     ///< its time to pay was extended before
  bool has_address = false;  ///< it is known where what is shipped goes
};

/// What a payment has to keep to.
struct PaymentTerms {
  /// What of it one order is paid with.
  struct Part {
    OrderId order_id{};
    SellerId seller_id{};
    std::int64_t amount = 0;  ///< minor units
  };

  OrderGroupId group_id{};
  std::string number{};
  Currency currency;
  std::int64_t amount = 0;  ///< minor units; a capture of anything else is refused
  Timestamp pay_by{};       ///< so is one that comes later
  bool extends_hold = false;
  std::vector<Part> parts{};
};

/// Decides whether a group may be paid now, by an attempt of this buyer's.
///
/// "No": not_found `not_found` (not this buyer's), conflict `order_group_ended` (expired, canceled or out of time),
/// `already_paid`; failed_precondition `address_required`.
Result<PaymentTerms> begin_payment(const PaymentAttempt& attempt, const OrderGroup& group,
                                   const std::vector<const Order*>& orders, const PaymentHold& hold);

}  // namespace agora::order
