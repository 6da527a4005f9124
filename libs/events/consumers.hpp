#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libs/events/consumer.hpp"
#include "libs/events/feed_source.hpp"
#include "libs/http/health.hpp"

namespace agora::events {

/// A service whose log is consumed.
struct Peer {
  std::string publisher{};  ///< `catalog`
  std::string url{};        ///< `feed:http://127.0.0.1:9102`, or another source's; empty: not consumed
};

/// Makes the source of a peer's events that are no feed's, for these topics.
using OtherSource = std::function<std::unique_ptr<Source>(const Peer& peer, std::vector<std::string> topics)>;

/// All that a service hears of others: a consumer for each peer with a URL, for the topics that declare this service,
/// the job that tries what is parked, and the internal routes by which people look and help. Used on the io thread.
class Consumers {
 public:
  /// `service`: this one's name, as contracts/events has it. All references must outlive it.
  Consumers(sql::Database& database, std::string service, Handler& handler, const Clock& clock)
      : database_(database), service_(std::move(service)), handler_(handler), clock_(clock) {}
  ~Consumers();

  /// Begins to consume, once the schema is there. `token`: for feeds. `other`: for URLs of no feed. `options`: of each
  /// consumer but publisher and topics. Throws std::invalid_argument when a URL is none.
  void start(asio::io_context& io, const std::vector<Peer>& peers, const Secret<std::string>& token,
             const OtherSource& other, ConsumerOptions options, telemetry::Registry& metrics);
  /// A line each for /readyz?verbose; a degraded consumer does not make the service unready.
  void report_to(http::Readiness& readiness);
  /// `/internal/consumers`, `/internal/parked` and what can be done about them; they want the service token.
  std::vector<http::Route> routes();
  /// Ends polls, and begins nothing more.
  void begin_stop();
  /// Returns when what was under way ended.
  Task<void> stop();

 private:
  struct One {
    std::unique_ptr<Source> source;
    std::unique_ptr<Consumer> consumer;
    std::unique_ptr<telemetry::JobLoop> retry;
  };

  using HandlerResult = Task<Result<http::Response>>;
  HandlerResult list_consumers(Ctx ctx, http::Request request);
  HandlerResult rebuild_consumer(Ctx ctx, http::Request request);
  HandlerResult list_parked(Ctx ctx, http::Request request);
  HandlerResult replay_parked(Ctx ctx, http::Request request);
  HandlerResult skip_parked(Ctx ctx, http::Request request);
  One* find(std::string_view publisher);

  sql::Database& database_;
  std::string service_;
  Handler& handler_;
  const Clock& clock_;
  std::optional<transfer::Transfers> transfers_{};  ///< its thread only where there is something to transfer
  std::vector<One> all_{};
};

}  // namespace agora::events
