#include "services/order/config.hpp"

#include "libs/config/parser.hpp"

namespace agora::order {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60 * 1'000;

void declare_http(config::Parser& parser, http::Limits& http) {
  parser.option("http.header-bytes-max", http.header_bytes_max, "Largest request header", {.min = 512, .max = 1 << 20});
  parser.option("http.body-bytes-max", http.body_bytes_max, "Largest request body", {.min = 0, .max = 64 << 20});
  parser.option("http.connections-max", http.connections_max, "Most connections", {.min = 1, .max = 1'000'000});
  parser.option("http.requests-in-flight-max", http.requests_in_flight_max, "Most requests being answered",
                {.min = 1, .max = 1'000'000});
  parser.option("http.reserved-percent", http.reserved_percent, "Share of those kept for what must not be shed",
                {.min = 0, .max = 90});
  parser.option("http.header-deadline", http.header_deadline, "Time for a request's header", {.min = 1, .max = kDay});
  parser.option("http.body-bytes-per-second-min", http.body_bytes_per_second_min, "Slower bodies are cut off",
                {.min = 1, .max = 1 << 30});
  parser.option("http.idle-deadline", http.idle_deadline, "Time between requests", {.min = 1, .max = kDay});
  parser.option("http.request-deadline", http.request_deadline, "Time to answer a request", {.min = 1, .max = kDay});
}

void declare_sql(config::Parser& parser, sql::Limits& sql) {
  parser.option("sql.group-max", sql.group_max, "Most works in one commit", {.min = 1, .max = 1'024});
  parser.option("sql.queue-max", sql.queue_max, "Most works that wait", {.min = 1, .max = 1'000'000});
  parser.option("sql.readers", sql.readers, "Read connections", {.min = 1, .max = 64});
  parser.option("sql.writers", sql.writers, "PostgreSQL: write connections", {.min = 1, .max = 64});
  parser.option("sql.retries-max", sql.retries_max, "Retries of serialization failures", {.min = 0, .max = 100});
  parser.option("sql.wal-bytes-max", sql.wal_bytes_max, "SQLite: the WAL is truncated above this",
                {.min = 1 << 20, .max = std::int64_t{1} << 40});
}

}  // namespace

std::optional<int> Config::parse(int argc, const char* const* argv) {
  config::Parser parser("order-service", "Takes orders and keeps the stock that they are made of.", "AGORA_ORDER_");
  parser.option("env", environment, "production, demo or test (demo with --standalone, else production)",
                {.env = "AGORA_ENV"});
  parser.option("bind", bind, "Addresses that all ports are bound to", {.env = "AGORA_BIND"});
  parser.option("port", port, "Public HTTP port", {.min = 1, .max = 65'535});
  parser.option("internal-port", internal_port, "Internal HTTP port: /livez, /readyz, /metrics",
                {.min = 1, .max = 65'535});
  parser.flag("standalone", standalone, "Run without peers; offers, sellers and users come from --offers");
  parser.flag("demo-guests", demo_guests, "Let requests without a token place and read orders of the demo users");
  parser.option("offers", offers, "File of CloudEvents, one JSON a line (built-in with --standalone)");
  parser.option("test-tokens", test_tokens, "File of tokens and whom they stand for, for tests");
  parser.option("data", data, "Folder of the SQLite files");
  parser.option("db", database_url, "Database URL: sqlite:DIR/order.db or postgresql://... (sqlite:<data>/order.db)");
  parser.option("payment-window", payment_window,
                "An unpaid order expires after it (24h with --standalone, else 15min)", {.min = 1, .max = 365 * kDay});
  parser.option("expiry-interval", expiry_interval, "How often unpaid orders are looked for", {.min = 1, .max = kDay});
  parser.option("expiry-batch-max", expiry_batch_max, "Most groups expired at once", {.min = 1, .max = 10'000});
  parser.option("idempotency-retention", idempotency_retention, "How long idempotency keys are kept",
                {.min = 1, .max = 365 * kDay});
  parser.option("cleaning-interval", cleaning_interval, "How often old keys are deleted", {.min = 1, .max = kDay});
  parser.option("cleaning-batch-max", cleaning_batch_max, "Most keys deleted at once", {.min = 1, .max = 100'000});
  parser.option("drain-deadline", drain_deadline, "Longest time to finish requests on SIGTERM",
                {.min = 1, .max = kDay});
  parser.option("log-level", log_level, "debug, info, warn or error");
  declare_http(parser, http);
  declare_sql(parser, sql);
  parser.flag("check", check, "Ask the running service whether it is ready; exit 0 or 1");
  parser.flag("print-routes", print_routes, "Print the routes as JSON lines");

  parser.rule([this]() -> std::optional<std::string> {
    if (environment.empty()) environment = standalone ? "demo" : "production";
    if (environment == "production" || environment == "demo" || environment == "test") return std::nullopt;
    return "AGORA_ENV must be production, demo or test";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (environment != "production" || (!demo_guests && test_tokens.empty() && offers.empty() && !standalone)) {
      return std::nullopt;
    }
    return "--standalone, --demo-guests, --offers and --test-tokens are refused in production; set AGORA_ENV=demo";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (log_level == "debug" || log_level == "info" || log_level == "warn" || log_level == "error") return std::nullopt;
    return "--log-level must be debug, info, warn or error";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (port != internal_port) return std::nullopt;
    return "--port and --internal-port must differ";
  });
  const auto exit_code = parser.parse(argc, argv);
  sql.durability_optional = environment == "test";
  return exit_code;
}

log::Level Config::level() const {
  if (log_level == "debug") return log::Level::debug;
  if (log_level == "warn") return log::Level::warn;
  if (log_level == "error") return log::Level::error;
  return log::Level::info;
}

std::chrono::milliseconds Config::time_to_pay() const {
  if (payment_window) return *payment_window;
  return standalone ? std::chrono::hours{24} : std::chrono::minutes{15};
}

}  // namespace agora::order
