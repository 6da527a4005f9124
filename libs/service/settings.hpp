#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libs/config/parser.hpp"
#include "libs/events/consumers.hpp"
#include "libs/events/numbering.hpp"
#include "libs/events/relay.hpp"
#include "libs/grpc/client.hpp"
#include "libs/grpc/server.hpp"
#include "libs/http/server.hpp"
#include "libs/jwt/key_poll.hpp"
#include "libs/log/log.hpp"
#include "libs/service/trace_export.hpp"
#include "libs/sql/database.hpp"

namespace agora::service {

/// What every service can be told. A service's own Config derives from it, sets name and ports, and adds what is its
/// own. Flags over AGORA_<NAME>_* over these defaults; `--print-config` shows what is in force.
struct Settings {
  std::string name;  ///< as contracts/events has it: `order`; its database is <data>/<name>.db
  std::uint16_t port = 0;
  std::uint16_t internal_port = 0;
  std::uint16_t grpc_port = 0;  ///< 0: it has no methods that others call

  std::string environment;  ///< AGORA_ENV: production, demo, test; empty: demo with --standalone, else production
  std::vector<std::string> bind{"127.0.0.1", "::1"};
  bool standalone = false;  ///< no peers and no consumers
  std::string offers;       ///< file of CloudEvents, one JSON a line, or `builtin`; empty: builtin with --standalone
  std::string data = "data";
  Secret<std::string> database_url;  ///< may hold a password; empty: sqlite:<data>/<name>.db
  std::vector<events::Peer> peers;   ///< whose logs are consumed, where they have a URL
  Secret<std::string> kafka;         ///< cluster by which events travel instead; may hold a password; empty: feeds
  jwt::Expectations tokens{};        ///< of bearer tokens
  jwt::KeyPollOptions keys{};        ///< that they are verified with; no source: none is
  std::int64_t verified_tokens_max = 10'000;
  std::string service_token;  ///< file of the token our services share; empty: no feed and no gRPC is served

  std::chrono::milliseconds drain_deadline{std::chrono::seconds{25}};
  std::chrono::milliseconds trim_interval{10'000};
  std::chrono::milliseconds live_interval{50};       ///< how soon who follows a stream sees what is new
  std::chrono::milliseconds erased_interval{1'000};  ///< how long an erased user is still known to another replica
  http::Limits http{};
  rpc::Limits grpc{};
  rpc::ClientLimits grpc_client{};
  events::LogLimits events{};
  events::NumberingLimits numbering{};
  events::RelayLimits relay{};
  std::chrono::milliseconds relay_interval{1'000};
  std::chrono::milliseconds relay_deadline{20'000};
  events::ConsumerOptions consumer{};
  sql::Limits sql{};
  TraceExportOptions traces{};

  std::string log_level = "info";
  bool check = false;         ///< ask the running service's /readyz, exit 0 or 1
  bool print_routes = false;  ///< print the route rows as JSON lines and exit

  std::string program() const { return name + "-service"; }
  std::string url() const {
    return database_url.reveal().empty() ? "sqlite:" + data + "/" + name + ".db" : database_url.reveal();
  }
  bool production() const { return environment == "production"; }
  log::Level level() const;

 protected:
  /// Adds the options above. `publishers`: the services whose events are consumed, an option `<publisher>-feed` each.
  void declare(config::Parser& parser, const std::vector<std::string>& publishers);
  /// Adds an option `<service>-grpc`: where a service is asked by gRPC, HOST:PORT.
  void declare_peer(config::Parser& parser, const std::string& service, std::string& address);
  /// Reads all options and settles what depends on others; an exit code when the program should end now.
  std::optional<int> parse_with(config::Parser& parser, int argc, const char* const* argv);

 private:
  bool grpc_client_declared_ = false;
};

}  // namespace agora::service
