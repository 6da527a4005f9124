#include "services/order/store/closing.hpp"

#include <algorithm>

#include "services/order/store/fulfillment_rows.hpp"

namespace agora::order {
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
  const auto version_before = order.version;
  Canceled canceled{.reason = reason};
  for (const auto& line : order.lines) canceled.units.push_back(line.reserved_quantity());
  const auto canceled_before = order.canceled_total();
  AGORA_TRY_VOID(order.cancel(reason, now));
  canceled.amount = order.canceled_total() - canceled_before;
  canceled.to_refund = std::min(canceled.amount, order.captured_total - order.refunded_total);
  note(order, version_before, std::move(canceled), trace);
  return {};
}

Result<void> Closing::cancel(Order& order, const CancelRequest& request, Timestamp now, const TraceContext& trace) {
  const auto version_before = order.version;
  AGORA_TRY(auto canceled, order::cancel(order, request, now));
  note(order, version_before, std::move(canceled), trace);
  return {};
}

Result<void> Closing::cancel_unshipped(Order& order, Timestamp now, const TraceContext& trace) {
  const auto version_before = order.version;
  AGORA_TRY(auto canceled, order::cancel_unshipped(order, now));
  note(order, version_before, std::move(canceled), trace);
  return {};
}

void Closing::note(const Order& order, std::int64_t version_before, Canceled canceled, const TraceContext& trace) {
  for (std::size_t i = 0; i < canceled.units.size(); ++i) {
    if (canceled.units[i] > 0) stock_.release(order.lines[i].offer_id, canceled.units[i]);
  }
  const bool is_known =
      std::any_of(changed_.begin(), changed_.end(), [&](const auto& changed) { return changed.order == &order; });
  if (!is_known) changed_.push_back({&order, version_before});
  changes_.push_back({&order, order, std::move(canceled), trace});
}

void Closing::write(Timestamp now, const TraceContext& trace) {
  Outbox outbox(now, trace);
  std::unordered_map<OrderGroupId, const Change*> last_of_group;
  for (const auto& change : changes_) {
    if (change.after.status == OrderStatus::canceled) {
      outbox.order_canceled(change.after, change.canceled, change.trace);
    } else {
      outbox.order_lines_canceled(change.after, change.canceled, change.trace);
    }
    last_of_group[change.after.group_id] = &change;
  }
  std::vector<const OrderGroup*> groups;
  for (auto& [group, its_orders] : groups_) {
    const auto last = last_of_group.find(group.group_id);
    if (last == last_of_group.end()) continue;
    const auto& change = *last->second;
    const bool was_live = group.status != OrderStatus::canceled;
    if (!group.roll_up(view(its_orders), change.after.updated_at)) continue;
    groups.push_back(&group);
    if (was_live && group.status == OrderStatus::canceled) {
      outbox.order_group_canceled(group, change.canceled.reason, change.trace);
    } else {
      outbox.order_group_updated(group, change.trace);
    }
  }
  update_groups(tx_, groups);
  update_orders(tx_, changed_);
  for (const auto& changed : changed_) update_fulfillments(tx_, canceled_of(*changed.order));
  save_stock(tx_, stock_, outbox);
  outbox.write(tx_);
}

}  // namespace agora::order
