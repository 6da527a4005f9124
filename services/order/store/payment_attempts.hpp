#pragma once
#include "libs/base/ctx.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/core/payment_progress.hpp"

namespace agora::order {

/// What becomes of what a payment tells before it takes money: orders that wait for it, and their group, say how far it
/// has come (`order.updated` each, `order_group.updated`). Of a group that waits for none, or is not there, nothing.
void apply_progress(sql::Tx& tx, const PaymentProgress& progress, Timestamp now, const TraceContext& trace);

/// Forgets what is held for at most `limit` groups that wait for no payment any more: attempts and extensions of their
/// time to pay. How many rows went.
std::int64_t delete_settled_payments(sql::Tx& tx, std::int64_t limit);

}  // namespace agora::order
