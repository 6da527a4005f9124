#include "libs/service/process.hpp"

#include <csignal>
#include <iostream>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/http/probe.hpp"
#include "libs/http/server.hpp"
#include "libs/service/offers_file.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::service {
namespace {

constexpr std::chrono::milliseconds kProbeDeadline{2'000};
constexpr std::chrono::milliseconds kReleaseDeadline{2'000};

/// What this service publishes; its consumers read it from Kafka, where there is a cluster.
events::EventLog event_log(const Settings& settings) {
  return {settings.name, settings.events, settings.kafka.reveal().empty() ? "" : "kafka"};
}

std::string in_capitals(std::string name) {
  for (auto& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

rpc::ServerOptions grpc_options(const Settings& settings) {
  return {settings.bind, settings.grpc_port, "--grpc-port or AGORA_" + in_capitals(settings.name) + "_GRPC_PORT",
          settings.grpc};
}

http::ServerOptions server_options(const Settings& settings, std::string port_name, std::uint16_t port) {
  const auto variable = in_capitals(settings.name);
  auto setting = "--" + (port_name == "public" ? std::string("port") : port_name + "-port");
  setting += " or AGORA_" + variable + (port_name == "public" ? "_PORT" : "_INTERNAL_PORT");
  const auto traces = port_name == "public" ? http::Traces::begin : http::Traces::follow;
  return {std::move(port_name), settings.bind, port, std::move(setting), settings.http, traces};
}

}  // namespace

Process::Process(const Settings& settings)
    : settings_(settings),
      verifier_(settings.keys.source.empty()
                    ? nullptr
                    : std::make_unique<jwt::Verifier>(
                          settings.tokens, static_cast<std::size_t>(settings.verified_tokens_max), clock_, metrics_)),
      keys_(verifier_ ? std::make_unique<jwt::KeyPoll>(settings.keys, *verifier_) : nullptr),
      service_tokens_(settings.service_token.empty()
                          ? std::nullopt
                          : std::optional(http::ServiceTokens::from_file(settings.service_token))),
      tokens_(verifier_ ? static_cast<const http::Authenticator&>(*verifier_) : no_tokens_, erased_),
      database_(sql::Database::open(settings.url(), settings.sql, metrics_)) {}

Process::~Process() = default;

bool Process::start(Parts parts) {
  if (settings_.print_routes) {
    std::cout << http::describe(parts.routes);
    return false;
  }
  if (!settings_.traces.endpoint.empty()) start_tracing();
  http::Router internal;
  internal.mount("", http::health_routes(readiness_, metrics_));
  if (events::publishes(settings_.name)) {
    feed_.emplace(io_, *database_, event_log(settings_), clock_, metrics_);
    internal.mount("", feed_->routes());
  }
  consumers_.emplace(*database_, settings_.name, parts.handler, clock_);
  internal.mount("", consumers_->routes());
  public_server_ = std::make_unique<http::Server>(io_, server_options(settings_, "public", settings_.port),
                                                  std::move(parts.routes), parts.authenticator, metrics_);
  internal_server_ = std::make_unique<http::Server>(
      io_, server_options(settings_, "internal", settings_.internal_port), std::move(internal),
      service_tokens_ ? static_cast<const http::Authenticator&>(*service_tokens_) : no_tokens_, metrics_);
  if (!parts.rows.empty() && service_tokens_) {
    const auto authenticate = [this](std::optional<std::string_view> bearer) {
      return service_tokens_->authenticate(bearer);
    };
    grpc_server_ =
        std::make_unique<rpc::Server>(io_, grpc_options(settings_), std::move(parts.rows), authenticate, metrics_);
  }
  // A busy port is told before anything is changed.
  public_server_->listen();
  internal_server_->listen();
  if (grpc_server_) grpc_server_->listen();

  database_->migrate(parts.migrations);
  if (!parts.offers.empty()) apply_offers(*database_, parts.offers, parts.handler);
  load_erased_users(*database_, erased_);
  // A file is ours alone; beside us on a server another replica may hear of a user's end.
  if (database_->engine() == sql::Engine::postgresql) {
    add_job("users.erased", settings_.erased_interval, follow_erased_users(*database_, erased_));
  }
  if (!settings_.standalone) start_consumers();
  if (keys_) poll_keys();
  if (feed_) {
    start_log();
  } else if (parts.numbered && database_->engine() == sql::Engine::postgresql) {
    // SQLite numbers on insert. Who follows it looks by itself.
    const auto nobody = [] {};
    numbering_.emplace(io_, *database_, settings_.numbering, nobody, metrics_, *parts.numbered);
  }
  return true;
}

void Process::start_tracing() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  telemetry::Resource resource{{"service.name", settings_.program()},
                               {"service.namespace", "agora"},
                               {"service.instance.id", std::string(host) + ':' + std::to_string(::getpid())},
                               {"deployment.environment.name", settings_.environment}};
  const auto& options = settings_.traces;
  traces_.emplace(options, std::move(resource), metrics_.tracer());
  exporting_ = std::make_unique<telemetry::JobLoop>(io_, "traces.export", options.interval, 2 * options.deadline,
                                                    traces_->job(), metrics_);
  metrics_.tracer().start({.sampled = options.share().value(),
                           .queue_max = static_cast<std::size_t>(options.queue_max),
                           .batch_max = static_cast<std::size_t>(options.batch_max)},
                          [this] { asio::post(io_, [this] { exporting_->wake(); }); });
}

rpc::ClientOptions Process::peer(std::string name, std::string address) const {
  return {std::move(name), std::move(address), service_tokens_ ? service_tokens_->own() : Secret<std::string>(),
          settings_.grpc_client};
}

void Process::start_consumers() {
  const auto& cluster = settings_.kafka.reveal();
  auto peers = settings_.peers;
  if (!cluster.empty()) {
    for (auto& peer : peers) peer.url = cluster;
  }
  const auto of_kafka = [this](const events::Peer& peer, std::vector<std::string> topics) {
    auto address = events::kafka::Address::parse(peer.url);
    return std::make_unique<events::kafka::KafkaSource>(std::move(address), settings_.name, peer.publisher,
                                                        std::move(topics));
  };
  const auto token = service_tokens_ ? service_tokens_->own() : Secret<std::string>();
  consumers_->start(io_, peers, token, of_kafka, settings_.consumer, metrics_);
  consumers_->report_to(readiness_);
}

void Process::start_log() {
  if (!settings_.kafka.reveal().empty()) {
    kafka_.emplace(events::kafka::Address::parse(settings_.kafka.reveal()), settings_.name);
    relay_.emplace(*database_, event_log(settings_), *kafka_, settings_.relay, clock_, metrics_);
    relaying_ = std::make_unique<telemetry::JobLoop>(io_, "events.relay", settings_.relay_interval,
                                                     settings_.relay_deadline, relay_->job(), metrics_);
  }
  const auto grew = [this] {
    feed_->log_grew();
    if (relaying_) relaying_->wake();
  };
  numbering_.emplace(io_, *database_, settings_.numbering, grew, metrics_);
  add_job("events.trim", settings_.trim_interval, feed_->trim_job());
}

void Process::poll_keys() {
  // The round's own deadline is the shorter; this one only ends what hangs for another reason.
  add_job(
      "jwt.keys", settings_.keys.interval, [this](Ctx ctx) { return keys_->poll(std::move(ctx)); },
      2 * settings_.keys.fetch_deadline);
  on_drain([this] { keys_->stop(); });
  readiness_.add_note("tokens", [this] { return keys_->complaint(); });
}

void Process::add_job(std::string name, std::chrono::milliseconds interval, telemetry::Job job,
                      std::chrono::milliseconds deadline) {
  jobs_.push_back(
      std::make_unique<telemetry::JobLoop>(io_, std::move(name), interval, deadline, std::move(job), metrics_));
}

Task<void> Process::drain() {
  readiness_.set_draining();
  if (feed_) feed_->drain();
  // What others tell can wait for the next start; what is under way, a rebuild too, ends soon.
  consumers_->begin_stop();
  const auto deadline = std::chrono::steady_clock::now() + settings_.drain_deadline;
  if (grpc_server_) grpc_server_->begin_drain();
  co_await public_server_->drain(deadline);
  if (grpc_server_) co_await grpc_server_->drain(deadline);
  co_await internal_server_->drain(deadline);
  for (const auto& stop : on_drain_) stop();
  for (const auto& job : jobs_) co_await job->stop();
  co_await consumers_->stop();
  // After those that write; what it misses another replica numbers, or we at the next start.
  if (numbering_) co_await numbering_->stop();
  if (relaying_) {
    co_await relaying_->stop();
    const Ctx ctx{.deadline = std::chrono::steady_clock::now() + kReleaseDeadline};
    co_await relay_->release(ctx);
  }
  if (exporting_) {
    co_await exporting_->stop();
    const Ctx ctx{.deadline = std::chrono::steady_clock::now() + kReleaseDeadline};
    co_await traces_->flush(ctx);
  }
  io_.stop();
}

int Process::run() {
  asio::signal_set signals(io_, SIGTERM, SIGINT);
  signals.async_wait([this](boost::system::error_code, int) {
    log::info({}, "draining");
    asio::co_spawn(io_, drain(), asio::detached);
  });
  log::info({}, "service is ready", {{"port", int{settings_.port}}, {"internal_port", int{settings_.internal_port}}});
  io_.run();
  database_->close();
  log::info({}, "service has stopped");
  return 0;
}

int run_program(const Settings& settings, const std::function<int()>& serve) {
  if (settings.check) {
    return http::probe(settings.bind.front(), settings.internal_port, "/readyz", kProbeDeadline) ? 0 : 1;
  }
  // Whoever reads the log, or an answer, may go away: a write says so, the process need not end of it.
  std::signal(SIGPIPE, SIG_IGN);
  log::start(settings.name, settings.level());
  int code = 2;
  try {
    code = serve();
    log::stop();
  } catch (const std::exception& error) {
    log::stop();
    std::cerr << settings.program() << ": " << error.what() << '\n';
  }
  return code;
}

}  // namespace agora::service
