#pragma once
#include <optional>
#include <vector>

#include "services/order/core/order.hpp"

namespace agora::order {

/// On whose behalf something is canceled: a buyer until a fulfilment holds it, a seller and support until it is
/// shipped.
enum class CancelRole { buyer, seller, support };

/// So many units of one line.
struct LineUnits {
  LineId line_id{};
  std::int64_t quantity = 0;
};

struct CancelRequest {
  CancelRole role = CancelRole::buyer;
  std::optional<CancelReason> reason{};           ///< none: that of the role
  std::optional<std::vector<LineUnits>> lines{};  ///< none: all that is not shipped
};

/// What a cancellation took off an order.
struct Canceled {
  CancelReason reason = CancelReason::buyer;
  std::vector<std::int64_t> units{};  ///< of each line, in order
  std::int64_t amount = 0;            ///< minor units: what they cost
  std::int64_t to_refund = 0;         ///< of it, what was paid and is to be given back
};

/// Cancels units of an order. Where nothing is left to ship and nothing was shipped, the order ends.
///
/// "No", and nothing is changed: conflict `already_canceled`, `not_cancelable` (too far along, with the lines at fault;
/// of a whole order also where a part of it is); invalid_argument `validation_failed` (`unknown_line`,
/// `duplicate_line`; `invalid_value`: not a reason that the role may give).
Result<Canceled> cancel(Order& order, const CancelRequest& request, Timestamp now);

/// Cancels all that was to be shipped by now and was not, with the fulfilments in which it is packed: `not_shipped`.
/// What was shipped goes on; of an order of which nothing was, that is its end.
///
/// "No", and nothing is changed: conflict `not_cancelable` (it is not paid, has ended, or nothing of it is to be
/// shipped any more).
Result<Canceled> cancel_unshipped(Order& order, Timestamp now);

}  // namespace agora::order
