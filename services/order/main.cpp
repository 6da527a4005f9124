// The order service: wiring, from settings to a drained exit.

#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/events/feed_server.hpp"
#include "libs/http/authenticators.hpp"
#include "libs/http/error_table.hpp"
#include "libs/http/health.hpp"
#include "libs/http/probe.hpp"
#include "libs/log/log.hpp"
#include "services/order/api/http_orders.hpp"
#include "services/order/api/http_pages.hpp"
#include "services/order/api/jobs.hpp"
#include "services/order/api/offers_file.hpp"
#include "services/order/api/order_json.hpp"

namespace agora::order {
namespace {

constexpr std::chrono::milliseconds kJobDeadline{10'000};
constexpr std::chrono::milliseconds kProbeDeadline{2'000};

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + path);
  return text.str();
}

std::vector<events::Event> load_offers(const Config& config) {
  if (!config.offers.empty()) return read_offers(read_file(config.offers));
  return config.standalone ? read_offers(builtin_offers()) : std::vector<events::Event>{};
}

http::Router public_router(const OrderRoutes& routes) {
  http::Router router;
  router.mount("", page_routes());
  router.mount("", http::error_routes());
  for (const auto* prefix : {"", "/api/v1"}) {
    router.mount(prefix, health_route());
    router.mount(prefix, order_routes(routes));
  }
  return router;
}

http::ServerOptions server_options(const Config& config, std::string name, std::uint16_t port, std::string setting) {
  return {std::move(name), config.bind, port, std::move(setting), config.http};
}

Task<void> drain(asio::io_context& io, const Config& config, http::Readiness& readiness,
                 std::vector<http::Server*> servers, std::vector<telemetry::JobLoop*> jobs,
                 events::Consumers& consumers) {
  readiness.set_draining();
  const auto deadline = std::chrono::steady_clock::now() + config.drain_deadline;
  for (auto* server : servers) co_await server->drain(deadline);
  for (auto* job : jobs) co_await job->stop();
  co_await consumers.stop();
  io.stop();
}

int serve(const Config& config) {
  const SystemClock clock;
  telemetry::Registry metrics;
  const auto offers = load_offers(config);
  const auto demo_users = demo_users_of(offers);

  const http::NoTokens no_tokens;
  std::optional<http::TestTokens> test_tokens;
  if (!config.test_tokens.empty()) test_tokens = http::TestTokens::from_file(config.test_tokens);
  const http::Authenticator& tokens = test_tokens ? static_cast<const http::Authenticator&>(*test_tokens) : no_tokens;
  const http::DemoGuestAuthenticator demo_guests(tokens);
  ErasedUsers erased;
  const ErasedUserAuthenticator authenticator(
      config.demo_guests ? static_cast<const http::Authenticator&>(demo_guests) : tokens, erased);
  std::optional<http::ServiceTokens> service_tokens;
  if (!config.service_token.empty()) service_tokens = http::ServiceTokens::from_file(config.service_token);

  const auto database = sql::Database::open(config.url(), config.sql, metrics);
  OrderStore orders(*database, render_order);
  const OrderRoutes routes{orders, clock, demo_users, erased, config.time_to_pay()};
  auto router = public_router(routes);
  if (config.print_routes) {
    std::cout << http::describe(router);
    return 0;
  }
  http::Readiness readiness;

  asio::io_context io(1);
  http::Router internal;
  internal.mount("", http::health_routes(readiness, metrics));
  std::optional<events::FeedServer> feed;
  if (database->engine() == sql::Engine::sqlite) {
    feed.emplace(io, *database, events::EventLog("order", config.events), clock, metrics);
    internal.mount("", feed->routes());
  }
  EventHandler handler(clock, erased);
  events::Consumers consumers(*database, "order", handler, clock);
  internal.mount("", consumers.routes());
  http::Server public_server(io, server_options(config, "public", config.port, "--port or AGORA_ORDER_PORT"),
                             std::move(router), authenticator, metrics);
  http::Server internal_server(
      io, server_options(config, "internal", config.internal_port, "--internal-port or AGORA_ORDER_INTERNAL_PORT"),
      std::move(internal), service_tokens ? static_cast<const http::Authenticator&>(*service_tokens) : no_tokens,
      metrics);
  public_server.listen();
  internal_server.listen();

  database->migrate(migrations());
  if (!offers.empty()) apply_offers(*database, offers, handler);
  load_erased_users(*database, erased);
  if (service_tokens) {
    consumers.start(io, config.peers(), service_tokens->own(), config.consumer, metrics);
    consumers.report_to(readiness);
  }
  telemetry::JobLoop expiry(io, "order.expiry", config.expiry_interval, kJobDeadline, expiry_job(orders, clock, config),
                            metrics);
  telemetry::JobLoop cleaning(io, "order.key_cleaning", config.cleaning_interval, kJobDeadline,
                              key_cleaning_job(orders, clock, config), metrics);
  std::optional<telemetry::JobLoop> trimming;
  if (feed) trimming.emplace(io, "events.trim", config.trim_interval, kJobDeadline, feed->trim_job(), metrics);

  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](boost::system::error_code, int) {
    log::info({}, "draining");
    if (feed) feed->drain();
    std::vector<telemetry::JobLoop*> jobs{&expiry, &cleaning};
    if (trimming) jobs.push_back(&*trimming);
    asio::co_spawn(io, drain(io, config, readiness, {&public_server, &internal_server}, jobs, consumers),
                   asio::detached);
  });
  log::info({}, "order service is ready", {{"port", int{config.port}}, {"internal_port", int{config.internal_port}}});
  io.run();
  database->close();
  log::info({}, "order service has stopped");
  return 0;
}

int run(int argc, const char* const* argv) {
  Config config;
  if (const auto code = config.parse(argc, argv)) return *code;
  if (config.check) return http::probe(config.bind.front(), config.internal_port, "/readyz", kProbeDeadline) ? 0 : 1;
  // Whoever reads the log, or an answer, may go away: a write says so, the process need not end of it.
  std::signal(SIGPIPE, SIG_IGN);
  log::start("order", config.level());
  try {
    return serve(config);
  } catch (const std::exception& error) {
    // A busy port, a file in use, a wrong file: whoever starts us must change something.
    log::stop();
    std::cerr << "order-service: " << error.what() << '\n';
    return 2;
  }
}

}  // namespace
}  // namespace agora::order

int main(int argc, char** argv) {
  const int code = agora::order::run(argc, argv);
  agora::log::stop();
  return code;
}
