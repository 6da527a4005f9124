#pragma once
// Inside a consumer.
#include <exception>
#include <set>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/events/consumer.hpp"
#include "libs/events/event_spans.hpp"

namespace agora::events {

/// Why events failed that could have been answered: the next try would fail too. What cannot be answered is rethrown.
Error failure_of(std::exception_ptr failure);

/// Events that go to the database together.
struct Consumer::Batch {
  std::string stream{};
  Position from{};
  Position to{};  ///< the same as `from`: they are read besides, and move nothing
  std::shared_ptr<const std::vector<Event>> events{};
  std::shared_ptr<EventSpans> spans{};  ///< of these events; null: they are read besides
};

struct Consumer::State {
  /// While it lives a page is taken.
  class Busy {
   public:
    explicit Busy(State& state) : state_(state) { state_.is_busy = true; }
    ~Busy() {
      state_.is_busy = false;
      state_.idle.cancel();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    State& state_;
  };

  State(asio::io_context& io_, sql::Database& database_, Source& source_, ConsumerOptions options_, Handler& handler_,
        const Clock& clock_, telemetry::Registry& metrics);

  Ctx write_ctx() const { return {.deadline = std::chrono::steady_clock::now() + options.write_deadline}; }
  Task<void> sleep(std::chrono::milliseconds time) {
    timer.expires_after(time);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void count(const Inbox::Applied& done);
  /// The standings that the assigned streams have; none: not born.
  std::map<std::string, std::optional<Standing>> assigned_standings() const;

  asio::io_context& io;
  sql::Database& database;
  Source& source;
  ConsumerOptions options;
  Handler& handler;
  const Clock& clock;
  telemetry::Tracer& tracer;
  Inbox inbox;
  asio::steady_timer timer;
  asio::steady_timer ended;  ///< cancelled when the loop has ended
  asio::steady_timer idle;   ///< cancelled when a page has been taken
  telemetry::Counter& applied;
  telemetry::Counter& skipped;
  telemetry::Counter& parked;
  telemetry::Counter& failures;
  telemetry::Counter& gaps;
  telemetry::Gauge& waiting;
  telemetry::Gauge& parked_now;
  telemetry::Gauge& dead;
  telemetry::Gauge& gap_age;
  telemetry::Gauge& degraded;
  telemetry::Gauge& lag;
  std::set<std::string> assigned{};            ///< streams that are this replica's
  std::map<std::string, std::int64_t> lags{};  ///< of each, as last seen
  bool is_known = false;                       ///< false: the database must be asked where the streams stand
  Standings standings{};                       ///< what it said; its failure is kept while it is asked again
  std::string trouble{};                       ///< what the last round failed of; said once
  bool is_busy = false;                        ///< with a page
  bool is_held = false;                        ///< by a rebuild
  int holds = 0;                               ///< how often it was
  bool stopping = false;
  bool running = true;
};

}  // namespace agora::events
