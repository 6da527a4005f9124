#include "libs/http/tests/test_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

namespace agora::http {
namespace {

constexpr std::chrono::seconds kPatience{10};

Task<Result<Response>> say(std::string text) {
  co_return Response{.body = std::move(text)};
}

}  // namespace

Task<void> Turnstile::pass() {
  {
    const std::lock_guard lock(mutex_);
    ++arrivals_;
  }
  arrived_.notify_all();
  boost::system::error_code ec;
  if (!open_) co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

bool Turnstile::await_arrivals(int count) {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, kPatience, [&] { return arrivals_ >= count; });
}

void Turnstile::open() {
  asio::post(io_, [this] {
    open_ = true;
    timer_.cancel();
  });
}

TestServer::TestServer(const MakeRoutes& routes, const Limits& limits, std::unique_ptr<Authenticator> authenticator)
    : authenticator_(std::move(authenticator)) {
  Router router;
  router.mount("", routes(*this));
  ServerOptions options{
      .name = "test", .addresses = {"127.0.0.1"}, .port = 0, .port_setting = "--port", .limits = limits};
  server_ = std::make_unique<Server>(io_, std::move(options), std::move(router), *authenticator_, metrics_);
  server_->listen();
  thread_ = std::thread([this] { io_.run(); });
}

TestServer::~TestServer() {
  io_.stop();
  thread_.join();
}

std::int64_t TestServer::open_connections() {
  return metrics_.gauge("http_server_open_connections", "Connections.", {{"server", "test"}}).value();
}

std::future<void> TestServer::drain(std::chrono::milliseconds within) {
  return asio::co_spawn(io_, server_->drain(std::chrono::steady_clock::now() + within), asio::use_future);
}

bool comes_true(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

Route row(Method method, std::string path, Handler handler, Admission admission) {
  std::string operation_id = std::string(to_string(method)) + path;
  return {method,          std::move(path),    std::move(operation_id), Auth::anonymous,
          Ownership::none, std::move(handler), DemoGuests::no,          admission};
}

Handler says(std::string text) {
  return [text = std::move(text)](Ctx, Request) { return say(text); };
}

}  // namespace agora::http
