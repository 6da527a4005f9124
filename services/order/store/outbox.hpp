#pragma once
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/sql/tx.hpp"
#include "services/order/core/order.hpp"
#include "services/order/core/stock.hpp"

namespace agora::order {

/// Events of one transaction, collected and written with the state they tell of. Contents follow contracts/events; ids,
/// never personal data.
class Outbox {
 public:
  Outbox(Timestamp now, const TraceContext& trace);

  void order_group_placed(const OrderGroup& group, const std::vector<const Order*>& orders, const TraceContext& trace);
  void order_placed(const Order& order, const TraceContext& trace);
  void order_canceled(const Order& order, const TraceContext& trace);
  void order_group_canceled(const OrderGroup& group, CancelReason reason, const TraceContext& trace);
  /// The state of an offer's stock; one per offer and span, however many commands changed it.
  void stock_changed(const OfferId& offer_id, const StockLevel& level);

  /// Inserts what was collected.
  void write(sql::Tx& tx) const;

 private:
  struct Event {
    std::string event_id;
    const char* topic;
    const char* type;
    std::string subject;
    std::int64_t version;
    std::string traceparent;
    std::string data;
  };
  Event& add(const char* topic, const char* type, const std::string& subject, std::int64_t version,
             const TraceContext& trace);

  Timestamp now_;
  TraceContext trace_;
  std::vector<Event> events_;
};

}  // namespace agora::order
