#include <array>
#include <exception>

#include "libs/base/gather.hpp"
#include "libs/log/log.hpp"
#include "services/order/api/jobs.hpp"

namespace agora::order {
namespace {

using telemetry::MoreWork;

struct Span {
  Due due;
  std::chrono::milliseconds after;
};
using Spans = std::array<Span, 3>;

/// What a round has done so far.
struct Round {
  std::int64_t advanced = 0;
  std::exception_ptr failure{};
};

/// Goes once through all that is due of one kind, page by page. Groups that others hold are left for the next round;
/// one that cannot be read keeps no other from going on, and fails the round when all have been seen.
Task<MoreWork> advance_all(FulfillmentStore& fulfillments, Span span, Timestamp now, int batch_max, Ctx ctx,
                           Round& round) {
  const auto before = now - span.after;
  std::optional<DueGroup> after;
  bool more = true;
  while (more && std::chrono::steady_clock::now() < ctx.deadline) {
    const auto due = co_await fulfillments.due_groups(ctx, span.due, before, after, batch_max);
    std::vector<Task<int>> advancing;
    for (const auto& group : due) {
      advancing.push_back(fulfillments.advance(ctx, Advance{span.due, group.group_id, before, now, ctx.trace}));
    }
    const auto ended = co_await gather_settled(std::move(advancing));
    for (const auto& one : ended) {
      if (one.failure && !round.failure) round.failure = one.failure;
      if (!one.failure) round.advanced += one.value;
    }
    more = static_cast<int>(due.size()) == batch_max;
    if (more) after = due.back();
  }
  co_return more ? MoreWork::yes : MoreWork::no;
}

Task<MoreWork> progress_round(FulfillmentStore& fulfillments, const Clock& clock, Spans spans, int batch_max, Ctx ctx) {
  const auto now = clock.now();
  Round round;
  auto more = MoreWork::no;
  for (const auto& span : spans) {
    const auto its_more = co_await advance_all(fulfillments, span, now, batch_max, ctx, round);
    if (its_more == MoreWork::yes) more = MoreWork::yes;
  }
  if (round.advanced > 0) log::info(ctx, "orders went on by themselves", {{"changes", round.advanced}});
  if (round.failure) std::rethrow_exception(round.failure);
  co_return more;
}

}  // namespace

telemetry::Job progress_job(FulfillmentStore& fulfillments, const Clock& clock, const Config& config) {
  const Spans spans{{{Due::cancellation, config.shipping_grace},
                     {Due::delivery, config.delivery_assumed_after},
                     {Due::completion, config.completion_after}}};
  const auto batch_max = static_cast<int>(config.progress_batch_max);
  return [&fulfillments, &clock, spans, batch_max](Ctx ctx) {
    return progress_round(fulfillments, clock, spans, batch_max, std::move(ctx));
  };
}

}  // namespace agora::order
