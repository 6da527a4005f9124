#include "libs/http/server.hpp"

#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "libs/base/port_holder.hpp"
#include "libs/http/connection.hpp"
#include "libs/log/log.hpp"

namespace agora::http {
namespace {

using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::chrono::milliseconds kSweepInterval{250};
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kDrainPoll{10};

/// RFC 9110 §5.6.7, the one form that is sent.
std::string date_line() {
  char text[64];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // Not strftime: its names follow the locale.
  const int size =
      std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", kDays[utc.tm_wday], utc.tm_mday,
                    kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return {text, static_cast<std::size_t>(size)};
}

/// As many descriptors as the machine allows: the number of connections is limited by name, not by chance.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  Impl(asio::io_context& context, const ServerOptions& options, Router router, const Authenticator& authenticator,
       telemetry::Registry& metrics)
      : io(context),
        sweep_timer(context),
        state(std::make_shared<ServerState>(options, std::move(router), authenticator, metrics)) {}

  asio::io_context& io;
  asio::steady_timer sweep_timer;
  std::shared_ptr<ServerState> state;
  std::vector<std::shared_ptr<Tcp::acceptor>> acceptors;
  std::uint16_t port = 0;

  void bind(const std::string& address);
  static Task<void> accept(std::shared_ptr<Tcp::acceptor> acceptor, std::shared_ptr<ServerState> state);
  static Task<void> turn_away(Tcp::socket socket, std::shared_ptr<ServerState> state);
  void sweep();
};

Server::Server(asio::io_context& io, ServerOptions options, Router router, const Authenticator& authenticator,
               telemetry::Registry& metrics)
    : impl_(std::make_shared<Impl>(io, options, std::move(router), authenticator, metrics)) {}

Server::~Server() {
  error_code ignored;
  for (const auto& acceptor : impl_->acceptors) acceptor->close(ignored);
}

std::uint16_t Server::port() const {
  return impl_->port;
}
const Router& Server::router() const {
  return impl_->state->dispatcher.router();
}

void Server::listen() {
  raise_descriptor_limit();
  impl_->port = impl_->state->options.port;
  for (const auto& address : impl_->state->options.addresses) impl_->bind(address);
  if (impl_->acceptors.empty()) throw std::runtime_error("no address could be bound");
  impl_->state->date_line = date_line();
  impl_->sweep();
  for (const auto& acceptor : impl_->acceptors) {
    asio::co_spawn(impl_->io, Impl::accept(acceptor, impl_->state), asio::detached);
  }
}

void Server::Impl::bind(const std::string& address) {
  const auto& options = state->options;
  error_code ec;
  const auto parsed = asio::ip::make_address(address, ec);
  if (ec) throw std::invalid_argument("not an IP address: " + address);
  auto acceptor = std::make_shared<Tcp::acceptor>(io);
  const Tcp::endpoint endpoint(parsed, port);
  acceptor->open(endpoint.protocol(), ec);
  if (!ec) acceptor->set_option(Tcp::acceptor::reuse_address(true), ec);
  // [::] beside 0.0.0.0: each takes its own family.
  if (!ec && parsed.is_v6()) acceptor->set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor->bind(endpoint, ec);
  if (!ec) acceptor->listen(Tcp::acceptor::max_listen_connections, ec);
  if (ec == asio::error::address_in_use) {
    throw PortInUse("port " + std::to_string(port) + " on " + address + " is in use by " + holder_of_port(port) +
                    "; move it with " + options.port_setting);
  }
  if (ec && parsed.is_v6() && options.addresses.size() > 1) {
    log::warn({}, "IPv6 is not available here", {{"address", address}, {"reason", ec.message()}});
    return;
  }
  if (ec) throw std::runtime_error("cannot listen on " + address + ":" + std::to_string(port) + ": " + ec.message());
  // Port 0 takes any free one; the other addresses follow.
  port = acceptor->local_endpoint().port();
  acceptors.push_back(std::move(acceptor));
}

Task<void> Server::Impl::accept(std::shared_ptr<Tcp::acceptor> acceptor, std::shared_ptr<ServerState> state) {
  const auto executor = co_await asio::this_coro::executor;
  while (acceptor->is_open()) {
    error_code ec;
    auto socket = co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, ec));
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) break;
    // Accepted while the drain began, which waits for nobody any more: ends unread, and nothing of it is done.
    if (state->draining) break;
    if (ec) {
      // Out of descriptors, mostly: some connection will end.
      asio::steady_timer pause(executor, kAcceptPause);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      continue;
    }
    const auto streams = state->dispatcher.open_streams();
    const bool full =
        static_cast<std::int64_t>(state->connections.size()) - streams >= state->options.limits.connections_max;
    if (full) {
      asio::co_spawn(executor, turn_away(std::move(socket), state), asio::detached);
    } else {
      asio::co_spawn(executor, Connection::serve(state, std::move(socket)), asio::detached);
    }
  }
}

Task<void> Server::Impl::turn_away(Tcp::socket socket, std::shared_ptr<ServerState> state) {
  const auto response = state->dispatcher.refuse("overloaded", "Too many connections are open.");
  const std::string text =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: " +
      std::to_string(response.body.size()) + "\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" + response.body;
  error_code ignored;
  co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, ignored));
  socket.shutdown(Tcp::socket::shutdown_send, ignored);
}

void Server::Impl::sweep() {
  state->date_line = date_line();
  const auto now = std::chrono::steady_clock::now();
  for (auto* connection : state->connections) connection->sweep(now);
  if (state->draining && state->connections.empty()) return;
  sweep_timer.expires_after(kSweepInterval);
  sweep_timer.async_wait([self = weak_from_this()](error_code ec) {
    const auto impl = self.lock();
    if (impl && !ec) impl->sweep();
  });
}

Task<void> Server::drain(Deadline deadline) {
  auto& state = *impl_->state;
  state.draining = true;
  error_code ec;
  for (const auto& acceptor : impl_->acceptors) acceptor->close(ec);
  for (auto* connection : state.connections) connection->drain();
  asio::steady_timer poll(impl_->io);
  while (!state.connections.empty() && std::chrono::steady_clock::now() < deadline) {
    poll.expires_after(kDrainPoll);
    co_await poll.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  for (auto* connection : state.connections) connection->abort();
  impl_->sweep_timer.cancel();
}

}  // namespace agora::http
