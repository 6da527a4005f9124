// What time alone makes of paid orders: what was not shipped is canceled, what was is delivered and completed when
// nobody says otherwise.

#include "libs/sql/faults.hpp"
#include "services/order/store/closing.hpp"
#include "services/order/store/fulfilling.hpp"
#include "services/order/store/fulfillment_store.hpp"

namespace agora::order {
namespace {

bool was_to_be_shipped(const Order& order, Timestamp before) {
  return order.status == OrderStatus::confirmed && order.ship_by && *order.ship_by <= before;
}

int cancel_unshipped(sql::Tx& tx, const Advance& command) {
  Closing closing(tx, {command.group_id}, SkipLocked::yes);
  auto* locked = closing.group(command.group_id);
  if (locked == nullptr) return 0;
  int canceled = 0;
  for (auto& order : locked->orders) {
    if (!was_to_be_shipped(order, command.before)) continue;
    if (closing.cancel_unshipped(order, command.now, command.trace)) ++canceled;
  }
  closing.write(command.now, command.trace);
  return canceled;
}

int deliver(Fulfilling& fulfilling, Timestamp before) {
  int delivered = 0;
  for (auto& order : fulfilling.orders()) {
    for (auto& fulfillment : order.fulfillments) {
      if (!is_taken_as_delivered(fulfillment, before)) continue;
      if (fulfilling.change(order, fulfillment, {.state = FulfillmentState::delivered})) ++delivered;
    }
  }
  return delivered;
}

int complete(Fulfilling& fulfilling, Timestamp before) {
  int completed = 0;
  for (auto& order : fulfilling.orders()) {
    if (!order.delivered_at || *order.delivered_at > before) continue;
    if (fulfilling.complete(order)) ++completed;
  }
  return completed;
}

}  // namespace

int handle_advance(sql::Tx& tx, const Advance& command) {
  int advanced = 0;
  if (command.due == Due::cancellation) {
    advanced = cancel_unshipped(tx, command);
  } else {
    Fulfilling fulfilling(tx, command.group_id, SkipLocked::yes, command.now, command.trace);
    advanced =
        command.due == Due::delivery ? deliver(fulfilling, command.before) : complete(fulfilling, command.before);
    fulfilling.write();
  }
  AGORA_CRASH_POINT("order.advance.written");
  return advanced;
}

}  // namespace agora::order
