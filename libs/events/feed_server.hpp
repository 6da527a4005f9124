#pragma once
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "libs/events/event_log.hpp"
#include "libs/http/router.hpp"
#include "libs/sql/database.hpp"
#include "libs/sql/lease.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::events {

/// Serves a service's log to other services: `GET /internal/feed`, a long poll, and the round that trims the log.
/// Used on the io thread of its server.
class FeedServer {
 public:
  /// Longest time a poll waits for the next event.
  static constexpr std::chrono::milliseconds kWaitMax{25'000};

  /// All must outlive it.
  FeedServer(asio::io_context& io, sql::Database& database, EventLog log, const Clock& clock,
             telemetry::Registry& metrics);
  FeedServer(const FeedServer&) = delete;
  FeedServer& operator=(const FeedServer&) = delete;

  /// For the internal server; they want the service token.
  std::vector<http::Route> routes();
  /// Notes what consumers acknowledged; compacts and trims, on one replica at a time.
  telemetry::Job trim_job();
  /// Wakes the polls that wait; for Numbering.
  void log_grew() { wake(); }
  /// Answers every poll that waits, now and from now on.
  void drain();

 private:
  struct Poll;
  struct Metrics;

  Task<Result<http::Response>> get_feed(Ctx ctx, http::Request request);
  Task<Result<http::Response>> forget_consumer(Ctx ctx, http::Request request);
  /// What a consumer acknowledged, and that it was dropped: all is kept for it from now on.
  Task<void> forget(Ctx ctx, std::string consumer);
  Task<telemetry::MoreWork> trim_round(Ctx ctx);
  Task<void> note_acknowledged(Ctx ctx);
  Task<void> measure(Ctx ctx);
  telemetry::Counter& dropped(const std::string& consumer);
  /// To the traces of what a page brings.
  void tell(const Page& page);
  /// Waits for a commit, the deadline or a drain.
  Task<void> wait_until(Deadline deadline);
  void wake();

  asio::io_context& io_;
  sql::Database& database_;
  EventLog log_;
  const Clock& clock_;
  telemetry::Registry& metrics_;
  sql::Lease lease_;
  std::list<asio::steady_timer*> waiting_{};
  std::map<std::string, std::int64_t> acked_{};  ///< since the last round: another replica may have heard more since
  std::uint64_t wakes_ = 0;
  bool draining_ = false;
};

}  // namespace agora::events
