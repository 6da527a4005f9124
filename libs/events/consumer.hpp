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
  std::string system{"feed"};                    ///< by which its events travel, as traces call it
  std::chrono::milliseconds wait{20'000};        ///< of one poll
  std::chrono::milliseconds backoff_first{100};  ///< after a failure; doubles
  std::chrono::milliseconds backoff_max{5'000};
  std::chrono::milliseconds write_deadline{30'000};
  std::int64_t retry_batch_max = 1'000;   ///< parked subjects tried in one round; the next follows at once
  std::int64_t rebuild_rows_max = 1'000;  ///< rows that a rebuild writes in one transaction
  ParkingLimits parking{};
};

/// What rebuilding a consumer found and did.
struct Rebuilt {
  bool done = false;                      ///< false: nothing was changed, it wants to be told to accept the gap
  std::vector<Subject> lowered{};         ///< facts that this service saw and the log does not have
  std::int64_t not_compared_through = 0;  ///< sequences up to here are trimmed: nobody knows
};

/// Applies the events of one log to this service's database, each once, and goes on for ever. The consumer border: what
/// a batch throws is logged and counted here. Lives on an io_context. consumer.cpp: reading and applying; retrying.cpp:
/// what is parked; rebuilding.cpp: reading a whole log.
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

  /// Begins nothing more: no batch, no try of what is parked, no step of a rebuild.
  void begin_stop();
  /// Returns when the batch under way ended. A poll under way must be ended by its transport.
  Task<void> stop();
  /// Why it does not go on, if so.
  std::optional<std::string> degraded() const;
  /// Tries parked events that are due.
  telemetry::Job retry_job();
  const Inbox& inbox() const;

  /// Forgets the versions of state topics and reads the log from its beginning; of facts it keeps what it applied, as
  /// far as the log has it. Applies nothing meanwhile. "No": unavailable `source_unavailable`; failed_precondition what
  /// the source says when the log changed while it was read; conflict `rebuild_under_way`, `rebuilt_meanwhile`.
  Task<Result<Rebuilt>> rebuild(Ctx ctx, bool accept_gap);

 private:
  struct State;
  struct Batch;
  struct Reading;

  static Task<void> run(std::shared_ptr<State> state);
  static Task<void> step(State& state);
  static Task<void> learn(State& state);
  static Task<void> take_page(State& state, Fetched fetched);
  static Task<void> degrade(State& state, std::string why);
  static Task<void> apply(State& state, Batch batch);
  static Task<void> apply_alone(State& state, Batch batch, Position to, Event event);

  static Task<Inbox::Tried> try_parked(State& state, Subject subject, Timestamp now, std::optional<Error>& why);
  static Task<int> drain(State& state, Subject subject);
  static Task<telemetry::MoreWork> retry_round(State& state, Ctx ctx);

  static Task<void> catch_up(State& state, std::string stream, std::vector<std::string> topics);
  static Task<Result<Told>> read_whole(State& state, Source& reader);
  static Task<Result<Rebuilt>> rebuild_held(State& state, bool accept_gap);
  static Task<void> carry_over(State& state, Standings before, std::shared_ptr<const Told> told);
  static Task<void> forget_other_logs(State& state, Standings before, std::string log_id);

  std::shared_ptr<State> state_;
};

}  // namespace agora::events
