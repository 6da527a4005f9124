// agora-test-publisher: a log of a test's own, for services that are not there yet. Serves the feed of one publisher by
// libs/events, or relays it to Kafka; POST /publish {"events": [{topic, type, subject, version, data}]} adds to it.

#include <csignal>
#include <cstdlib>
#include <iostream>

#include <boost/asio/signal_set.hpp>
#include <boost/describe/class.hpp>

#include "libs/events/feed_server.hpp"
#include "libs/events/kafka/kafka_transport.hpp"
#include "libs/events/numbering.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/relay.hpp"
#include "libs/events/schema.hpp"
#include "libs/http/authenticators.hpp"
#include "libs/http/health.hpp"
#include "libs/http/server.hpp"
#include "libs/json/reader.hpp"
#include "libs/json/writer.hpp"
#include "libs/log/log.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora {
namespace {

struct NewEvent {
  std::string topic{};
  std::string type{};
  std::string subject{};
  std::int64_t version = 0;
};
BOOST_DESCRIBE_STRUCT(NewEvent, (), (topic, type, subject, version))

/// The names of topics and types are literals to an outbox; here they come from a test.
const char* keep(const std::string& name) {
  static std::list<std::string> kept;
  return kept.emplace_back(name).c_str();
}

Task<Result<http::Response>> publish(sql::Database& database, const Clock& clock, Ctx ctx, http::Request request) {
  AGORA_CO_TRY(const auto document, json::Document::parse(request.body(), 1'000'000));
  events::Outbox outbox(clock.now());
  const auto list = document.root().member("events");
  for (auto node = list ? list->first() : std::nullopt; node; node = node->next()) {
    AGORA_CO_TRY(const auto event, json::read<NewEvent>(*node, json::UnknownFields::ignore));
    auto& data = outbox.add(keep(event.topic), keep(event.type), event.subject, event.version, {});
    if (const auto given = node->member("data")) json::append(data, *given);
  }
  auto work = [outbox](sql::Tx& tx) { outbox.write(tx); };
  co_await database.write(std::move(ctx), work);
  co_return http::Response{.status = 204};
}

Task<Result<http::Response>> trim(events::FeedServer& feed, Ctx ctx) {
  const auto job = feed.trim_job();
  co_await job(std::move(ctx));
  co_return http::Response{.status = 204};
}

/// Soon another's turn, when this one sleeps or is gone.
constexpr events::RelayLimits kRelayLimits{.lease = std::chrono::milliseconds(1'000)};
constexpr std::chrono::milliseconds kRelayInterval{200};
constexpr std::chrono::milliseconds kRelayDeadline{20'000};

struct Relaying {
  Relaying(asio::io_context& io, sql::Database& database, const events::EventLog& log, const std::string& publisher,
           const std::string& cluster, const Clock& clock, telemetry::Registry& metrics)
      : transport(events::kafka::Address::parse(cluster), publisher),
        relay(database, log, transport, kRelayLimits, clock, metrics),
        loop(io, "events.relay", kRelayInterval, kRelayDeadline, relay.job(), metrics) {}

  events::kafka::KafkaTransport transport;
  events::Relay relay;
  telemetry::JobLoop loop;
};

/// `cluster`: empty where readers come to the feed.
int serve(const std::string& publisher, const std::string& url, std::uint16_t port, const std::string& token_file,
          const std::string& cluster) {
  const SystemClock clock;
  telemetry::Registry metrics;
  const auto tokens = http::ServiceTokens::from_file(token_file);
  const auto database = sql::Database::open(url, {}, metrics);
  const std::array<sql::Migration, 4> migrations{{{1, "outbox", events::kOutboxSchema},
                                                  {2, "log", events::kLogSchema},
                                                  {3, "numbering", events::kNumberingSchema},
                                                  {4, "leases", sql::kLeasesSchema}}};
  database->migrate(migrations);
  asio::io_context io(1);
  events::LogLimits limits;
  limits.keep = limits.compaction_lag = limits.trim_lease = std::chrono::milliseconds(0);
  const events::EventLog log(publisher, limits, cluster.empty() ? "" : "kafka");
  events::FeedServer feed(io, *database, log, clock, metrics);
  std::optional<Relaying> relaying;
  const auto grew = [&] {
    feed.log_grew();
    if (relaying) relaying->loop.wake();
  };
  events::Numbering numbering(io, *database, {}, grew, metrics);
  if (!cluster.empty()) relaying.emplace(io, *database, log, publisher, cluster, clock, metrics);
  http::Readiness readiness;
  http::Router router;
  router.mount("", http::health_routes(readiness, metrics));
  router.mount("", feed.routes());
  const auto handler = [&](Ctx ctx, http::Request request) {
    return publish(*database, clock, std::move(ctx), request);
  };
  const auto trimming = [&](Ctx ctx, http::Request) { return trim(feed, std::move(ctx)); };
  router.mount("", {{http::Method::post, "/publish", "publish", http::Auth::service, http::Ownership::none, handler},
                    {http::Method::post, "/trim", "trim", http::Auth::service, http::Ownership::none, trimming}});
  http::ServerOptions options{.name = "internal", .addresses = {"127.0.0.1"}, .port = port};
  options.limits.body_bytes_max = 64 << 20;
  http::Server server(io, options, std::move(router), tokens, metrics);
  server.listen();
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code, int) {
    feed.drain();
    io.stop();
  });
  io.run();
  database->close();
  return 0;
}

}  // namespace
}  // namespace agora

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::cerr << "agora-test-publisher PUBLISHER DATABASE_URL PORT TOKEN_FILE [KAFKA_URL]\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  agora::log::start("publisher", agora::log::Level::warn);
  int code = 2;
  try {
    code = agora::serve(argv[1], argv[2], static_cast<std::uint16_t>(std::atoi(argv[3])), argv[4],
                        argc == 6 ? argv[5] : "");
  } catch (const std::exception& error) {
    std::cerr << "agora-test-publisher: " << error.what() << '\n';
  }
  agora::log::stop();
  return code;
}
