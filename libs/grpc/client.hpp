#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/secret.hpp"
#include "libs/base/task.hpp"
#include "libs/grpc/method.hpp"

namespace agora::telemetry {
class Registry;
}

namespace agora::rpc {

/// Named limits of a client. A peer that is back is reached within reconnect_max.
struct ClientLimits {
  std::chrono::milliseconds deadline_max{5'000};      ///< of a call whose Ctx allows more
  std::chrono::milliseconds connect_deadline{1'000};  ///< of an attempt to connect
  std::chrono::milliseconds reconnect_first{100};     ///< after an attempt that failed; grows
  std::chrono::milliseconds reconnect_max{500};       ///< and no longer than this
  std::chrono::milliseconds keepalive{15'000};        ///< a silent connection is asked whether it lives
  std::chrono::milliseconds keepalive_deadline{5'000};
  std::int64_t message_bytes_max = 4 << 20;   ///< of an answer
  int attempts_max = 3;                       ///< of a call that is Retry::safe
  std::chrono::milliseconds retry_pause{50};  ///< before the second; doubles
};

struct ClientOptions {
  std::string peer{};           ///< label of its metrics: `order`
  std::string address{};        ///< `HOST:PORT`
  Secret<std::string> token{};  ///< that our services share
  ClientLimits limits{};
};

/// Whether the text is HOST:PORT, `[v6]:PORT` included.
bool is_address(std::string_view text);

/// Calls another service of ours, over one connection that is made when it is first needed and again when it was lost.
/// Used on one io thread, where who waits goes on. A peer that is down is told at once, one that is slow costs what the
/// deadline allows, and no more.
class Client {
 public:
  /// `metrics` must outlive it, and so must the io_context that calls wait on.
  Client(ClientOptions options, telemetry::Registry& metrics);
  ~Client();

  /// The answer. "No": what the method says, and when there was no answer unavailable or deadline_exceeded
  /// (`temporarily_unavailable`), whatever the reason; then it may or may not have been served. `Retry::safe` calls are
  /// repeated, a few times and within the deadline, when there was none.
  template <class Request, class Response>
  Task<Result<Response>> call(Ctx ctx, Method<Request, Response> method, Request request) {
    check_contract(method);
    auto answering = call_bytes(std::move(ctx), method.name, method.retry, request.SerializeAsString());
    AGORA_CO_TRY(const auto bytes, co_await std::move(answering));
    Response response;
    if (!response.ParseFromString(bytes)) co_return malformed_answer();
    co_return response;
  }

  /// Ends what is under way; later calls fail at once. Before the io thread ends.
  void stop();

 private:
  Task<Result<std::string>> call_bytes(Ctx ctx, std::string_view method, Retry retry, std::string request);
  static Error malformed_answer();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agora::rpc
