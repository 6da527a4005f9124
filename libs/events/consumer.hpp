#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/events/inbox.hpp"
#include "libs/events/source.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::events {

/// Named settings of a consumer.
struct ConsumerOptions {
  std::string publisher{};                       ///< whose log: `order`
  std::vector<std::string> topics{};             ///< of it
  std::chrono::milliseconds wait{20'000};        ///< of one poll
  std::chrono::milliseconds backoff_first{100};  ///< after a failure; doubles
  std::chrono::milliseconds backoff_max{5'000};
  std::chrono::milliseconds write_deadline{30'000};
  std::int64_t retry_batch_max = 100;  ///< parked subjects tried in one round
  ParkingLimits parking{};
};

/// What rebuilding a consumer found and did.
struct Rebuilt {
  bool done = false;                      ///< false: nothing was changed, it wants to be told to accept the gap
  std::vector<Subject> lowered{};         ///< facts that this service saw and the log does not have
  std::int64_t not_compared_through = 0;  ///< sequences up to here are trimmed: nobody knows
};

/// Applies the events of one log to this service's database, each once, and goes on for ever. The consumer border: what
/// a batch throws is logged and counted here. Lives on an io_context.
///
/// A batch is one transaction; refused, it goes event by event and what is refused alone is parked. What cannot be
/// answered (database or publisher down) is tried again, never parked. A log that is not the one it knew stops it:
/// degraded, until it is rebuilt.
class Consumer {
 public:
  /// All but options must outlive it. Starts at once.
  Consumer(asio::io_context& io, sql::Database& database, Source& source, ConsumerOptions options, Handler& handler,
           const Clock& clock, telemetry::Registry& metrics);
  ~Consumer();

  /// Returns when the batch under way ended. A poll under way must be ended by its transport.
  Task<void> stop();
  /// Why it does not go on, if so.
  std::optional<std::string> degraded() const;
  /// Tries parked events that are due.
  telemetry::Job retry_job();
  const Inbox& inbox() const;

  /// Forgets the versions of state topics and reads the log from its beginning; of facts it keeps what it applied, as
  /// far as the log has it. "No": unavailable `source_unavailable`.
  Task<Result<Rebuilt>> rebuild(Ctx ctx, bool accept_gap);

 private:
  struct State;
  static Task<void> run(std::shared_ptr<State> state);
  static Task<void> step(State& state);
  static Task<void> apply(State& state, Position from, Fetched fetched);
  static Task<void> apply_alone(State& state, Position from, Position to, Event event);
  static Task<void> drain(State& state, Subject subject);
  static Task<telemetry::MoreWork> retry_round(State& state, Ctx ctx);

  std::shared_ptr<State> state_;
};

}  // namespace agora::events
