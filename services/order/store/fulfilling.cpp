#include "services/order/store/fulfilling.hpp"

#include <algorithm>

#include "services/order/store/fulfillment_rows.hpp"

namespace agora::order {
namespace {

const OrderLine& line_of(const Order& order, const LineId& line_id) {
  return *std::find_if(order.lines.begin(), order.lines.end(),
                       [&](const OrderLine& line) { return line.line_id == line_id; });
}

}  // namespace

Fulfilling::Fulfilling(sql::Tx& tx, const OrderGroupId& group_id, SkipLocked skip_locked, Timestamp now,
                       const TraceContext& trace)
    : tx_(tx), now_(now), trace_(trace), groups_(lock_groups(tx, {group_id}, skip_locked)), outbox_(now, trace) {
  load_fulfillments(tx, orders(), Fulfillments::all);
}

std::span<Order> Fulfilling::orders() {
  if (groups_.empty()) return {};
  return groups_.front().orders;
}

Order* Fulfilling::order(const OrderId& order_id) {
  const auto all = orders();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Order& order) { return order.order_id == order_id; });
  return found == all.end() ? nullptr : &*found;
}

Fulfilling::Found Fulfilling::find(const FulfillmentId& fulfillment_id) {
  for (auto& order : orders()) {
    for (auto& fulfillment : order.fulfillments) {
      if (fulfillment.fulfillment_id == fulfillment_id) return {&order, &fulfillment};
    }
  }
  return {};
}

Result<Fulfillment*> Fulfilling::pack(Order& order, FulfillmentId fulfillment_id, const std::vector<LineToPack>& lines,
                                      std::optional<Tracking> tracking) {
  const auto version_before = order.version;
  AGORA_TRY(auto* made, order::pack(order, std::move(fulfillment_id), lines, std::move(tracking), now_));
  version_before_.emplace(&order, version_before);
  packed_.emplace_back(order.order_id, made->fulfillment_id);
  outbox_.fulfillment_created(order, *made, trace_);
  return made;
}

Result<void> Fulfilling::change(Order& order, Fulfillment& fulfillment, const FulfillmentEdit& edit) {
  const auto version_before = order.version;
  AGORA_TRY(const auto changed, order::change(order, fulfillment, edit, now_));
  if (changed == FulfillmentChange::nothing) return {};
  version_before_.emplace(&order, version_before);
  changed_.insert(fulfillment.fulfillment_id);
  if (changed == FulfillmentChange::shipped) ship(order, fulfillment);
  outbox_.fulfillment_changed(order, fulfillment, changed, trace_);
  return {};
}

void Fulfilling::ship(const Order& order, const Fulfillment& fulfillment) {
  // One is shipped at a time, so this locks stock once, after the group and its orders.
  std::set<OfferId> offer_ids;
  for (const auto& line : fulfillment.lines) offer_ids.insert(line_of(order, line.line_id).offer_id);
  stock_ = lock_stock(tx_, {offer_ids.begin(), offer_ids.end()});
  for (const auto& line : fulfillment.lines) {
    const auto& offer_id = line_of(order, line.line_id).offer_id;
    stock_.ship(offer_id, line.quantity);
    movements_.push_back({offer_id, "shipped", -line.quantity});
  }
}

Result<void> Fulfilling::complete(Order& order) {
  const auto version_before = order.version;
  std::vector<FulfillmentId> packed;
  for (const auto& fulfillment : order.fulfillments) {
    if (fulfillment.state == FulfillmentState::packed) packed.push_back(fulfillment.fulfillment_id);
  }
  AGORA_TRY_VOID(order.complete(now_));
  changed_.insert(packed.begin(), packed.end());
  version_before_.emplace(&order, version_before);
  outbox_.order_completed(order, trace_);
  return {};
}

void Fulfilling::write() {
  if (version_before_.empty()) return;
  std::vector<ChangedOrder> orders;
  for (const auto& [order, version] : version_before_) orders.push_back({order, version});
  std::vector<OfOrder> made;
  for (const auto& [order_id, fulfillment_id] : packed_) made.push_back({&order_id, find(fulfillment_id).fulfillment});
  std::vector<const Fulfillment*> changed;
  for (const auto& fulfillment_id : changed_) changed.push_back(find(fulfillment_id).fulfillment);

  auto& [group, all] = groups_.front();
  if (group.roll_up(view(all), now_)) {
    outbox_.order_group_updated(group, trace_);
    update_groups(tx_, {&group});
  }
  update_orders(tx_, orders);
  insert_fulfillments(tx_, made);
  update_fulfillments(tx_, changed);
  save_stock(tx_, stock_, outbox_);
  write_movements(tx_, movements_, now_);
  outbox_.write(tx_);
}

}  // namespace agora::order
