#pragma once
#include "libs/base/ctx.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/core/order.hpp"

namespace agora::order {

/// What becomes of a payment.captured: the group's pending orders are confirmed (`order.paid` each,
/// `order_group.paid`), or the capture is refused (`order_group.capture_refused`), on which payment gives the money
/// back. A capture that paid the group or was refused before is nothing new: no change, no event. A group is placed
/// before it can be paid, so one that is not there was lost with a database, and its buyer gets the money back.
void apply_capture(sql::Tx& tx, const Capture& capture, Timestamp now, const TraceContext& trace);

}  // namespace agora::order
