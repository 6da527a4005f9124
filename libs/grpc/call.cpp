#include "libs/grpc/call.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "libs/base/deadline.hpp"
#include "libs/base/unavailable.hpp"
#include "libs/grpc/wire.hpp"
#include "libs/log/log.hpp"
#include "libs/telemetry/trace.hpp"

namespace agora::rpc {
namespace {

constexpr std::string_view kBearer = "Bearer ";

::grpc::string trailer(std::string_view text) {
  return {text.data(), text.size()};
}

/// The answer to what a handler threw. Logged once, here.
Error failed(const Ctx& ctx, const Row& row, std::exception_ptr failure) {
  std::string reason = "not a standard exception";
  bool retry = false;
  bool too_late = false;
  try {
    std::rethrow_exception(std::move(failure));
  } catch (const Unavailable& unavailable) {
    reason = unavailable.what();
    retry = unavailable.retry_helps();
    too_late = dynamic_cast<const DeadlineExceeded*>(&unavailable) != nullptr;
  } catch (const std::exception& error) {
    reason = error.what();
  } catch (...) {
    // Said above.
  }
  log::write(retry ? log::Level::warn : log::Level::error, ctx, "a call failed",
             {{"method", row.method}, {"reason", reason}});
  if (too_late) return {Errc::deadline_exceeded, "temporarily_unavailable", "There was no time left to answer."};
  if (retry) return {Errc::unavailable, "temporarily_unavailable", "Try again."};
  return {Errc::unavailable, "internal_error", "Something went wrong on our side."};
}

/// Whether a call that ended so failed on our side, as OpenTelemetry has it of servers.
bool is_failure(::grpc::StatusCode status) {
  switch (status) {
    case ::grpc::StatusCode::UNKNOWN:
    case ::grpc::StatusCode::DEADLINE_EXCEEDED:
    case ::grpc::StatusCode::UNIMPLEMENTED:
    case ::grpc::StatusCode::INTERNAL:
    case ::grpc::StatusCode::UNAVAILABLE:
    case ::grpc::StatusCode::DATA_LOSS:
      return true;
    default:
      return false;
  }
}

}  // namespace

Error malformed_message() {
  return {Errc::invalid_argument, "malformed_message", "The bytes are no message of this method's."};
}

void ServedRow::observe(::grpc::StatusCode code, double seconds) {
  auto& known = known_[static_cast<std::size_t>(code)];
  auto* histogram = known.load(std::memory_order_acquire);
  if (histogram == nullptr) {
    // Once per method and status: the registry takes a lock, and gives the same whoever asks.
    histogram = &metrics_.histogram(
        "rpc_server_call_duration_seconds", "Duration of gRPC calls that were served.", telemetry::kDurationBuckets,
        {{"rpc_method", row_.method}, {"rpc_response_status_code", std::string(to_string(code))}});
    known.store(histogram, std::memory_order_release);
  }
  histogram->observe(seconds);
}

::grpc::ServerGenericBidiReactor* Call::begin(Serving& serving, ::grpc::GenericCallbackServerContext& context) {
  const auto call = std::make_shared<Call>(serving, context);
  call->self_ = call;
  auto* reactor = call.get();
  if (const auto refusal = call->look_at_headers()) {
    call->finish(refusal->status, refusal->error);
  } else {
    call->StartRead(&call->request_);
  }
  return reactor;
}

Call::Call(Serving& serving, ::grpc::GenericCallbackServerContext& context)
    : serving_(serving), context_(context), row_(&serving.unknown) {
  const auto found = serving_.rows.find(context_.method());
  if (found != serving_.rows.end()) row_ = found->second;
  ctx_.deadline = to_deadline(context_.raw_deadline());
  enter_trace();
}

/// A call without a trace begins none: others ask for what they do themselves.
void Call::enter_trace() {
  const auto traceparent = header("traceparent");
  const auto parent = traceparent ? telemetry::parse_traceparent(*traceparent) : std::nullopt;
  ctx_.trace = parent ? serving_.tracer.enter(parent) : telemetry::new_unsampled_trace();
  if (!parent || !serving_.tracer.records(ctx_.trace)) return;
  span_ = serving_.tracer.begin(row_->row().method, telemetry::TraceSpan::Kind::server);
  span_.context = ctx_.trace;
  span_.parent = parent->span_id;
}

std::optional<std::string_view> Call::header(std::string_view name) const {
  const auto& headers = context_.client_metadata();
  const auto key = ::grpc::string_ref(name.data(), name.size());
  if (headers.count(key) != 1) return std::nullopt;
  const auto& value = headers.find(key)->second;
  return std::string_view(value.data(), value.size());
}

std::optional<Call::Refusal> Call::look_at_headers() {
  const auto authorization = header("authorization");
  std::optional<std::string_view> token;
  if (authorization && authorization->starts_with(kBearer)) token = authorization->substr(kBearer.size());
  const auto principal = serving_.authenticate(token);
  // Not an answer of the method's: a caller of ours must not take it for one.
  if (!principal || !principal->has(Role::service)) return Refusal{::grpc::StatusCode::UNAUTHENTICATED, std::nullopt};
  ctx_.principal = *principal;
  if (row_ == &serving_.unknown) return Refusal{::grpc::StatusCode::UNIMPLEMENTED, std::nullopt};
  if (ctx_.deadline > started_ + serving_.limits.deadline_max) {
    return Refusal{::grpc::StatusCode::INVALID_ARGUMENT,
                   Error{Errc::invalid_argument, "deadline_required",
                         "A call must name a deadline, and not a longer one than this server's."}};
  }
  if (!serving_.open) {
    return Refusal{::grpc::StatusCode::UNAVAILABLE,
                   Error{Errc::unavailable, "temporarily_unavailable", "This server is about to begin or to end."}};
  }
  if (serving_.in_flight.fetch_add(1) >= serving_.limits.calls_in_flight_max) {
    --serving_.in_flight;
    serving_.shed.add();
    return Refusal{::grpc::StatusCode::RESOURCE_EXHAUSTED,
                   Error{Errc::unavailable, "overloaded", "Too many calls are under way; nothing was done."}};
  }
  counted_ = true;
  serving_.active.add(1);
  return std::nullopt;
}

void Call::OnReadDone(bool ok) {
  if (ok) {
    asio::co_spawn(serving_.io, serve(shared_from_this()), asio::detached);
  } else if (is_over()) {
    give_up();
  } else {
    finish(::grpc::StatusCode::INVALID_ARGUMENT, malformed_message());
  }
}

bool Call::is_over() const {
  return given_up_ || ctx_.expired();
}

void Call::give_up() {
  finish(ctx_.expired() ? ::grpc::StatusCode::DEADLINE_EXCEEDED : ::grpc::StatusCode::CANCELLED, std::nullopt);
}

Task<void> Call::serve(std::shared_ptr<Call> self) {
  std::string request;
  const bool readable = read_buffer(self->request_, request);
  self->request_.Clear();
  if (self->is_over()) {
    self->give_up();
  } else if (!readable) {
    self->finish(::grpc::StatusCode::INVALID_ARGUMENT, malformed_message());
  } else {
    const auto answered = co_await self->answer(std::move(request));
    if (!answered) {
      self->finish(status_code(answered.error().errc), answered.error());
    } else if (static_cast<std::int64_t>(answered->size()) > self->serving_.limits.message_bytes_max) {
      log::error(self->ctx_, "an answer is longer than a message may be", {{"method", self->row_->row().method}});
      self->finish(::grpc::StatusCode::INTERNAL, std::nullopt);
    } else {
      self->response_ = to_buffer(*answered);
      self->observe(::grpc::StatusCode::OK);
      self->StartWriteAndFinish(&self->response_, ::grpc::WriteOptions(), ::grpc::Status::OK);
    }
  }
}

Task<Result<std::string>> Call::answer(std::string request) {
  std::exception_ptr failure;
  try {
    auto serving = row_->row().serve(ctx_, std::move(request));
    co_return co_await std::move(serving);
  } catch (...) {
    failure = std::current_exception();
  }
  co_return failed(ctx_, row_->row(), std::move(failure));
}

void Call::finish(::grpc::StatusCode status, const std::optional<Error>& error) {
  observe(status);
  if (error) {
    context_.AddTrailingMetadata(trailer(kErrcTrailer), trailer(agora::to_string(error->errc)));
    context_.AddTrailingMetadata(trailer(kCodeTrailer), error->code);
  }
  Finish(::grpc::Status(status, error ? error->message : ""));
}

void Call::observe(::grpc::StatusCode status) {
  row_->observe(status, std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count());
  tell(status);
}

void Call::tell(::grpc::StatusCode status) {
  // What is refused at the door is in the metrics; strangers fill nobody's traces.
  if (!counted_ || !span_.context.valid()) return;
  span_.failed = is_failure(status);
  span_.attributes = {{"rpc.system.name", "grpc"},
                      {"rpc.method", row_->row().method},
                      {"rpc.response.status_code", std::string(to_string(status))}};
  serving_.tracer.tell(std::move(span_));
}

void Call::OnDone() {
  if (counted_) {
    serving_.active.add(-1);
    --serving_.in_flight;
  }
  // Whoever still holds it lets go on the io thread.
  self_.reset();
}

}  // namespace agora::rpc
