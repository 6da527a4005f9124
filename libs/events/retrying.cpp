// What a consumer does with events that wait.

#include <algorithm>

#include "libs/base/gather.hpp"
#include "libs/events/consumer_state.hpp"
#include "libs/log/log.hpp"

namespace agora::events {
namespace {

/// Subjects that are tried at the same time: their transactions share a commit.
constexpr std::size_t kAtOnce = 32;

}  // namespace

/// Applies a subject's parked events until one has to wait. How many it applied.
Task<int> Consumer::drain(State& state, Subject subject) {
  int count = 0;
  while (!state.stopping) {
    const auto now = state.clock.now();
    std::optional<Error> why;
    const auto tried = co_await try_parked(state, subject, now, why);
    if (why || tried == Inbox::Tried::waits) {
      auto defer = [&state, subject, why, now](sql::Tx& tx) { return state.inbox.defer(tx, subject, why, now); };
      const auto dead = co_await state.database.write(state.write_ctx(), defer);
      if (dead) {
        log::error({}, "a parked event is given up: its handler fails for too long; see events replay and skip",
                   {{"publisher", state.options.publisher},
                    {"topic", dead->topic},
                    {"subject", dead->subject},
                    {"version", dead->version},
                    {"event_id", dead->event_id},
                    {"reason", dead->detail}});
      }
      co_return count;
    }
    if (tried == Inbox::Tried::nothing) co_return count;
    ++count;
    state.applied.add();
    if (tried == Inbox::Tried::accepted_gap) {
      state.gaps.add();
      log::warn({}, "a gap was accepted: what is missing was trimmed before this consumer was born",
                {{"publisher", state.options.publisher}, {"topic", subject.topic}, {"subject", subject.subject}});
    }
  }
  co_return count;
}

telemetry::Job Consumer::retry_job() {
  return [state = state_](Ctx ctx) { return retry_round(*state, std::move(ctx)); };
}

Task<telemetry::MoreWork> Consumer::retry_round(State& state, Ctx ctx) {
  const auto limit = state.options.retry_batch_max;
  const auto now = state.clock.now();
  auto work = [&state, limit, now](sql::Tx& tx) {
    return std::pair{state.inbox.due(tx, now, limit), state.inbox.counts(tx)};
  };
  const auto [due, counts] = co_await state.database.read(std::move(ctx), work);
  state.waiting.set(static_cast<std::int64_t>(due.size()));
  state.parked_now.set(counts.parked);
  state.dead.set(counts.dead);
  const auto waited = counts.waits_since ? now - *counts.waits_since : std::chrono::microseconds{0};
  state.gap_age.set(
      std::max(std::int64_t{0}, std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(waited).count()}));
  for (std::size_t i = 0; i < due.size() && !state.stopping; i += kAtOnce) {
    std::vector<Task<int>> tries;
    for (auto j = i; j < std::min(due.size(), i + kAtOnce); ++j) tries.push_back(drain(state, due[j]));
    co_await gather(std::move(tries));
  }
  // Each was applied or put off, so those that are due become fewer.
  const bool more = static_cast<std::int64_t>(due.size()) == limit && !state.stopping;
  co_return more ? telemetry::MoreWork::yes : telemetry::MoreWork::no;
}

}  // namespace agora::events
