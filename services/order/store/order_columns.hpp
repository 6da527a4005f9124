#pragma once

/// The columns of `orders o` in the order read_order() takes them. A macro, so that statements stay literals.
#define AGORA_ORDER_COLUMNS                                                                                       \
  "o.order_id, o.number, o.group_id, o.user_id, o.seller_id, o.currency, o.status, o.payment_status, "            \
  "o.fulfillment_status, o.cancel_reason, o.subtotal, o.discount_total, o.shipping_total, o.tax_total, o.total, " \
  "o.version, o.placed_at, o.updated_at, o.canceled_at, o.pay_by, o.ship_by, "                                    \
  "o.delivered_at, o.completed_at, o.captured_total, o.refunded_total, o.handling_days"
