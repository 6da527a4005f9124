#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/base/clock.hpp"
#include "libs/events/feed_server.hpp"
#include "libs/events/kafka/kafka_source.hpp"
#include "libs/events/kafka/kafka_transport.hpp"
#include "libs/events/numbering.hpp"
#include "libs/events/relay.hpp"
#include "libs/grpc/client.hpp"
#include "libs/grpc/server.hpp"
#include "libs/http/authenticators.hpp"
#include "libs/http/health.hpp"
#include "libs/jwt/key_poll.hpp"
#include "libs/service/erased_users.hpp"
#include "libs/service/settings.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::service {

/// A service as a running process, from settings to a drained exit: its database, who may call, public and internal
/// server, the log that it serves, the consumers, its jobs. main makes one, builds the service's own parts on it, then
/// run()s it. Used on the main thread.
class Process {
 public:
  /// Opens the database. `settings` must outlive it. Throws as Database::open() and the token files do.
  explicit Process(const Settings& settings);
  ~Process();

  sql::Database& database() { return *database_; }
  const Clock& clock() const { return clock_; }
  telemetry::Registry& metrics() { return metrics_; }
  ErasedUsers& erased() { return erased_; }
  /// Verifies bearer tokens, as the settings say; erased users' are refused.
  const http::Authenticator& tokens() const { return tokens_; }
  /// What a client of another service of ours needs; used where the settings name its address.
  rpc::ClientOptions peer(std::string name, std::string address) const;

  struct Parts {
    http::Router routes;                       ///< of the public port
    const http::Authenticator& authenticator;  ///< of the public port
    std::span<const sql::Migration> migrations;
    events::Handler& handler;                       ///< of what is consumed, and of --offers
    std::vector<events::Event> offers{};            ///< applied at every start
    std::vector<rpc::Row> rows{};                   ///< of the gRPC port; served where there is a service token
    std::optional<events::NumberedLog> numbered{};  ///< a log of its own besides an outbox
  };
  /// Prints the routes when the settings say so. Otherwise listens, migrates, applies the offers, begins to consume;
  /// false when the process should end now.
  bool start(Parts parts);

  /// A job of the service's own, once it has started. `deadline`: of one round.
  void add_job(std::string name, std::chrono::milliseconds interval, telemetry::Job job,
               std::chrono::milliseconds deadline = std::chrono::seconds{10});
  /// Something that must end before the io thread does (transfers, a pool of threads).
  void on_drain(std::function<void()> stop) { on_drain_.push_back(std::move(stop)); }

  /// Serves until SIGTERM or SIGINT, then finishes what is under way. The exit code.
  int run();

 private:
  void start_tracing();
  void start_consumers();
  /// Has what is committed numbered, served, and published.
  void start_log();
  Task<void> drain();
  void poll_keys();

  const Settings& settings_;
  const SystemClock clock_;
  telemetry::Registry metrics_;
  http::Readiness readiness_;
  ErasedUsers erased_;
  const http::NoTokens no_tokens_;
  const std::unique_ptr<jwt::Verifier> verifier_;  ///< null without --jwks, as the following
  const std::unique_ptr<jwt::KeyPoll> keys_;
  std::optional<http::ServiceTokens> service_tokens_;
  ErasedUserAuthenticator tokens_;
  std::unique_ptr<sql::Database> database_;
  asio::io_context io_{1};
  std::optional<events::FeedServer> feed_;
  std::optional<events::kafka::KafkaTransport> kafka_;
  std::optional<events::Relay> relay_;
  std::unique_ptr<telemetry::JobLoop> relaying_;
  std::optional<TraceExport> traces_;
  std::unique_ptr<telemetry::JobLoop> exporting_;
  std::optional<events::Numbering> numbering_;
  std::optional<events::Consumers> consumers_;
  std::unique_ptr<http::Server> public_server_;
  std::unique_ptr<http::Server> internal_server_;
  std::unique_ptr<rpc::Server> grpc_server_;
  std::vector<std::unique_ptr<telemetry::JobLoop>> jobs_;
  std::vector<std::function<void()>> on_drain_;
};

/// What main() is, for each service: answers --check, starts the log, calls `serve`; what it throws (a busy port, a
/// file in use, a wrong file) ends in exit code 2, as whoever started us must change something.
int run_program(const Settings& settings, const std::function<int()>& serve);

}  // namespace agora::service
