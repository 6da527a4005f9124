#pragma once
#include "libs/base/clock.hpp"
#include "libs/telemetry/job_loop.hpp"
#include "services/order/config.hpp"
#include "services/order/store/cart_store.hpp"
#include "services/order/store/fulfillment_store.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// Ends groups whose time to pay is over. One round takes up to `config.expiry_batch_max` of them, each a command of
/// the expiring span.
telemetry::Job expiry_job(OrderStore& orders, const Clock& clock, const Config& config);

/// Ends orders that were not shipped in time, and takes what is on its way as delivered, and what was delivered as
/// completed, after the spans of `config`. One round takes up to `config.progress_batch_max` groups of each at once.
telemetry::Job progress_job(FulfillmentStore& fulfillments, const Clock& clock, const Config& config);

/// Forgets idempotency keys older than `config.idempotency_retention`, and what was kept of payments for groups that
/// wait for none any more.
telemetry::Job key_cleaning_job(OrderStore& orders, const Clock& clock, const Config& config);

/// Deletes carts that nobody has touched for `config.cart_retention`, also those that were checked out.
telemetry::Job cart_cleaning_job(CartStore& carts, const Clock& clock, const Config& config);

}  // namespace agora::order
