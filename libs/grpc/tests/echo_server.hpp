#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include "libs/grpc/client.hpp"
#include "libs/grpc/server.hpp"
#include "libs/grpc/tests/echo.pb.h"
#include "libs/telemetry/metrics.hpp"
#include "libs/testing/run.hpp"

namespace agora::rpc {

inline constexpr Method<echo::v1::SayRequest, echo::v1::SayResponse> kSay{"agora.echo.v1.EchoService/Say", Retry::safe};
inline constexpr Method<echo::v1::WaitRequest, echo::v1::WaitResponse> kWait{"agora.echo.v1.EchoService/Wait"};
inline constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

/// A server with its io thread; what Say answers is the test's, Wait waits until it is let go.
class EchoServer {
 public:
  using Say = std::function<Task<Result<echo::v1::SayResponse>>(Ctx, echo::v1::SayRequest)>;

  explicit EchoServer(Say say, Limits limits = {}, std::uint16_t port = 0) : say_(std::move(say)), turnstile_(io_) {
    turnstile_.expires_at(Deadline::max());
    const auto say_row = [this](Ctx ctx, echo::v1::SayRequest request) {
      return say_(std::move(ctx), std::move(request));
    };
    const auto wait_row = [this](Ctx, echo::v1::WaitRequest) { return wait(); };
    const auto authenticate = [](std::optional<std::string_view> bearer) -> Result<Principal> {
      if (!bearer) return Principal{};
      if (*bearer != kToken) return Error{Errc::unauthenticated, "invalid_token", "No."};
      return Principal{.kind = Principal::Kind::user, .roles = static_cast<std::uint8_t>(Role::service)};
    };
    server_.emplace(io_,
                    ServerOptions{.addresses = {"127.0.0.1"}, .port = port, .port_setting = "--port", .limits = limits},
                    std::vector<Row>{row(kSay, say_row), row(kWait, wait_row)}, authenticate, metrics);
    server_->listen();
    thread_ = std::thread([this] { io_.run(); });
    // Before it does, calls are refused.
    asio::post(io_, asio::use_future).wait();
  }
  ~EchoServer() { end(); }

  /// Cuts off what is under way, as a process that ends.
  void end() {
    if (!thread_.joinable()) return;
    let_go();
    drain(std::chrono::milliseconds(0)).get();
    work_.reset();
    io_.stop();
    thread_.join();
  }
  std::future<void> drain(std::chrono::milliseconds within) {
    return asio::co_spawn(io_, server_->drain(std::chrono::steady_clock::now() + within), asio::use_future);
  }
  /// Lets all that wait go on, and whoever comes later.
  void let_go() {
    open_ = true;
    asio::post(io_, [this] { turnstile_.cancel(); });
  }
  /// Keeps the io thread busy until what it gives is called.
  std::function<void()> block() {
    const auto gate = std::make_shared<std::promise<void>>();
    asio::post(io_, [gate] { gate->get_future().wait(); });
    return [gate] { gate->set_value(); };
  }
  bool await_waiting(int count) {
    std::unique_lock lock(mutex_);
    return arrived_.wait_for(lock, std::chrono::seconds(10), [&] { return waiting_ >= count; });
  }

  std::uint16_t port() const { return server_->port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  Server& server() { return *server_; }
  telemetry::Registry metrics;

 private:
  Task<Result<echo::v1::WaitResponse>> wait() {
    {
      const std::lock_guard lock(mutex_);
      ++waiting_;
    }
    arrived_.notify_all();
    boost::system::error_code ignored;
    if (!open_) co_await turnstile_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return echo::v1::WaitResponse();
  }

  Say say_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{asio::make_work_guard(io_)};
  asio::steady_timer turnstile_;
  std::atomic<bool> open_{false};
  std::optional<Server> server_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  int waiting_ = 0;
  std::thread thread_;
};

/// Answers with the request's text, the trace it came under and the time it was left.
inline Task<Result<echo::v1::SayResponse>> say_again(Ctx ctx, echo::v1::SayRequest request) {
  echo::v1::SayResponse response;
  response.set_text(request.text());
  response.set_trace_id(ctx.trace.trace_id_hex());
  response.set_milliseconds_left(
      std::chrono::duration_cast<std::chrono::milliseconds>(ctx.deadline - std::chrono::steady_clock::now()).count());
  co_return response;
}

inline ClientOptions options_for(const std::string& address, std::string token = kToken) {
  return {.peer = "echo", .address = address, .token = Secret<std::string>(std::move(token))};
}
inline Ctx within(std::chrono::milliseconds time) {
  return Ctx{.deadline = std::chrono::steady_clock::now() + time};
}
inline echo::v1::SayRequest saying(std::string text) {
  echo::v1::SayRequest request;
  request.set_text(std::move(text));
  return request;
}
/// What a client gets, on an io_context of its own.
inline Result<echo::v1::SayResponse> say(Client& client, std::string text,
                                         std::chrono::milliseconds time = std::chrono::seconds(20)) {
  return testing::run(client.call(within(time), kSay, saying(std::move(text))));
}

}  // namespace agora::rpc
