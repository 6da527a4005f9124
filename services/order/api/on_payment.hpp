#pragma once
#include <optional>
#include <variant>

#include "libs/base/result.hpp"
#include "libs/events/event.hpp"
#include "services/order/core/order.hpp"
#include "services/order/core/payment_progress.hpp"
#include "services/order/core/refund.hpp"

namespace agora::order {

/// What payment tells, as order takes it.
using FromPayment = std::variant<Capture, PaymentProgress, Refund>;

/// Of an event of payment; none: it is nothing to order (a refund that is under way or came to nothing, or of no
/// order). "No": validation_failed when the data is not what the type says.
Result<std::optional<FromPayment>> read_from_payment(const events::Event& event);

/// The group that it is about.
const OrderGroupId& group_of(const FromPayment& told);

}  // namespace agora::order
