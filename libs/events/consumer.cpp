#include "libs/events/consumer.hpp"

#include <algorithm>
#include <new>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "libs/events/consumer_state.hpp"
#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"

namespace agora::events {
namespace {

/// How often one that is degraded, or held by a rebuild, looks whether it goes on.
constexpr std::chrono::milliseconds kHeldLook{1'000};

bool covers_just(const Standing& standing, const std::vector<std::string>& topics) {
  return standing.topics.size() == topics.size() &&
         std::all_of(topics.begin(), topics.end(), [&](const auto& topic) { return standing.topics.contains(topic); });
}

telemetry::Labels labels(const ConsumerOptions& options) {
  return {{"publisher", options.publisher}};
}

}  // namespace

Error failure_of(std::exception_ptr failure) {
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const Refused& refused) {
    return refused.error;
  } catch (const Unavailable& unavailable) {
    if (unavailable.retry_helps()) throw;
    return {Errc::unavailable, "handler_failed", unavailable.what()};
  } catch (const std::bad_alloc&) {
    // Of the process, not of the event.
    throw;
  } catch (const std::exception& error) {
    return {Errc::unavailable, "handler_failed", error.what()};
  }
}

Consumer::State::State(asio::io_context& io_, sql::Database& database_, Source& source_, ConsumerOptions options_,
                       Handler& handler_, const Clock& clock_, telemetry::Registry& metrics)
    : io(io_),
      database(database_),
      source(source_),
      options(std::move(options_)),
      handler(handler_),
      clock(clock_),
      tracer(metrics.tracer()),
      inbox(options.publisher, options.parking),
      timer(io_),
      ended(io_, Deadline::max()),
      idle(io_, Deadline::max()),
      applied(metrics.counter("agora_events_applied_total", "Events applied.", labels(options))),
      skipped(metrics.counter("agora_events_skipped_total", "Events that had been applied before.", labels(options))),
      parked(metrics.counter("agora_events_parked_total", "Events that were put aside.", labels(options))),
      failures(metrics.counter("agora_events_failures_total", "Rounds of a consumer that failed.", labels(options))),
      gaps(metrics.counter("agora_events_accepted_gaps_total", "Gaps accepted over what was trimmed before birth.",
                           labels(options))),
      waiting(metrics.gauge("agora_events_due", "Parked subjects that were due in the last round.", labels(options))),
      parked_now(metrics.gauge("agora_events_parked", "Events that wait, given up or not.", labels(options))),
      dead(metrics.gauge("agora_events_dead", "Of those, the ones that were given up.", labels(options))),
      gap_age(metrics.gauge("agora_events_gap_age_seconds",
                            "How long the oldest event has waited for one before it, or for what it names.",
                            labels(options))),
      degraded(metrics.gauge("agora_events_degraded", "1: the consumer does not go on until it is rebuilt.",
                             labels(options))),
      lag(metrics.gauge("agora_events_lag", "Events of the log that were not read yet.", labels(options))) {}

void Consumer::State::count(const Inbox::Applied& done) {
  applied.add(static_cast<std::uint64_t>(done.applied));
  skipped.add(static_cast<std::uint64_t>(done.skipped));
  parked.add(static_cast<std::uint64_t>(done.parked));
}

std::map<std::string, std::optional<Standing>> Consumer::State::assigned_standings() const {
  std::map<std::string, std::optional<Standing>> all;
  for (const auto& stream : assigned) {
    const auto found = standings.streams.find(stream);
    all[stream] = found == standings.streams.end() ? std::nullopt : std::optional(found->second);
  }
  return all;
}

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
  return state_->standings.failure;
}

void Consumer::begin_stop() {
  state_->stopping = true;
  state_->timer.cancel();
}

Task<void> Consumer::stop() {
  const auto state = state_;
  begin_stop();
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
    } catch (...) {
      trouble = "not a standard exception";
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
    state->is_known = false;
    co_await state->sleep(backoff);
    backoff = std::min(backoff * 2, state->options.backoff_max);
  }
  state->running = false;
  state->ended.cancel();
}

Task<void> Consumer::step(State& state) {
  if (state.is_held) {
    co_await state.sleep(kHeldLook);
    co_return;
  }
  if (!state.is_known) {
    const State::Busy busy(state);
    co_await learn(state);
  }
  if (state.standings.failure) {
    co_await state.sleep(kHeldLook);
    // Still said to be degraded while it is asked again.
    state.is_known = false;
    co_return;
  }
  AGORA_CRASH_POINT("events.consumer.acknowledging");
  // The source knows how long a poll may take.
  Ctx ctx;
  const auto holds = state.holds;
  auto fetched = co_await state.source.fetch(ctx, state.options.wait);
  if (fetched) {
    for (const auto& stream : fetched->revoked) {
      state.assigned.erase(stream);
      state.lags.erase(stream);
    }
    state.assigned.insert(fetched->assigned.begin(), fetched->assigned.end());
    if (!fetched->assigned.empty()) state.is_known = false;
  }
  // What a rebuild came between is read again, from where it puts the streams.
  if (state.holds != holds || (fetched && !fetched->assigned.empty())) co_return;
  const State::Busy busy(state);
  if (!fetched && fetched.error().errc == Errc::failed_precondition) {
    auto why = fetched.error().code + ": " + fetched.error().message;
    co_await degrade(state, std::move(why));
    co_return;
  }
  if (!fetched) throw Unavailable(fetched.error().message);
  if (state.assigned.contains(fetched->stream)) co_await take_page(state, *std::move(fetched));
}

Task<void> Consumer::learn(State& state) {
  auto work = [inbox = state.inbox](sql::Tx& tx) { return inbox.standings(tx); };
  state.standings = co_await state.database.read(state.write_ctx(), work);
  state.degraded.set(state.standings.failure ? 1 : 0);
  if (state.standings.failure) co_return;
  const auto all = state.assigned_standings();
  for (const auto& [stream, standing] : all) state.source.seek(stream, standing);
  for (const auto& [stream, standing] : all) {
    const auto topics = state.source.topics(stream);
    if (!standing || covers_just(*standing, topics)) continue;
    co_await catch_up(state, stream, topics);
  }
  state.is_known = true;
}

Task<void> Consumer::degrade(State& state, std::string why) {
  log::error({}, "a consumer does not go on: its log is not the one it knew; see events rebuild",
             {{"publisher", state.options.publisher}, {"reason", why}});
  auto work = [inbox = state.inbox, at = state.assigned_standings(), why](sql::Tx& tx) { inbox.fail(tx, at, why); };
  co_await state.database.write(state.write_ctx(), work);
  state.is_known = false;
}

Task<void> Consumer::take_page(State& state, Fetched fetched) {
  const auto stream = fetched.stream;
  if (!state.standings.streams.contains(stream)) {
    auto work = [inbox = state.inbox, stream, log = fetched.log, topics = state.source.topics(stream)](sql::Tx& tx) {
      inbox.be_born(tx, stream, log, topics);
      return inbox.standings(tx);
    };
    state.standings = co_await state.database.write(state.write_ctx(), work);
    // Another replica was first, and is further.
    state.is_known = state.standings.streams.at(stream).position.sequence == 0;
    if (!state.is_known) co_return;
  }
  const auto from = state.standings.streams.at(stream).position;
  if (!from.log_id.empty() && !fetched.log.log_id.empty() && from.log_id != fetched.log.log_id) {
    co_await degrade(state, "log_changed: The log has another id: it was restored.");
    co_return;
  }
  state.lags[stream] = fetched.log.head - fetched.next.sequence;
  std::int64_t lag = 0;
  for (const auto& [name, behind] : state.lags) lag += behind;
  state.lag.set(lag);
  auto next = fetched.next;
  // A stream of which nothing was read yet does not tell its log.
  if (next.log_id.empty()) next.log_id = from.log_id;
  if (next == from) co_return;
  auto spans =
      std::make_shared<EventSpans>(state.tracer, "process", telemetry::TraceSpan::Kind::consumer, state.options.system);
  if (spans->on()) {
    for (auto& event : fetched.events) event.traceparent = spans->begin(event.id, event.topic, event.traceparent);
  }
  // Shared with the transaction, which may run more than once.
  auto events = std::make_shared<const std::vector<Event>>(std::move(fetched.events));
  Batch batch{stream, from, next, std::move(events), spans};
  co_await apply(state, std::move(batch));
  if (!state.is_known) co_return;
  spans->succeed();
  state.source.acknowledge(stream, next);
}

Task<void> Consumer::apply(State& state, Batch batch) {
  auto work = [&state, batch, now = state.clock.now()](sql::Tx& tx) {
    auto done = state.inbox.apply(tx, batch.stream, batch.from, batch.to, *batch.events, state.handler, now);
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
  if (failure) {
    // Rethrown when nobody could answer; else one of the batch is to blame, and each goes alone. The position moves
    // with the last: those before it are known by their versions.
    [[maybe_unused]] const auto refused = failure_of(failure);
    if (batch.events->empty()) std::rethrow_exception(failure);
    for (std::size_t i = 0; i < batch.events->size(); ++i) {
      const bool last = i + 1 == batch.events->size();
      const auto& to = last ? batch.to : batch.from;
      co_await apply_alone(state, batch, to, (*batch.events)[i]);
      if (!state.standings.streams.contains(batch.stream)) co_return;
    }
    co_return;
  }
  AGORA_CRASH_POINT("events.consumer.applied");
  state.count(done);
  if (!done.ours) {
    state.standings.streams.erase(batch.stream);
    state.is_known = false;
    co_return;
  }
  state.standings.streams.at(batch.stream).position = batch.to;
  for (const auto& subject : done.drainable) co_await drain(state, subject);
}

Task<void> Consumer::apply_alone(State& state, Batch batch, Position to, Event event) {
  const auto now = state.clock.now();
  const std::vector<Event> alone{event};
  auto work = [&state, alone, batch, to, now](sql::Tx& tx) {
    return state.inbox.apply(tx, batch.stream, batch.from, to, alone, state.handler, now);
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
    if (batch.spans) batch.spans->fail(event.id);
    auto park = [&state, batch, event, to, why, now](sql::Tx& tx) {
      return state.inbox.park(tx, batch.stream, batch.from, to, event, why, now);
    };
    done = co_await state.database.write(state.write_ctx(), park);
  }
  state.count(done);
  if (!done.ours) {
    state.standings.streams.erase(batch.stream);
    state.is_known = false;
    co_return;
  }
  state.standings.streams.at(batch.stream).position = to;
  for (const auto& subject : done.drainable) co_await drain(state, subject);
}

/// `why`: its handler refused it.
Task<Inbox::Tried> Consumer::try_parked(State& state, Subject subject, Timestamp now, std::optional<Error>& why) {
  auto work = [&state, subject, now](sql::Tx& tx) { return state.inbox.apply_parked(tx, subject, state.handler, now); };
  std::exception_ptr failure;
  auto tried = Inbox::Tried::nothing;
  try {
    tried = co_await state.database.write(state.write_ctx(), work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) why = failure_of(failure);
  co_return tried;
}

}  // namespace agora::events
