#include "libs/events/consumer.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"

namespace agora::events {
namespace {

/// How often one that is degraded looks whether it was rebuilt.
constexpr std::chrono::milliseconds kDegradedLook{1'000};

/// What became of a transaction that may be refused.
struct Outcome {
  std::optional<Inbox::Applied> applied{};
  std::optional<Error> refused{};
};

/// Why events failed that could have been answered: the next try would fail too. What cannot be answered is rethrown.
Error failure_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const Unavailable& unavailable) {
    if (unavailable.retry_helps()) throw;
    return {Errc::unavailable, "handler_failed", unavailable.what()};
  } catch (const std::exception& error) {
    return {Errc::unavailable, "handler_failed", error.what()};
  }
}

}  // namespace

struct Consumer::State {
  State(asio::io_context& io_, sql::Database& database_, Source& source_, ConsumerOptions options_, Handler& handler_,
        const Clock& clock_, telemetry::Registry& metrics)
      : io(io_),
        database(database_),
        source(source_),
        options(std::move(options_)),
        handler(handler_),
        clock(clock_),
        inbox(options.publisher, options.parking),
        timer(io_),
        ended(io_, Deadline::max()),
        applied(metrics.counter("agora_events_applied_total", "Events applied.", {{"publisher", options.publisher}})),
        skipped(metrics.counter("agora_events_skipped_total", "Events that had been applied before.",
                                {{"publisher", options.publisher}})),
        parked(metrics.counter("agora_events_parked_total", "Events that were put aside.",
                               {{"publisher", options.publisher}})),
        failures(metrics.counter("agora_events_failures_total", "Rounds of a consumer that failed.",
                                 {{"publisher", options.publisher}})),
        gaps(metrics.counter("agora_events_accepted_gaps_total", "Gaps accepted over what was trimmed before birth.",
                             {{"publisher", options.publisher}})),
        waiting(metrics.gauge("agora_events_due", "Parked subjects that were due in the last round.",
                              {{"publisher", options.publisher}})),
        degraded(metrics.gauge("agora_events_degraded", "1: the consumer does not go on until it is rebuilt.",
                               {{"publisher", options.publisher}})),
        lag(metrics.gauge("agora_events_lag", "Events of the log that were not read yet.",
                          {{"publisher", options.publisher}})) {}

  Ctx write_ctx() const { return {.deadline = std::chrono::steady_clock::now() + options.write_deadline}; }
  Task<void> sleep(std::chrono::milliseconds time) {
    timer.expires_after(time);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void count(const Inbox::Applied& done) {
    applied.add(static_cast<std::uint64_t>(done.applied));
    skipped.add(static_cast<std::uint64_t>(done.skipped));
    parked.add(static_cast<std::uint64_t>(done.parked));
  }

  asio::io_context& io;
  sql::Database& database;
  Source& source;
  ConsumerOptions options;
  Handler& handler;
  const Clock& clock;
  Inbox inbox;
  asio::steady_timer timer;
  asio::steady_timer ended;  ///< cancelled when the loop has ended
  telemetry::Counter& applied;
  telemetry::Counter& skipped;
  telemetry::Counter& parked;
  telemetry::Counter& failures;
  telemetry::Counter& gaps;
  telemetry::Gauge& waiting;
  telemetry::Gauge& degraded;
  telemetry::Gauge& lag;
  std::optional<Standing> standing{};  ///< what the database has; none: it must be asked, or there is none yet
  std::string trouble{};               ///< what the last round failed of; said once
  bool stopping = false;
  bool running = true;
};

Consumer::Consumer(asio::io_context& io, sql::Database& database, Source& source, ConsumerOptions options,
                   Handler& handler, const Clock& clock, telemetry::Registry& metrics)
    : state_(std::make_shared<State>(io, database, source, std::move(options), handler, clock, metrics)) {
  asio::co_spawn(io, run(state_), asio::detached);
}

Consumer::~Consumer() = default;

const Inbox& Consumer::inbox() const {
  return state_->inbox;
}

std::optional<std::string> Consumer::degraded() const {
  return state_->standing ? state_->standing->failure : std::nullopt;
}

Task<void> Consumer::stop() {
  const auto state = state_;
  state->stopping = true;
  state->timer.cancel();
  boost::system::error_code ignored;
  if (state->running) co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

Task<void> Consumer::run(std::shared_ptr<State> state) {
  auto backoff = state->options.backoff_first;
  while (!state->stopping) {
    std::string trouble;
    try {
      co_await step(*state);
    } catch (const std::exception& failure) {
      trouble = failure.what();
    }
    if (state->stopping) break;
    if (trouble != state->trouble) {
      if (trouble.empty()) log::info({}, "events come again", {{"publisher", state->options.publisher}});
      if (!trouble.empty()) {
        log::warn({}, "events do not come; trying again",
                  {{"publisher", state->options.publisher}, {"reason", trouble}});
      }
      state->trouble = trouble;
    }
    if (trouble.empty()) {
      backoff = state->options.backoff_first;
      continue;
    }
    state->failures.add();
    // The database is asked again: what failed may have been committed all the same.
    state->standing.reset();
    co_await state->sleep(backoff);
    backoff = std::min(backoff * 2, state->options.backoff_max);
  }
  state->running = false;
  state->ended.cancel();
}

Task<void> Consumer::step(State& state) {
  if (!state.standing) {
    auto work = [inbox = state.inbox](sql::Tx& tx) { return inbox.standing(tx); };
    state.standing = co_await state.database.read(state.write_ctx(), work);
  }
  state.degraded.set(state.standing && state.standing->failure ? 1 : 0);
  if (state.standing && state.standing->failure) {
    co_await state.sleep(kDegradedLook);
    // Still said to be degraded while it is asked again.
    auto work = [inbox = state.inbox](sql::Tx& tx) { return inbox.standing(tx); };
    state.standing = co_await state.database.read(state.write_ctx(), work);
    co_return;
  }
  Fetch request{.topics = state.options.topics, .wait = state.options.wait};
  if (state.standing) {
    request.after = state.standing->position;
    if (state.standing->position.sequence < state.standing->birth_through) {
      request.birth_through = state.standing->birth_through;
    }
  }
  AGORA_CRASH_POINT("events.consumer.acknowledging");
  // The source knows how long a poll may take.
  Ctx ctx;
  auto fetched = co_await state.source.fetch(ctx, request);
  if (!fetched && fetched.error().errc == Errc::failed_precondition && state.standing) {
    const auto why = fetched.error().code + ": " + fetched.error().message;
    log::error({}, "a consumer does not go on: its log is not the one it knew; see events rebuild",
               {{"publisher", state.options.publisher}, {"reason", why}});
    auto work = [inbox = state.inbox, at = state.standing->position, why](sql::Tx& tx) { inbox.fail(tx, at, why); };
    co_await state.database.write(state.write_ctx(), work);
    state.standing.reset();
    co_return;
  }
  if (!fetched) throw Unavailable(fetched.error().message);
  if (!state.standing) {
    auto work = [inbox = state.inbox, log = fetched->log](sql::Tx& tx) {
      inbox.be_born(tx, log.log_id, log.trimmed_through);
      return inbox.standing(tx);
    };
    state.standing = co_await state.database.write(state.write_ctx(), work);
  }
  state.lag.set(fetched->log.head - fetched->next.sequence);
  const auto from = state.standing->position;
  if (fetched->next != from) co_await apply(state, from, *std::move(fetched));
}

Task<void> Consumer::apply(State& state, Position from, Fetched fetched) {
  // Shared with the transaction, which may run more than once.
  const auto events = std::make_shared<const std::vector<Event>>(std::move(fetched.events));
  auto work = [&state, events, from, to = fetched.next, now = state.clock.now()](sql::Tx& tx) {
    auto done = state.inbox.apply(tx, from, to, *events, state.handler, now);
    AGORA_CRASH_POINT("events.consumer.applying");
    return done;
  };
  std::exception_ptr failure;
  Inbox::Applied done;
  try {
    done = co_await state.database.write(state.write_ctx(), work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) {
    AGORA_CRASH_POINT("events.consumer.applied");
    state.count(done);
    if (!done.ours) state.standing.reset();
    if (done.ours) state.standing->position = fetched.next;
    for (const auto& subject : done.drainable) co_await drain(state, subject);
    co_return;
  }
  // Rethrown when nobody could answer; else one of the batch is to blame, and each goes alone.
  [[maybe_unused]] const auto refused = failure_of(failure);
  for (std::size_t i = 0; i < events->size() && state.standing; ++i) {
    const auto& event = (*events)[i];
    const bool last = i + 1 == events->size();
    const Position to = last ? fetched.next : Position{fetched.next.log_id, event.sequence, event.id};
    co_await apply_alone(state, state.standing->position, to, event);
  }
}

Task<void> Consumer::apply_alone(State& state, Position from, Position to, Event event) {
  const auto now = state.clock.now();
  const std::vector<Event> alone{event};
  auto work = [&state, alone, from, to, now](sql::Tx& tx) {
    return state.inbox.apply(tx, from, to, alone, state.handler, now);
  };
  std::exception_ptr failure;
  Inbox::Applied done;
  try {
    done = co_await state.database.write(state.write_ctx(), work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    const auto why = failure_of(failure);
    log::warn({}, "an event is parked: its handler refused it",
              {{"publisher", state.options.publisher},
               {"type", event.type},
               {"subject", event.subject},
               {"version", event.version},
               {"reason", why.message}});
    auto park = [&state, event, from, to, why, now](sql::Tx& tx) {
      return state.inbox.park(tx, from, to, event, why, now);
    };
    done = co_await state.database.write(state.write_ctx(), park);
  }
  state.count(done);
  if (!done.ours) {
    state.standing.reset();
    co_return;
  }
  state.standing->position = to;
  for (const auto& subject : done.drainable) co_await drain(state, subject);
}

Task<void> Consumer::drain(State& state, Subject subject) {
  auto tried = Inbox::Tried::applied;
  while (tried == Inbox::Tried::applied || tried == Inbox::Tried::accepted_gap) {
    const auto now = state.clock.now();
    auto work = [&state, subject, now](sql::Tx& tx) {
      return state.inbox.apply_parked(tx, subject, state.handler, now);
    };
    std::exception_ptr failure;
    try {
      tried = co_await state.database.write(state.write_ctx(), work);
    } catch (...) {
      failure = std::current_exception();
      tried = Inbox::Tried::nothing;
    }
    std::optional<Error> why;
    if (failure) why = failure_of(failure);
    if (why || tried == Inbox::Tried::waits) {
      auto defer = [&state, subject, why, now](sql::Tx& tx) { state.inbox.defer(tx, subject, why, now); };
      co_await state.database.write(state.write_ctx(), defer);
      co_return;
    }
    if (tried == Inbox::Tried::nothing) co_return;
    state.applied.add();
    if (tried == Inbox::Tried::accepted_gap) {
      state.gaps.add();
      log::warn({}, "a gap was accepted: what is missing was trimmed before this consumer was born",
                {{"publisher", state.options.publisher}, {"topic", subject.topic}, {"subject", subject.subject}});
    }
  }
}

telemetry::Job Consumer::retry_job() {
  return [state = state_](Ctx ctx) { return retry_round(*state, std::move(ctx)); };
}

Task<telemetry::MoreWork> Consumer::retry_round(State& state, Ctx ctx) {
  auto work = [&state, now = state.clock.now()](sql::Tx& tx) {
    return state.inbox.due(tx, now, state.options.retry_batch_max);
  };
  const auto due = co_await state.database.read(std::move(ctx), work);
  state.waiting.set(static_cast<std::int64_t>(due.size()));
  for (const auto& subject : due) {
    if (state.stopping) break;
    co_await drain(state, subject);
  }
  co_return telemetry::MoreWork::no;
}

Task<Result<Rebuilt>> Consumer::rebuild(Ctx ctx, bool accept_gap) {
  auto& state = *state_;
  std::map<Subject, std::int64_t> highest;
  Fetch request{.topics = state.options.topics, .acknowledge = false};
  LogState log;
  while (true) {
    AGORA_CO_TRY(const auto page, co_await state.source.fetch(ctx, request));
    log = page.log;
    for (const auto& event : page.events) {
      auto& version = highest[subject_of(event)];
      version = std::max(version, event.version);
    }
    const bool end = page.events.empty() || page.next.sequence >= page.log.head;
    request.after = page.next;
    request.birth_through = page.log.trimmed_through;
    if (end) break;
  }
  auto work = [&state, log, highest, accept_gap](sql::Tx& tx) {
    return state.inbox.rebuild(tx, log, highest, accept_gap);
  };
  ctx.deadline = std::chrono::steady_clock::now() + state.options.write_deadline;
  Rebuilt rebuilt{.not_compared_through = log.trimmed_through};
  rebuilt.lowered = co_await state.database.write(std::move(ctx), work);
  rebuilt.done = accept_gap || (rebuilt.lowered.empty() && log.trimmed_through == 0);
  co_return rebuilt;
}

}  // namespace agora::events
