#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "libs/events/event_log.hpp"
#include "libs/http/event_stream.hpp"
#include "libs/http/router.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::events {

/// What happened to a subject, as those see it who follow it.
struct LiveEvent {
  std::int64_t sequence = 0;
  std::string subject{};
  std::string name{};
  std::shared_ptr<const std::string> data{};  ///< JSON, in one line; events may share it
};

/// A log of a service's own that people follow, each one subject of it: an order's events, a user's notifications. What
/// has a number is there, and nothing gets a lower one later. Functions of a transaction; thread-safe.
class LiveLog {
 public:
  using Subjects = std::unordered_set<std::string>;

  virtual ~LiveLog() = default;
  virtual LogState state(sql::Tx& tx) const = 0;
  /// What a stretch of the log says of these subjects, in order.
  virtual std::vector<LiveEvent> of_many(sql::Tx& tx, const Stretch& stretch, const Subjects& subjects) const = 0;
  /// What it says of one, in order: the first `limit`.
  virtual std::vector<LiveEvent> of_one(sql::Tx& tx, const Stretch& stretch, const std::string& subject,
                                        std::int64_t limit) const = 0;
};

/// Streams of a log's events. One reader, a job, reads what is new for all who follow, whoever wrote it; the database
/// is asked for one stream only where that begins, or its client was too slow. Used on the io thread.
class Live {
 public:
  /// All must outlive the server's connections.
  Live(sql::Database& database, const LiveLog& log, const Clock& clock);

  /// The answer of a row of Admission::stream: an event of this subject for each that comes; with Last-Event-ID all
  /// since that one too. The first thing in it is an id to go on from. An event `reset` says that what was missed is
  /// not known: the id is of another log, was trimmed, then or before the client had read what came after it, or none
  /// of ours. It ends with the principal's token.
  Task<Result<http::Response>> follow(Ctx ctx, http::Request request, std::string subject);

  /// A round reads what is new. It does nothing while nobody follows.
  telemetry::Job job();

 private:
  struct State;
  static Task<telemetry::MoreWork> round(std::shared_ptr<State> state, Ctx ctx);
  static Task<std::vector<http::StreamEvent>> read_again(std::shared_ptr<State> state, std::string subject,
                                                         Stretch stretch, std::int64_t bytes_max);

  std::shared_ptr<State> state_;
};

}  // namespace agora::events
