#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/http/authenticator.hpp"
#include "libs/http/router.hpp"

namespace agora::telemetry {
class Registry;
}

namespace agora::http {

/// Named limits of a server; every number is a setting.
struct Limits {
  std::int64_t header_bytes_max = 8 << 10;
  std::int64_t body_bytes_max = 1 << 20;
  std::int64_t connections_max = 4'096;
  std::int64_t requests_in_flight_max = 1'024;
  std::int64_t reserved_percent = 20;                 ///< of requests_in_flight_max, for Admission::reserved rows alone
  std::chrono::milliseconds header_deadline{5'000};   ///< from the first byte of a request to the end of its header
  std::int64_t body_bytes_per_second_min = 1'024;     ///< slower bodies are cut off
  std::chrono::milliseconds idle_deadline{60'000};    ///< between requests of a connection, and for a stalled write
  std::chrono::milliseconds request_deadline{5'000};  ///< Ctx::deadline of a handler
  std::int64_t streams_max = 4'096;                   ///< of events; their connections are not among connections_max
  std::int64_t streams_per_principal_max = 128;
  std::int64_t stream_events_max = 256;                ///< that wait for a client; one more and its stream ends
  std::int64_t stream_bytes_max = 24 << 10;            ///< of their texts that are kept; others are read again
  std::chrono::milliseconds stream_heartbeat{15'000};  ///< a comment is sent after so much silence
};

/// Whether a request without a trace begins one that is told of, or only follows its caller's: polls and scrapes come
/// again and again.
enum class Traces { begin, follow };

struct ServerOptions {
  std::string name;  ///< label of its metrics: `public`, `internal`
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
  std::uint16_t port = 0;      ///< 0: any free port (tests)
  std::string port_setting{};  ///< what moves the port, for the message when it is busy: `--port or AGORA_ORDER_PORT`
  Limits limits{};
  Traces traces = Traces::begin;
};

/// A busy port: the message names the address, the process that holds it when that can be known, and the setting that
/// moves it.
class PortInUse : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An HTTP/1.1 server on one io_context; a connection never leaves it. Header gate, limits and deadlines first, then
/// the row, then the handler.
class Server {
 public:
  /// `authenticator` and `metrics` must outlive the server.
  Server(boost::asio::io_context& io, ServerOptions options, Router router, const Authenticator& authenticator,
         telemetry::Registry& metrics);
  ~Server();

  /// Binds and accepts. Throws PortInUse. A missing IPv6 is a logged warning.
  void listen();
  std::uint16_t port() const;
  const Router& router() const;

  /// Stops accepting, answers what is under way with `Connection: close`, closes idle connections, ends streams with a
  /// `retry:`; returns when none is left or at the deadline.
  Task<void> drain(Deadline deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace agora::http
