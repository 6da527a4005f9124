#include "libs/grpc/client.hpp"

#include <charconv>
#include <condition_variable>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <unordered_set>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/grpc/status.hpp"
#include "libs/grpc/wire.hpp"
#include "libs/log/log.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::rpc {
namespace {

using Status = ::grpc::Status;

/// What gRPC writes to while a call runs; it lives until gRPC has called back.
struct Attempt {
  ::grpc::ClientContext context;
  ::grpc::ByteBuffer request;
  ::grpc::ByteBuffer response;
};

/// Who waits for a call, to be resumed on their executor.
template <class Handler>
class Waiter {
 public:
  explicit Waiter(Handler handler)
      : executor_(asio::get_associated_executor(handler)),
        // The io_context has work to wait for, though none of its own.
        work_(asio::prefer(executor_, asio::execution::outstanding_work.tracked)),
        handler_(std::move(handler)) {}
  void resume(Status status) {
    auto call = [handler = std::move(handler_), status = std::move(status)]() mutable {
      std::move(handler)(std::move(status));
    };
    asio::post(executor_, std::move(call));
  }

 private:
  asio::any_io_executor executor_;
  asio::any_io_executor work_;
  Handler handler_;
};

int milliseconds(std::chrono::milliseconds time) {
  return static_cast<int>(time.count());
}

::grpc::ChannelArguments arguments_of(const ClientLimits& limits) {
  ::grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits.message_bytes_max));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(limits.connect_deadline));
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, milliseconds(limits.reconnect_first));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(limits.reconnect_max));
  // A peer that came back may have another address; gRPC would ask for it every 30 s only.
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, milliseconds(limits.reconnect_max));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(limits.keepalive));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(limits.keepalive_deadline));
  // What goes to our own services, with their token, goes there directly, and as these limits say.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
}

}  // namespace

bool is_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  if (host.find_first_of("/ ") != std::string_view::npos) return false;
  if ((host.find(':') != std::string_view::npos) != (host.front() == '[' && host.back() == ']')) return false;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port > 0;
}

struct Client::Impl {
  Impl(ClientOptions options_, telemetry::Registry& metrics_)
      : options(std::move(options_)),
        metrics(metrics_),
        stub(::grpc::CreateCustomChannel("dns:///" + options.address, ::grpc::InsecureChannelCredentials(),
                                         arguments_of(options.limits))) {}

  Task<Status> attempt(Ctx ctx, std::string path, std::shared_ptr<Attempt> attempt);
  void observe(std::string_view method, ::grpc::StatusCode code, std::chrono::steady_clock::time_point started);
  /// Whether another attempt may be made, after a pause.
  Task<bool> pause_before_next(Ctx ctx, Retry retry, const Status& status, int made);

  ClientOptions options;
  telemetry::Registry& metrics;
  ::grpc::GenericStub stub;
  // Of the io thread:
  std::unordered_set<Attempt*> under_way;
  bool stopped = false;

  std::mutex mutex;
  std::condition_variable called_back;
  int outstanding = 0;  ///< calls of which gRPC has not called back; guarded by mutex
};

Client::Client(ClientOptions options, telemetry::Registry& metrics) {
  log_as_we_do();
  impl_ = std::make_unique<Impl>(std::move(options), metrics);
}

Client::~Client() {
  stop();
  // gRPC calls back on a thread of its own, and who waits is then resumed on an io_context that must be there.
  std::unique_lock lock(impl_->mutex);
  impl_->called_back.wait(lock, [this] { return impl_->outstanding == 0; });
}

void Client::stop() {
  impl_->stopped = true;
  for (auto* attempt : impl_->under_way) attempt->context.TryCancel();
}

Task<Status> Client::Impl::attempt(Ctx ctx, std::string path, std::shared_ptr<Attempt> attempt) {
  if (stopped) co_return Status(::grpc::StatusCode::CANCELLED, "");
  auto& context = attempt->context;
  context.set_deadline(to_timespec(ctx.deadline));
  context.AddMetadata("authorization", "Bearer " + options.token.reveal());
  if (ctx.trace.valid()) context.AddMetadata("traceparent", ctx.trace.traceparent());
  auto initiate = [this, path, attempt](auto handler) {
    const auto waiter = std::make_shared<Waiter<decltype(handler)>>(std::move(handler));
    {
      const std::lock_guard lock(mutex);
      ++outstanding;
    }
    stub.UnaryCall(&attempt->context, path, {}, &attempt->request, &attempt->response,
                   [this, attempt, waiter](Status status) {
                     waiter->resume(std::move(status));
                     const std::lock_guard lock(mutex);
                     --outstanding;
                     called_back.notify_all();
                   });
  };
  under_way.insert(attempt.get());
  auto status =
      co_await asio::async_initiate<decltype(asio::use_awaitable), void(Status)>(initiate, asio::use_awaitable);
  under_way.erase(attempt.get());
  co_return status;
}

void Client::Impl::observe(std::string_view method, ::grpc::StatusCode code,
                           std::chrono::steady_clock::time_point started) {
  metrics
      .histogram("rpc_client_call_duration_seconds", "Duration of gRPC calls of other services, each attempt.",
                 telemetry::kDurationBuckets,
                 {{"peer", options.peer},
                  {"rpc_method", std::string(method)},
                  {"rpc_response_status_code", std::string(to_string(code))}})
      .observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
}

Task<bool> Client::Impl::pause_before_next(Ctx ctx, Retry retry, const Status& status, int made) {
  if (retry != Retry::safe || made >= options.limits.attempts_max || stopped) co_return false;
  if (status.error_code() != ::grpc::StatusCode::UNAVAILABLE) co_return false;
  const auto next = std::chrono::steady_clock::now() + options.limits.retry_pause * (1 << (made - 1));
  if (next >= ctx.deadline) co_return false;
  asio::steady_timer timer(co_await asio::this_coro::executor, next);
  co_await timer.async_wait(asio::use_awaitable);
  co_return true;
}

Task<Result<std::string>> Client::call_bytes(Ctx ctx, std::string_view method, Retry retry, std::string request) {
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + impl_->options.limits.deadline_max);
  const auto path = "/" + std::string(method);
  const auto buffer = to_buffer(request);
  for (int made = 1;; ++made) {
    const auto attempt = std::make_shared<Attempt>();
    attempt->request = buffer;
    const auto started = std::chrono::steady_clock::now();
    const auto status = co_await impl_->attempt(ctx, path, attempt);
    impl_->observe(method, status.error_code(), started);
    if (status.ok()) {
      std::string bytes;
      if (!read_buffer(attempt->response, bytes)) co_return malformed_answer();
      co_return bytes;
    }
    if (auto error = error_of(status, attempt->context.GetServerTrailingMetadata())) co_return *std::move(error);
    if (status.error_code() == ::grpc::StatusCode::UNAUTHENTICATED) {
      log::error(ctx, "another service refused our service token", {{"peer", impl_->options.peer}});
    }
    const bool again = co_await impl_->pause_before_next(ctx, retry, status, made);
    if (!again) co_return failure_of(status);
  }
}

Error Client::malformed_answer() {
  return {Errc::unavailable, "temporarily_unavailable", "Another service gave an answer that is none."};
}

}  // namespace agora::rpc
