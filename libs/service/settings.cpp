#include "libs/service/settings.hpp"

#include <algorithm>

namespace agora::service {
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
  parser.option("http.streams-max", http.streams_max, "Most streams of events", {.min = 1, .max = 1'000'000});
  parser.option("http.streams-per-principal-max", http.streams_per_principal_max, "Most of them of one caller",
                {.min = 1, .max = 1'000'000});
  parser.option("http.stream-events-max", http.stream_events_max,
                "Events that may wait for a client that does not read; with one more its stream ends",
                {.min = 1, .max = 100'000});
  parser.option("http.stream-bytes-max", http.stream_bytes_max,
                "Bytes of them that are kept; the others are read again", {.min = 0, .max = 64 << 20});
  parser.option("http.stream-heartbeat", http.stream_heartbeat, "A stream says that it is there after so much silence",
                {.min = 1, .max = kDay});
}

void declare_grpc(config::Parser& parser, rpc::Limits& grpc) {
  parser.option("grpc.message-bytes-max", grpc.message_bytes_max, "Largest message of a gRPC call",
                {.min = 1'024, .max = 64 << 20});
  parser.option("grpc.metadata-bytes-max", grpc.metadata_bytes_max, "Largest header of a gRPC call",
                {.min = 1'024, .max = 1 << 20});
  parser.option("grpc.calls-in-flight-max", grpc.calls_in_flight_max, "Most gRPC calls being answered",
                {.min = 1, .max = 1'000'000});
  parser.option("grpc.streams-per-connection-max", grpc.streams_per_connection_max, "Most gRPC calls of a connection",
                {.min = 1, .max = 1'000'000});
  parser.option("grpc.memory-bytes-max", grpc.memory_bytes_max, "Memory for all gRPC connections",
                {.min = 1 << 20, .max = std::int64_t{1} << 40});
  parser.option("grpc.deadline-max", grpc.deadline_max, "Longest deadline that a gRPC call may have",
                {.min = 1, .max = kDay});
  parser.option("grpc.handshake-deadline", grpc.handshake_deadline,
                "Time for a gRPC connection to say that it speaks HTTP/2", {.min = 1, .max = kDay});
  parser.option("grpc.keepalive", grpc.keepalive, "A silent gRPC connection is asked whether it lives",
                {.min = 1, .max = kDay});
  parser.option("grpc.keepalive-deadline", grpc.keepalive_deadline, "Time for it to say so", {.min = 1, .max = kDay});
  parser.option("grpc.ping-interval-min", grpc.ping_interval_min, "Who pings more often is disconnected",
                {.min = 0, .max = kDay});
}

void declare_grpc_client(config::Parser& parser, rpc::ClientLimits& limits) {
  parser.option("grpc.call-deadline", limits.deadline_max, "Longest time that another service is waited for",
                {.min = 1, .max = kDay});
  parser.option("grpc.connect-deadline", limits.connect_deadline, "Time for an attempt to connect to it",
                {.min = 1, .max = kDay});
  parser.option("grpc.reconnect-max", limits.reconnect_max, "Longest time between attempts to connect to it",
                {.min = 100, .max = kDay});
}

void declare_sql(config::Parser& parser, sql::Limits& sql) {
  parser.option("sql.group-max", sql.group_max, "Most works in one commit", {.min = 1, .max = 1'024});
  parser.option("sql.queue-max", sql.queue_max, "Most works that wait", {.min = 1, .max = 1'000'000});
  parser.option("sql.readers", sql.readers, "Read connections", {.min = 1, .max = 64});
  parser.option("sql.writers", sql.writers, "PostgreSQL: write connections", {.min = 1, .max = 64});
  parser.option("sql.retries-max", sql.retries_max,
                "PostgreSQL: retries of serialization failures and connections lost before COMMIT",
                {.min = 0, .max = 100});
  parser.option("sql.statement-time-max", sql.statement_time_max,
                "PostgreSQL: a statement takes at most this long, less where its deadline is nearer",
                {.min = 1, .max = kDay});
  parser.option("sql.idle-in-transaction-max", sql.idle_in_transaction_max,
                "PostgreSQL: a process that stops keeps its locks for so long", {.min = 100, .max = 2'000});
  parser.option("sql.reconnect-wait-max", sql.reconnect_wait_max, "PostgreSQL: longest time between tries to connect",
                {.min = 1, .max = 60'000});
  parser.option("sql.migration-lock-wait-max", sql.migration_lock_wait_max,
                "PostgreSQL: a migration waits for a table at most this long", {.min = 1, .max = kDay});
  parser.option("sql.wal-bytes-max", sql.wal_bytes_max, "SQLite: the WAL is truncated above this",
                {.min = 1 << 20, .max = std::int64_t{1} << 40});
}

void declare_events(config::Parser& parser, Settings& c) {
  parser.option("events.keep", c.events.keep, "Events are kept at least this long", {.min = 0, .max = 3'650 * kDay});
  parser.option("events.keep-max", c.events.keep_max, "And no longer than this for a slow consumer",
                {.min = 0, .max = 3'650 * kDay});
  parser.option("events.keep-rows-max", c.events.keep_rows_max, "Nor beyond so many", {.min = 1, .max = INT64_MAX});
  parser.option("events.compaction-lag", c.events.compaction_lag, "Older versions of a state are kept this long",
                {.min = 0, .max = 365 * kDay});
  parser.option("events.trim-interval", c.trim_interval, "How often the log is trimmed", {.min = 1, .max = kDay});
  parser.option("events.live-interval", c.live_interval, "How soon who follows a stream sees what is new",
                {.min = 1, .max = 60'000});
  parser.option("users.erased-interval", c.erased_interval,
                "PostgreSQL: how soon a replica refuses a user of whose end another one heard",
                {.min = 1, .max = kDay});
  parser.option("events.page-events-max", c.events.page_events_max, "Most events in an answer of the feed",
                {.min = 1, .max = 10'000});
  parser.option("events.trim-lease", c.events.trim_lease,
                "Another replica trims when the one that did is gone this long", {.min = 0, .max = kDay});
  parser.option("events.numbering-interval", c.numbering.interval,
                "PostgreSQL: how soon a replica sees what another has committed", {.min = 1, .max = 10'000});
  parser.option("events.numbering-batch-max", c.numbering.batch_max, "PostgreSQL: events numbered in one transaction",
                {.min = 1, .max = 1'000'000});
  parser.option("events.wait", c.consumer.wait, "How long a poll of a feed waits", {.min = 0, .max = 25'000});
  parser.option("events.relay-batch-max", c.relay.batch_events_max, "Kafka: most events in one transaction",
                {.min = 1, .max = 10'000});
  parser.option("events.relay-lease", c.relay.lease, "Kafka: another replica publishes when one is gone for so long",
                {.min = 100, .max = kDay});
  parser.option("events.relay-interval", c.relay_interval, "Kafka: how often it is looked whether all is published",
                {.min = 1, .max = kDay});
  parser.option("events.relay-deadline", c.relay_deadline, "Kafka: longest time to publish a batch",
                {.min = 100, .max = kDay});
  parser.option("events.retry-first", c.consumer.parking.retry_first, "A parked event is tried again after it",
                {.min = 1, .max = kDay});
  parser.option("events.retry-max", c.consumer.parking.retry_max, "And at least this often", {.min = 1, .max = kDay});
  parser.option("events.dead-after", c.consumer.parking.dead_after, "One that keeps failing is given up after it",
                {.min = 1, .max = 365 * kDay});
  parser.option("events.accept-after", c.consumer.parking.accept_after,
                "A gap over what was trimmed before the consumer was born is accepted after it",
                {.min = 0, .max = kDay});
}

void declare_tokens(config::Parser& parser, Settings& c) {
  parser.option("jwks", c.keys.source,
                "Keys that bearer tokens are verified with, a JWK set: a file, http:// or https://",
                {.env = "AGORA_JWKS"});
  parser.option("jwt-issuer", c.tokens.issuer, "Who issues the tokens (their iss)", {.env = "AGORA_JWT_ISSUER"});
  parser.option("jwt-audience", c.tokens.audience, "For whom (in their aud)", {.env = "AGORA_JWT_AUDIENCE"});
  parser.option("jwt.clock-skew", c.tokens.clock_skew, "How much later tokens end, and earlier they begin",
                {.min = 0, .max = std::chrono::milliseconds(jwt::kClockSkewMax).count()});
  parser.option("jwt.poll-interval", c.keys.interval, "How often the keys are read", {.min = 1, .max = kDay});
  parser.option("jwt.fetch-deadline", c.keys.fetch_deadline, "Longest time to read them from a URL",
                {.min = 1, .max = kDay});
  parser.option("jwt.verified-max", c.verified_tokens_max, "Most verified tokens that are remembered",
                {.min = 0, .max = 10'000'000});
  parser.rule([&c]() -> std::optional<std::string> {
    const auto scheme = c.keys.source.substr(0, c.keys.source.find("://") + 3);
    if (c.keys.source.find("://") == std::string::npos || scheme == "http://" || scheme == "https://") {
      return std::nullopt;
    }
    return "--jwks must be a file, http://... or https://...";
  });
}

void declare_traces(config::Parser& parser, TraceExportOptions& traces) {
  parser.option("otlp", traces.endpoint, "Collector that traces are sent to by OTLP/HTTP: http://HOST:4318",
                {.env = "OTEL_EXPORTER_OTLP_ENDPOINT"});
  parser.option("otlp.sampled", traces.sampled, "Share of all traces that is sent, 0 to 1",
                {.env = "OTEL_TRACES_SAMPLER_ARG"});
  parser.option("otlp.queue-max", traces.queue_max, "Most spans that wait; more are dropped and counted",
                {.min = 1, .max = 1'000'000});
  parser.option("otlp.batch-max", traces.batch_max, "Most spans in one request", {.min = 1, .max = 10'000});
  parser.option("otlp.interval", traces.interval, "Spans wait at most this long", {.min = 1, .max = kDay});
  parser.option("otlp.deadline", traces.deadline, "Longest time of one request", {.min = 1, .max = 30'000});
  parser.option("otlp.backoff-max", traces.backoff_max, "Longest time between tries while the collector is away",
                {.min = 1, .max = kDay});
  parser.rule([&traces]() -> std::optional<std::string> {
    const auto& url = traces.endpoint;
    if (url.empty() || url.starts_with("http://") || url.starts_with("https://")) return std::nullopt;
    return "--otlp must be http://HOST:PORT or https://HOST:PORT";
  });
  parser.rule([&traces]() -> std::optional<std::string> {
    if (traces.share()) return std::nullopt;
    return "--otlp.sampled must be a number from 0 to 1";
  });
}

}  // namespace

void Settings::declare(config::Parser& parser, const std::vector<std::string>& publishers) {
  parser.option("env", environment, "production, demo or test (demo with --standalone, else production)",
                {.env = "AGORA_ENV"});
  parser.option("bind", bind, "Addresses that all ports are bound to", {.env = "AGORA_BIND"});
  parser.option("port", port, "Public HTTP port", {.min = 1, .max = 65'535});
  parser.option("internal-port", internal_port, "Internal HTTP port: /livez, /readyz, /metrics",
                {.min = 1, .max = 65'535});
  if (grpc_port != 0) {
    parser.option("grpc-port", grpc_port, "gRPC port, for our own services; needs the service token",
                  {.min = 1, .max = 65'535});
    declare_grpc(parser, grpc);
    parser.rule([this]() -> std::optional<std::string> {
      if (grpc_port != port && grpc_port != internal_port) return std::nullopt;
      return "--grpc-port must differ from --port and --internal-port";
    });
  }
  parser.flag("standalone", standalone, "Run without peers; offers, sellers and users come from --offers");
  parser.option("offers", offers, "File of CloudEvents, one JSON a line, or `builtin` (the default with --standalone)");
  parser.option("data", data, "Folder of the SQLite files");
  parser.option("db", database_url,
                "Database URL: sqlite:DIR/" + name + ".db or postgresql://... (sqlite:<data>/" + name + ".db)");
  for (const auto& publisher : publishers) peers.push_back({publisher, {}});
  for (auto& peer : peers) {
    parser.option(peer.publisher + "-feed", peer.url,
                  "Where " + peer.publisher + "'s events come from: feed:http://HOST:PORT");
  }
  parser.option(
      "kafka", kafka,
      "Cluster by which events travel, both ways, in place of feeds: kafka://HOST:PORT[,HOST:PORT...][/PREFIX]",
      {.env = "AGORA_KAFKA_URL"});
  parser.option("service-token-file", service_token, "File of the token that our services share",
                {.env = "AGORA_SERVICE_TOKEN_FILE"});
  parser.option("drain-deadline", drain_deadline, "Longest time to finish requests on SIGTERM",
                {.min = 1, .max = kDay});
  declare_events(parser, *this);
  parser.option("log-level", log_level, "debug, info, warn or error");
  declare_tokens(parser, *this);
  declare_http(parser, http);
  declare_sql(parser, sql);
  declare_traces(parser, traces);
  parser.flag("check", check, "Ask the running service whether it is ready; exit 0 or 1");
  parser.flag("print-routes", print_routes, "Print the routes as JSON lines");

  parser.rule([this]() -> std::optional<std::string> {
    if (environment.empty()) environment = standalone ? "demo" : "production";
    if (environment == "production" || environment == "demo" || environment == "test") return std::nullopt;
    return "AGORA_ENV must be production, demo or test";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (!production() || (offers.empty() && !standalone)) return std::nullopt;
    return "--standalone and --offers are refused in production; set AGORA_ENV=demo";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (log_level == "debug" || log_level == "info" || log_level == "warn" || log_level == "error") return std::nullopt;
    return "--log-level must be debug, info, warn or error";
  });
  parser.rule([this]() -> std::optional<std::string> {
    const bool consumes = std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return !peer.url.empty(); });
    if (!consumes || (!standalone && !service_token.empty())) return std::nullopt;
    return "feeds are consumed without --standalone and with AGORA_SERVICE_TOKEN_FILE";
  });
  parser.rule([this]() -> std::optional<std::string> {
    const bool consumes = std::any_of(peers.begin(), peers.end(), [](const auto& peer) { return !peer.url.empty(); });
    if (kafka.reveal().empty() || (!consumes && !standalone)) return std::nullopt;
    return "--kafka stands in place of feeds, and without --standalone";
  });
  parser.rule([this]() -> std::optional<std::string> {
    if (port != internal_port) return std::nullopt;
    return "--port and --internal-port must differ";
  });
}

void Settings::declare_peer(config::Parser& parser, const std::string& service, std::string& address) {
  parser.option(service + "-grpc", address,
                "Where " + service + " is asked by gRPC: HOST:PORT; needs the service token");
  parser.rule([this, service, &address]() -> std::optional<std::string> {
    if (address.empty()) return std::nullopt;
    if (!rpc::is_address(address)) return "--" + service + "-grpc must be HOST:PORT";
    if (!standalone && !service_token.empty()) return std::nullopt;
    return "--" + service + "-grpc wants AGORA_SERVICE_TOKEN_FILE, and no --standalone";
  });
  if (!std::exchange(grpc_client_declared_, true)) declare_grpc_client(parser, grpc_client);
}

std::optional<int> Settings::parse_with(config::Parser& parser, int argc, const char* const* argv) {
  const auto exit_code = parser.parse(argc, argv);
  if (offers.empty() && standalone) offers = "builtin";
  sql.durability_optional = environment == "test";
  keys.copy = std::filesystem::path(data) / (name + ".jwks.json");
  return exit_code;
}

log::Level Settings::level() const {
  if (log_level == "debug") return log::Level::debug;
  if (log_level == "warn") return log::Level::warn;
  if (log_level == "error") return log::Level::error;
  return log::Level::info;
}

}  // namespace agora::service
