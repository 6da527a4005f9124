#include "services/order/store/closing.hpp"

#include <algorithm>

#include "services/order/store/fulfillment_rows.hpp"

namespace agora::order {
namespace {

/// What was packed of orders that ended.
std::vector<const Fulfillment*> canceled_with(const std::vector<const Order*>& orders) {
  std::vector<const Fulfillment*> canceled;
  for (const auto* order : orders) {
    for (const auto& fulfillment : order->fulfillments) canceled.push_back(&fulfillment);
  }
  return canceled;
}

}  // namespace

Closing::Closing(sql::Tx& tx, const std::vector<OrderGroupId>& group_ids, SkipLocked skip_locked)
    : tx_(tx), groups_(lock_groups(tx, group_ids, skip_locked)) {
  std::set<OfferId> offer_ids;
  for (auto& [group, orders] : groups_) {
    for (auto& order : orders) {
      orders_.emplace(order.order_id, &order);
      for (const auto& line : order.lines) offer_ids.insert(line.offer_id);
    }
  }
  stock_ = lock_stock(tx, {offer_ids.begin(), offer_ids.end()});
}

Order* Closing::order(const OrderId& order_id) {
  const auto found = orders_.find(order_id);
  return found == orders_.end() ? nullptr : found->second;
}

LockedGroup* Closing::group(const OrderGroupId& group_id) {
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const LockedGroup& locked) { return locked.group.group_id == group_id; });
  return found == groups_.end() ? nullptr : &*found;
}

Result<void> Closing::cancel(Order& order, CancelReason reason, Timestamp now, const TraceContext& trace) {
  const auto lines_before = order.lines;
  AGORA_TRY_VOID(order.cancel(reason, now));
  for (const auto& line : lines_before) stock_.release(line.offer_id, line.reserved_quantity());
  canceled_.push_back({&order, trace});
  return {};
}

void Closing::write(Timestamp now, const TraceContext& trace) {
  Outbox outbox(now, trace);
  std::vector<const Order*> orders;
  std::unordered_map<OrderGroupId, const Canceled*> last_of_group;
  for (const auto& canceled : canceled_) {
    orders.push_back(canceled.order);
    outbox.order_canceled(*canceled.order, canceled.trace);
    last_of_group[canceled.order->group_id] = &canceled;
  }
  std::vector<const OrderGroup*> groups;
  for (auto& [group, its_orders] : groups_) {
    const auto last = last_of_group.find(group.group_id);
    if (last == last_of_group.end()) continue;
    const auto& [order, its_trace] = *last->second;
    if (!group.roll_up(view(its_orders), order->updated_at)) continue;
    groups.push_back(&group);
    if (group.status == OrderStatus::canceled) {
      outbox.order_group_canceled(group, order->cancel_reason.value(), its_trace);
    } else {
      outbox.order_group_updated(group, its_trace);
    }
  }
  update_groups(tx_, groups);
  update_orders(tx_, orders);
  update_fulfillments(tx_, canceled_with(orders));
  save_stock(tx_, stock_, outbox);
  outbox.write(tx_);
}

}  // namespace agora::order
