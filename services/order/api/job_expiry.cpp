#include <exception>

#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "services/order/api/jobs.hpp"

namespace agora::order {
namespace {

using telemetry::MoreWork;

/// Goes once through all that is due, page by page. Groups that others hold are left for the next round; one that
/// cannot be read keeps no other from expiring, and fails the round when all have been seen.
Task<MoreWork> expire_round(OrderStore& orders, const Clock& clock, int batch_max, Ctx ctx) {
  const auto now = clock.now();
  std::int64_t expired = 0;
  std::exception_ptr failure;
  std::optional<UnpaidGroup> after;
  bool more = true;
  while (more && std::chrono::steady_clock::now() < ctx.deadline) {
    const auto due = co_await orders.unpaid_groups(ctx, now, after, batch_max);
    // At once: they are decided in one span.
    std::vector<Task<Expired>> expiring;
    for (const auto& group : due) expiring.push_back(orders.expire(ctx, ExpireCommand{group.group_id, now, ctx.trace}));
    const auto ended = co_await gather_settled(std::move(expiring));
    for (const auto& one : ended) {
      if (one.failure && !failure) failure = one.failure;
      if (!one.failure && one.value == Expired::expired) ++expired;
    }
    more = static_cast<int>(due.size()) == batch_max;
    if (more) after = due.back();
  }
  if (expired > 0) log::info(ctx, "unpaid orders expired", {{"groups", expired}});
  if (failure) std::rethrow_exception(failure);
  co_return more ? MoreWork::yes : MoreWork::no;
}

}  // namespace

telemetry::Job expiry_job(OrderStore& orders, const Clock& clock, const Config& config) {
  const auto batch_max = static_cast<int>(config.expiry_batch_max);
  return [&orders, &clock, batch_max](Ctx ctx) { return expire_round(orders, clock, batch_max, std::move(ctx)); };
}

}  // namespace agora::order
