#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "libs/http/authenticators.hpp"
#include "libs/http/server.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::http {

/// Where handlers wait until a test lets them go on. The test's side is thread-safe.
class Turnstile {
 public:
  explicit Turnstile(asio::io_context& io) : io_(io), timer_(io, Deadline::max()) {}

  /// For handlers.
  Task<void> pass();
  /// Waits until so many have come to it; false when they have not within ten seconds.
  bool await_arrivals(int count);
  /// Lets all go on, and whoever comes later.
  void open();

 private:
  asio::io_context& io_;
  asio::steady_timer timer_;
  bool open_ = false;  ///< io thread only
  std::mutex mutex_;
  std::condition_variable arrived_;
  int arrivals_ = 0;
};

/// A server on any free port, with its io thread.
class TestServer {
 public:
  using MakeRoutes = std::function<std::vector<Route>(TestServer&)>;

  explicit TestServer(const MakeRoutes& routes, const Limits& limits = {},
                      std::unique_ptr<Authenticator> authenticator = std::make_unique<NoTokens>());
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const { return server_->port(); }
  Turnstile& turnstile() { return turnstile_; }
  asio::io_context& io() { return io_; }
  telemetry::Registry& metrics() { return metrics_; }
  /// Requests that a handler has begun, and ended.
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};

  std::int64_t open_connections();
  /// Starts a drain with so much time; the future is ready when it has ended.
  std::future<void> drain(std::chrono::milliseconds within);

 private:
  telemetry::Registry metrics_;
  std::unique_ptr<Authenticator> authenticator_;
  asio::io_context io_{1};
  Turnstile turnstile_{io_};
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

/// Waits for something that another thread brings about; false when it did not within ten seconds.
bool comes_true(const std::function<bool()>& condition);

/// A row that anybody may call.
Route row(Method method, std::string path, Handler handler, Admission admission = Admission::normal);
/// A handler that answers 200 with the text.
Handler says(std::string text);

}  // namespace agora::http
