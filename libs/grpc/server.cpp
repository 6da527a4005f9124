#include "libs/grpc/server.hpp"

#include <google/protobuf/descriptor.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <set>
#include <stdexcept>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/base/blocking_pool.hpp"
#include "libs/base/port_holder.hpp"
#include "libs/grpc/call.hpp"
#include "libs/grpc/wire.hpp"
#include "libs/log/log.hpp"

namespace agora::rpc {
namespace {

using boost::system::error_code;
using Tcp = asio::ip::tcp;

constexpr std::chrono::milliseconds kDrainPoll{10};

/// Every method of the contract's services is served, or somebody forgot a row.
void check_whole(const std::vector<Row>& rows) {
  std::set<std::string> served;
  std::set<std::string> services;
  for (const auto& row : rows) {
    served.insert(row.method);
    services.insert(row.method.substr(0, row.method.find('/')));
  }
  const auto* contract = google::protobuf::DescriptorPool::generated_pool();
  for (const auto& name : services) {
    const auto* service = contract->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto method = name + "/" + service->method(i)->name();
      if (!served.contains(method)) throw std::logic_error("nobody serves " + method);
    }
  }
}

/// Whether the address can be bound; gRPC itself would not say why not. False where there is no IPv6.
bool can_bind(const std::string& address, std::uint16_t port, const ServerOptions& options) {
  error_code ec;
  const auto parsed = asio::ip::make_address(address, ec);
  if (ec) throw std::invalid_argument("not an IP address: " + address);
  asio::io_context io;
  Tcp::acceptor acceptor(io);
  const Tcp::endpoint endpoint(parsed, port);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(Tcp::acceptor::reuse_address(true), ec);
  if (!ec && parsed.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(1, ec);
  if (!ec) return true;
  if (ec == asio::error::address_in_use) {
    throw std::runtime_error("port " + std::to_string(port) + " on " + address + " is in use by " +
                             holder_of_port(port) + "; move it with " + options.port_setting);
  }
  if (parsed.is_v6() && options.addresses.size() > 1) {
    log::warn({}, "IPv6 is not available here", {{"address", address}, {"reason", ec.message()}});
    return false;
  }
  throw std::runtime_error("cannot listen on " + address + ":" + std::to_string(port) + ": " + ec.message());
}

/// All that can be bound. gRPC takes one wildcard for both families, and a second one for a busy port.
std::vector<std::string> addresses_to_bind(const ServerOptions& options) {
  std::vector<std::string> addresses;
  bool any = false;
  for (const auto& address : options.addresses) {
    if (!can_bind(address, options.port, options)) continue;
    if (asio::ip::make_address(address).is_unspecified() && std::exchange(any, true)) continue;
    addresses.push_back(address);
  }
  if (addresses.empty()) throw std::runtime_error("no address could be bound");
  return addresses;
}

std::string with_port(const std::string& address, int port) {
  const bool v6 = asio::ip::make_address(address).is_v6();
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

int milliseconds(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

void set_limits(::grpc::ServerBuilder& builder, const Limits& limits) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.message_bytes_max));
  builder.SetMaxSendMessageSize(static_cast<int>(limits.message_bytes_max));
  builder.SetResourceQuota(::grpc::ResourceQuota("agora").Resize(static_cast<std::size_t>(limits.memory_bytes_max)));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits.metadata_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(limits.streams_per_connection_max));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, milliseconds(limits.handshake_deadline));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(limits.keepalive));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(limits.keepalive_deadline));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             milliseconds(limits.ping_interval_min));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  // It would hide a busy port: two of us would share the calls in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

struct Server::Impl final : ::grpc::CallbackGenericService, std::enable_shared_from_this<Server::Impl> {
  Impl(asio::io_context& io, ServerOptions options_, std::vector<Row> rows, Authenticate authenticate_,
       telemetry::Registry& metrics)
      : options(std::move(options_)),
        authenticate(std::move(authenticate_)),
        unknown({"_OTHER", {}}, metrics),
        serving{.io = io,
                .limits = options.limits,
                .authenticate = authenticate,
                .rows = {},
                .unknown = unknown,
                .active = metrics.gauge("rpc_server_active_requests", "gRPC calls under way."),
                .shed = metrics.counter("agora_grpc_shed_calls_total",
                                        "gRPC calls refused because too many were under way."),
                .tracer = metrics.tracer()} {
    for (auto& row : rows) {
      auto path = "/" + row.method;
      served.push_back(std::make_unique<ServedRow>(std::move(row), metrics));
      serving.rows.emplace(std::move(path), served.back().get());
    }
  }

  ::grpc::ServerGenericBidiReactor* CreateReactor(::grpc::GenericCallbackServerContext* context) override {
    return Call::begin(serving, *context);
  }

  ServerOptions options;
  Authenticate authenticate;
  ServedRow unknown;
  std::vector<std::unique_ptr<ServedRow>> served;
  Serving serving;
  std::unique_ptr<::grpc::Server> server;
  std::uint16_t port = 0;
};

Server::Server(asio::io_context& io, ServerOptions options, std::vector<Row> rows, Authenticate authenticate,
               telemetry::Registry& metrics) {
  check_whole(rows);
  impl_ = std::make_shared<Impl>(io, std::move(options), std::move(rows), std::move(authenticate), metrics);
}

Server::~Server() = default;

void Server::listen() {
  log_as_we_do();
  const auto addresses = addresses_to_bind(impl_->options);
  ::grpc::EnableDefaultHealthCheckService(true);
  ::grpc::ServerBuilder builder;
  set_limits(builder, impl_->options.limits);
  builder.RegisterCallbackGenericService(impl_.get());
  std::vector<int> ports(addresses.size(), 0);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    // Any free port can only be one address's.
    if (i > 0 && impl_->options.port == 0) break;
    builder.AddListeningPort(with_port(addresses[i], impl_->options.port), ::grpc::InsecureServerCredentials(),
                             &ports[i]);
  }
  impl_->server = builder.BuildAndStart();
  if (!impl_->server || ports[0] == 0) {
    throw std::runtime_error("gRPC cannot listen on " + with_port(addresses[0], impl_->options.port));
  }
  impl_->port = static_cast<std::uint16_t>(ports[0]);
  for (const auto& [path, row] : impl_->serving.rows) {
    impl_->server->GetHealthCheckService()->SetServingStatus(path.substr(1, path.rfind('/') - 1), true);
  }
  // Before the io thread runs nobody would serve them; should it never, nothing must be under way.
  asio::post(impl_->serving.io, [server = impl_->weak_from_this()] {
    if (const auto impl = server.lock()) impl->serving.open = true;
  });
}

std::uint16_t Server::port() const {
  return impl_->port;
}

void Server::begin_drain() {
  impl_->serving.open = false;
  if (impl_->server) impl_->server->GetHealthCheckService()->SetServingStatus(false);
}

Task<void> Server::drain(Deadline deadline) {
  begin_drain();
  if (!impl_->server) co_return;
  asio::steady_timer poll(impl_->serving.io);
  error_code ec;
  while (impl_->serving.in_flight > 0 && std::chrono::steady_clock::now() < deadline) {
    poll.expires_after(kDrainPoll);
    co_await poll.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  // It waits for what it cuts off, which ends on the io thread.
  BlockingPool pool(1);
  auto shut_down = [this] { impl_->server->Shutdown(to_timespec(std::chrono::steady_clock::now())); };
  co_await pool.run(shut_down);
}

}  // namespace agora::rpc
