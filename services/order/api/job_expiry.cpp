#include <algorithm>

#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "services/order/api/jobs.hpp"

namespace agora::order {
namespace {

using telemetry::MoreWork;

Task<MoreWork> expire_round(OrderStore& orders, const Clock& clock, int batch_max, Ctx ctx) {
  const auto now = clock.now();
  const auto due = co_await orders.unpaid_groups(ctx, now, batch_max);
  // At once: they are decided in one span, and one that cannot be read does not keep the others from it.
  std::vector<Task<Expired>> expiring;
  for (const auto& group_id : due) expiring.push_back(orders.expire(ctx, ExpireCommand{group_id, now, ctx.trace}));
  const auto outcomes = co_await gather(std::move(expiring));
  const auto expired = std::count(outcomes.begin(), outcomes.end(), Expired::expired);
  if (expired > 0) log::info(ctx, "unpaid orders expired", {{"groups", std::int64_t{expired}}});
  // A full batch of which something expired: there is likely more. Groups that others hold are left for the next round.
  co_return static_cast<int>(due.size()) == batch_max&& expired > 0 ? MoreWork::yes : MoreWork::no;
}

}  // namespace

telemetry::Job expiry_job(OrderStore& orders, const Clock& clock, const Config& config) {
  const auto batch_max = static_cast<int>(config.expiry_batch_max);
  return [&orders, &clock, batch_max](Ctx ctx) { return expire_round(orders, clock, batch_max, std::move(ctx)); };
}

}  // namespace agora::order
