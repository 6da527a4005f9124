#pragma once
#include <vector>

#include "libs/events/outbox.hpp"
#include "services/order/core/cancellation.hpp"
#include "services/order/core/fulfilling.hpp"
#include "services/order/core/order.hpp"
#include "services/order/core/refund.hpp"
#include "services/order/core/stock.hpp"

namespace agora::order {

/// What order tells, in the terms of its rows. Contents follow contracts/events; ids, never personal data.
class Outbox {
 public:
  Outbox(Timestamp now, const TraceContext& trace);

  void order_group_placed(const OrderGroup& group, const std::vector<const Order*>& orders, const TraceContext& trace);
  /// What changed in an order that nothing else of it tells: how far its payment has come.
  void order_updated(const Order& order, const TraceContext& trace);
  /// `units`: of each line, in order.
  void order_refunded(const Order& order, const Refund& refund, const std::vector<RefundedUnits>& units,
                      const TraceContext& trace);
  void order_placed(const Order& order, const TraceContext& trace);
  /// The order ended, by a cancellation or as all of it was paid back.
  void order_canceled(const Order& order, const Canceled& canceled, const TraceContext& trace);
  /// Units of it were canceled, and it goes on.
  void order_lines_canceled(const Order& order, const Canceled& canceled, const TraceContext& trace);
  void order_group_canceled(const OrderGroup& group, CancelReason reason, const TraceContext& trace);
  /// What changed in a group that nothing else of it tells: an order of several has ended.
  void order_group_updated(const OrderGroup& group, const TraceContext& trace);
  void order_paid(const Order& order, const PaymentId& payment_id, const TraceContext& trace);
  /// With the orders that were paid.
  void order_group_paid(const OrderGroup& group, const std::vector<const Order*>& orders, const PaymentId& payment_id,
                        const TraceContext& trace);
  /// Of a group that is unknown only its id and version are told.
  void order_group_capture_refused(const OrderGroup& group, const Capture& capture, CaptureRefusal reason,
                                   const TraceContext& trace);
  /// Units of an order were packed, or what holds them went on or changed; each tells of the order's version.
  void fulfillment_created(const Order& order, const Fulfillment& fulfillment, const TraceContext& trace);
  void fulfillment_changed(const Order& order, const Fulfillment& fulfillment, FulfillmentChange change,
                           const TraceContext& trace);
  void order_completed(const Order& order, const TraceContext& trace);
  /// The state of an offer's stock; one per offer and span, however many commands changed it.
  void stock_changed(const OfferId& offer_id, const StockLevel& level);

  /// Inserts what was collected.
  void write(sql::Tx& tx) const { events_.write(tx); }

 private:
  events::Outbox events_;
  TraceContext trace_;
};

}  // namespace agora::order
