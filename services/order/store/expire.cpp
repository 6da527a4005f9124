// Expiring: groups whose time to pay is over end whole, all their orders or none.

#include "libs/sql/faults.hpp"
#include "services/order/store/closing.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

std::vector<Expired> handle_expire(sql::Tx& tx, std::span<const ExpireCommand> commands) {
  std::vector<OrderGroupId> group_ids;
  for (const auto& command : commands) group_ids.push_back(command.group_id);
  Closing closing(tx, group_ids, SkipLocked::yes);

  std::vector<Expired> results;
  for (const auto& [group_id, now, trace] : commands) {
    auto* locked = closing.group(group_id);
    const bool due = locked != nullptr && locked->group.status == OrderStatus::pending && locked->group.pay_by &&
                     *locked->group.pay_by <= now;
    bool expired = false;
    if (due) {
      for (auto& order : locked->orders) {
        // An order of the group that ended before is not asked again.
        expired |= closing.cancel(order, CancelReason::expired, now, trace).has_value();
      }
    }
    results.push_back(expired ? Expired::expired : Expired::left);
  }
  AGORA_CRASH_POINT("order.expire.decided");
  closing.write(commands.back().now, commands.back().trace);
  AGORA_CRASH_POINT("order.expire.written");
  return results;
}

}  // namespace agora::order
