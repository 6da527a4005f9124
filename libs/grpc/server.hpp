#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/grpc/method.hpp"

namespace agora::telemetry {
class Registry;
}

namespace agora::rpc {

/// Named limits of a server; every number is a setting.
struct Limits {
  std::int64_t message_bytes_max = 1 << 20;             ///< of a request and of an answer
  std::int64_t metadata_bytes_max = 8 << 10;            ///< of a call's headers
  std::int64_t calls_in_flight_max = 256;               ///< beyond, RESOURCE_EXHAUSTED; nothing was done
  std::int64_t streams_per_connection_max = 128;        ///< a caller waits before it opens more
  std::int64_t memory_bytes_max = 64 << 20;             ///< of all connections; gRPC then ends the greediest
  std::chrono::milliseconds deadline_max{30'000};       ///< a call that asks for more, or names none, is refused
  std::chrono::milliseconds handshake_deadline{5'000};  ///< for a connection to say that it speaks HTTP/2
  std::chrono::milliseconds keepalive{30'000};          ///< a silent connection is asked whether it lives
  std::chrono::milliseconds keepalive_deadline{10'000};
  std::chrono::milliseconds ping_interval_min{5'000};  ///< who pings more often is disconnected
};

struct ServerOptions {
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
  std::uint16_t port = 0;      ///< 0: any free port of the first address (tests)
  std::string port_setting{};  ///< what moves the port, for the message when it is busy
  Limits limits{};
};

/// Who calls, by the bearer token of the call's `authorization`; called on gRPC's threads.
using Authenticate = std::function<Result<Principal>(std::optional<std::string_view> bearer)>;

/// A method and who serves it: bytes of its request to bytes of its answer, on the io thread.
struct Row {
  std::string method;
  std::function<Task<Result<std::string>>(Ctx, std::string)> serve;
};

/// The answer to bytes that are no message of the method's.
Error malformed_message();

template <class Request, class Response, class Handler>
Task<Result<std::string>> serve_bytes(const Handler& handler, Ctx ctx, std::string bytes) {
  Request request;
  if (!request.ParseFromString(bytes)) co_return malformed_message();
  auto answering = handler(std::move(ctx), std::move(request));
  auto answer = co_await std::move(answering);
  if (!answer) co_return std::move(answer).error();
  co_return answer->SerializeAsString();
}

/// `handler`: `Task<Result<Response>>(Ctx, Request)`. A "no" is its Error; what it throws is "we cannot answer".
template <class Request, class Response, class Handler>
Row row(Method<Request, Response> method, Handler handler) {
  check_contract(method);
  return {std::string(method.name), [handler = std::move(handler)](Ctx ctx, std::string bytes) {
            return serve_bytes<Request, Response>(handler, std::move(ctx), std::move(bytes));
          }};
}

/// A gRPC server for our own services: unary methods in rows, and grpc.health.v1. A call is looked at before its
/// message is read (token, method, deadline, how many are under way), and then served on the io thread. The gRPC
/// border: what handlers throw ends here. A call that its caller gave up is finished all the same once it has begun, as
/// its effects would be; it is not begun when it was given up before.
///
/// There is no reflection: who calls by hand has the contract (`grpcurl -proto contracts/grpc/…`). Health needs no
/// token. Calls that come before the io thread runs are refused as those in a drain.
class Server {
 public:
  /// Throws std::logic_error when a service of the contract has methods without a row. `metrics` must outlive the
  /// server, and `io` run until it has drained.
  Server(boost::asio::io_context& io, ServerOptions options, std::vector<Row> rows, Authenticate authenticate,
         telemetry::Registry& metrics);
  ~Server();

  /// Binds and accepts. Throws std::runtime_error when a port is busy, saying who holds it. A missing IPv6 is a logged
  /// warning.
  void listen();
  std::uint16_t port() const;

  /// Refuses new calls (UNAVAILABLE) and says NOT_SERVING.
  void begin_drain();
  /// Returns when no call is under way, or at the deadline, when those left are cut off and have ended.
  Task<void> drain(Deadline deadline);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace agora::rpc
