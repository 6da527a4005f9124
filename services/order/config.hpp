#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/events/consumers.hpp"
#include "libs/http/server.hpp"
#include "libs/log/log.hpp"
#include "libs/sql/database.hpp"

namespace agora::order {

/// All settings of the order service. Flags over AGORA_ORDER_* over these defaults; `--print-config` shows what is in
/// force.
struct Config {
  std::string environment;  ///< AGORA_ENV: production, demo, test; empty: demo with --standalone, else production
  std::vector<std::string> bind{"127.0.0.1", "::1"};
  std::uint16_t port = 8000;
  std::uint16_t internal_port = 9100;

  bool standalone = false;   ///< no peers and no consumers
  bool demo_guests = false;  ///< requests without a token may place and read orders of the users in --offers
  std::string offers;  ///< file of CloudEvents, one JSON a line; empty: the built-in ones with --standalone, else none
  std::string test_tokens;  ///< file of tokens; empty: none
  std::string data = "data";
  std::string database_url;  ///< empty: sqlite:<data>/order.db

  std::string catalog_feed;  ///< URLs of the logs that are consumed, `feed:http://HOST:PORT`; empty: not consumed
  std::string auth_feed;
  std::string payment_feed;
  std::string service_token;  ///< file of the token our services share; empty: the feed is not served

  std::optional<std::chrono::milliseconds> payment_window{};  ///< none: 24 h with --standalone, else 15 min
  std::chrono::milliseconds expiry_interval{1'000};
  std::int64_t expiry_batch_max = 100;
  std::chrono::milliseconds idempotency_retention{std::chrono::hours{24}};
  std::chrono::milliseconds cleaning_interval{std::chrono::minutes{1}};
  std::int64_t cleaning_batch_max = 1'000;
  std::chrono::milliseconds drain_deadline{std::chrono::seconds{25}};

  std::chrono::milliseconds trim_interval{10'000};

  http::Limits http{};
  events::LogLimits events{};
  events::ConsumerOptions consumer{};
  sql::Limits sql{};

  std::string log_level = "info";
  bool check = false;         ///< ask the running service's /readyz, exit 0 or 1
  bool print_routes = false;  ///< print the route rows as JSON lines and exit

  /// Reads them; an exit code when the program should end now.
  std::optional<int> parse(int argc, const char* const* argv);

  std::string url() const { return database_url.empty() ? "sqlite:" + data + "/order.db" : database_url; }
  std::chrono::milliseconds time_to_pay() const;
  std::vector<events::Peer> peers() const;
  log::Level level() const;
};

}  // namespace agora::order
