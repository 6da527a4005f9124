#include "libs/events/relay.hpp"

#include <algorithm>
#include <utility>

#include "libs/base/unavailable.hpp"
#include "libs/events/event_spans.hpp"
#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"

namespace agora::events {
namespace {

using telemetry::MoreWork;

constexpr std::chrono::milliseconds kMeasureInterval{1'000};
/// For giving a transaction up, after whatever time its publishing took.
constexpr std::chrono::milliseconds kAbortDeadline{2'000};

constexpr sql::Sql kAfter{
    "SELECT sequence, event_id, topic, type, subject, version, time, traceparent, data FROM numbered_events "
    "WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence"};
// Numbered after the cursor, or not numbered yet: how many, and when the oldest came to be.
constexpr sql::Sql kUnnumbered{"SELECT 0", "SELECT count(*) FROM outbox_new"};
#define AGORA_OLDEST "(SELECT time FROM numbered_events WHERE sequence > $1 ORDER BY sequence LIMIT 1)"
constexpr sql::Sql kOldest{"SELECT " AGORA_OLDEST,
                           "SELECT coalesce(" AGORA_OLDEST
                           ", (SELECT min(o.time) FROM outbox_new n JOIN outbox o ON o.id = n.id))"};

/// What is past the cursor.
struct Unpublished {
  std::int64_t cursor = 0;
  LoggedEvents events{};
  bool cut = false;  ///< a limit ended it: there is more
};

/// How much that is.
struct Backlog {
  std::int64_t events = 0;
  std::optional<Timestamp> oldest{};
};

LoggedEvent read_event(const sql::Rows& row) {
  return {.sequence = row.int64(0),
          .event_id = std::string(row.text(1)),
          .topic = std::string(row.text(2)),
          .type = std::string(row.text(3)),
          .subject = std::string(row.text(4)),
          .version = row.int64(5),
          .time = row.time(6),
          .traceparent = row.optional_text(7).value_or(""),
          .data = std::string(row.text(8))};
}

Unpublished read_unpublished(sql::Tx& tx, const EventLog& log, const RelayLimits& limits) {
  const auto [log_id, head, trimmed_through] = log.state(tx);
  Unpublished found{.cursor = log.relayed_through(tx), .events = {.publisher = log.publisher(), .log_id = log_id}};
  const auto stretch = log.next_stretch(tx, found.cursor, head, limits.batch_events_max);
  if (!stretch) return found;
  auto& events = found.events.events;
  std::int64_t bytes = 0;
  auto rows = tx.query(kAfter, {stretch->after, stretch->through});
  while (bytes <= limits.batch_bytes_max && rows.next()) {
    events.push_back(read_event(rows));
    bytes += static_cast<std::int64_t>(events.back().data.size());
  }
  found.cut = !events.empty() && events.back().sequence < head;
  return found;
}

Backlog read_backlog(sql::Tx& tx, const EventLog& log) {
  const auto cursor = log.relayed_through(tx);
  auto unnumbered = tx.query(kUnnumbered);
  auto oldest = tx.query(kOldest, {cursor});
  unnumbered.next();
  oldest.next();
  return {log.state(tx).head - cursor + unnumbered.int64(0), oldest.optional_time(0)};
}

}  // namespace

Relay::Relay(sql::Database& database, EventLog log, Transport& transport, RelayLimits limits, const Clock& clock,
             telemetry::Registry& metrics)
    : database_(database),
      log_(std::move(log)),
      transport_(transport),
      limits_(limits),
      clock_(clock),
      lease_(database, "events.relay." + log_.relay(), limits.lease),
      tracer_(metrics.tracer()),
      age_(metrics.gauge("agora_events_outbox_age_seconds",
                         "Age of the oldest event that the relay has not published.")),
      backlog_(metrics.gauge("agora_events_outbox_backlog", "Events that the relay has not published.")),
      published_(metrics.counter("agora_events_relayed_total", "Events that the relay has published.", {})) {}

telemetry::Job Relay::job() {
  return [this](Ctx ctx) { return round(std::move(ctx)); };
}

Task<void> Relay::release(Ctx ctx) {
  begun_.reset();
  try {
    co_await lease_.release(ctx);
  } catch (const sql::DatabaseError& error) {
    log::warn(ctx, "a lease was not given back; it is free when its time is over", {{"reason", error.what()}});
  }
}

Task<MoreWork> Relay::round(Ctx ctx) {
  co_await measure(ctx);
  auto fence = co_await lease_.hold(ctx);
  if (!fence) {
    begun_.reset();
    co_return MoreWork::no;
  }
  if (begun_ != fence->number) {
    const bool is_ours = co_await begin(ctx, *fence);
    if (!is_ours) co_return MoreWork::no;
  }
  co_return co_await publish_next(std::move(ctx), *std::move(fence));
}

Task<bool> Relay::begin(Ctx ctx, sql::Fence fence) {
  begun_.reset();
  // Rebuilt only while the lease is ours: one that slept, and was fenced, must not fence the one that works.
  const auto before = co_await lease_.hold(ctx, sql::Lease::Renew::now);
  if (!before || before->number != fence.number) co_return false;
  const auto ours = co_await transport_.init(ctx);
  if (!ours) throw Unavailable("the transport does not begin: " + ours.error().message);
  // Who took the lease while we asked has begun before us, and is fenced now by one that may not publish: it begins
  // anew when it finds out. Who takes it from here on begins after us.
  const auto after = co_await lease_.hold(ctx, sql::Lease::Renew::now);
  if (!after || after->number != fence.number) co_return false;
  begun_ = fence.number;
  co_return true;
}

Task<MoreWork> Relay::publish_next(Ctx ctx, sql::Fence fence) {
  auto read = [this](sql::Tx& tx) { return read_unpublished(tx, log_, limits_); };
  auto found = co_await database_.read(ctx, read);
  const auto count = found.events.events.size();
  if (count == 0) co_return MoreWork::no;
  const auto through = found.events.events.back().sequence;

  EventSpans spans(tracer_, "send", telemetry::TraceSpan::Kind::producer, log_.relay());
  if (spans.on()) {
    for (const auto& event : found.events.events) spans.begin(event.event_id, event.topic, event.traceparent);
  }
  auto done = co_await transport_.publish(ctx, std::move(found.events));
  if (done) {
    AGORA_CRASH_POINT("events.relay.published");
    done = co_await transport_.commit(ctx);
  }
  if (!done) co_await give_up(std::move(ctx), done.error());
  spans.succeed();
  AGORA_CRASH_POINT("events.relay.committed");

  auto move = [this, fence = std::move(fence), from = found.cursor, through](sql::Tx& tx) {
    const bool is_ours = sql::stands(tx, fence);
    if (is_ours) log_.set_relayed(tx, from, through);
    return is_ours;
  };
  const bool is_ours = co_await database_.write(std::move(ctx), move);
  if (!is_ours) {
    // Whoever took over publishes the same once more, and nothing of ours after it.
    begun_.reset();
    co_return MoreWork::no;
  }
  published_.add(count);
  co_return found.cut ? MoreWork::yes : MoreWork::no;
}

Task<void> Relay::give_up(Ctx ctx, Error error) {
  const bool is_fenced = error.code == "transport_fenced";
  ctx.deadline = std::chrono::steady_clock::now() + kAbortDeadline;
  // Where even that fails, init() does it.
  begun_.reset();
  if (!is_fenced) [[maybe_unused]]
    const auto aborted = co_await transport_.abort(std::move(ctx));
  throw Unavailable(is_fenced ? "another relay has begun since" : "publishing failed: " + error.message);
}

Task<void> Relay::measure(Ctx ctx) {
  const auto now = std::chrono::steady_clock::now();
  if (now < measure_at_) co_return;
  measure_at_ = now + kMeasureInterval;
  auto read = [this](sql::Tx& tx) { return read_backlog(tx, log_); };
  const auto backlog = co_await database_.read(std::move(ctx), read);
  const auto age = backlog.oldest ? clock_.now() - *backlog.oldest : std::chrono::microseconds{0};
  age_.set(std::max(std::int64_t{0}, std::int64_t{std::chrono::duration_cast<std::chrono::seconds>(age).count()}));
  backlog_.set(backlog.events);
}

}  // namespace agora::events
