#pragma once
#include <vector>

#include "services/order/core/cancellation.hpp"

namespace agora::order {

using RefundId = Id<struct RefundTag>;

/// Money of an order's payment that was given back, and for which of its units.
struct Refund {
  RefundId refund_id{};
  PaymentId payment_id{};
  OrderGroupId group_id{};
  OrderId order_id{};
  std::int64_t amount = 0;  ///< minor units
  Currency currency;
  std::vector<LineUnits> lines{};              ///< none: the money alone, as of units that were canceled before
  bool restock = false;                        ///< whether its units can be sold again
  CancelReason reason = CancelReason::seller;  ///< of the order, where it ends by this
  bool settles_cancellation = false;           ///< the money of units that were canceled before
};

/// What a refund did to the units of a line.
struct RefundedUnits {
  std::int64_t unshipped = 0;  ///< they were reserved, and are no more
  std::int64_t shipped = 0;
  std::int64_t unnamed = 0;  ///< unshipped, too: nobody pays for them any more, and they stay where they are
};

/// Takes a refund over. Of a line, units that were shipped come first: those that the buyer is still to get are given
/// up only where it names more than were shipped. More units than there are count as those that there are; units that
/// were canceled are none. With the last of what was captured all that is not shipped is given up as well: what nobody
/// pays for nobody sends. What was free is sent as before where something was shipped, or where the money is that of
/// units that were canceled. Where nothing was shipped and no unit is left, the order ends.
///
/// One of no money is of its units alone. Gives the units of each line, in order. "No", and nothing is changed:
/// failed_precondition `missing_dependency` (the order waits for its payment), `refund_exceeds_capture`,
/// `currency_changed`.
Result<std::vector<RefundedUnits>> refund(Order& order, const Refund& refund, Timestamp now);

}  // namespace agora::order
