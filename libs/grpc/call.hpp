#pragma once
#include <atomic>
#include <grpcpp/generic/async_generic_service.h>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/grpc/server.hpp"
#include "libs/grpc/status.hpp"
#include "libs/telemetry/metrics.hpp"
#include "libs/telemetry/tracer.hpp"

// How one call of the server runs. For this library alone: it includes gRPC's headers.

namespace agora::rpc {

/// A row that is served, and how long its calls took by how they ended.
class ServedRow {
 public:
  ServedRow(Row row, telemetry::Registry& metrics) : row_(std::move(row)), metrics_(metrics) {}

  const Row& row() const { return row_; }
  /// Thread-safe.
  void observe(::grpc::StatusCode code, double seconds);

 private:
  Row row_;
  telemetry::Registry& metrics_;
  std::array<std::atomic<telemetry::Histogram*>, kStatusCount> known_{};  ///< asked for before
};

/// What the calls of a server share; outlives them. Thread-safe.
struct Serving {
  asio::io_context& io;
  const Limits& limits;
  const Authenticate& authenticate;
  std::unordered_map<std::string, ServedRow*> rows;  ///< by path: `/agora.order.v1.OrderService/GetContact`
  ServedRow& unknown;                                ///< of calls of no method of ours
  telemetry::Gauge& active;
  telemetry::Counter& shed;
  telemetry::Tracer& tracer;
  std::atomic<std::int64_t> in_flight{0};
  std::atomic<bool> open{false};  ///< the io thread runs, and no drain has begun
};

/// One call, from its headers to its status. gRPC's threads read and write; between the two it is a coroutine on the io
/// thread. It keeps itself until gRPC is done with it.
class Call final : public ::grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Call> {
 public:
  /// Refuses it by its headers, or reads its message and serves it.
  static ::grpc::ServerGenericBidiReactor* begin(Serving& serving, ::grpc::GenericCallbackServerContext& context);

  /// Called by begin() alone.
  Call(Serving& serving, ::grpc::GenericCallbackServerContext& context);

  void OnReadDone(bool ok) override;
  void OnCancel() override { given_up_ = true; }
  void OnDone() override;

 private:
  /// The error as it is answered; none: its trailers say that it is not an answer of the method's.
  struct Refusal {
    ::grpc::StatusCode status;
    std::optional<Error> error;
  };

  void enter_trace();
  std::optional<Refusal> look_at_headers();
  std::optional<std::string_view> header(std::string_view name) const;
  static Task<void> serve(std::shared_ptr<Call> self);
  Task<Result<std::string>> answer(std::string request);
  /// Whether nobody waits for an answer any more.
  bool is_over() const;
  void give_up();
  void finish(::grpc::StatusCode status, const std::optional<Error>& error);
  void observe(::grpc::StatusCode status);
  /// Tells the caller's trace how it went.
  void tell(::grpc::StatusCode status);

  Serving& serving_;
  ::grpc::GenericCallbackServerContext& context_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::shared_ptr<Call> self_;
  ServedRow* row_;
  Ctx ctx_;
  telemetry::TraceSpan span_;  ///< filled where the caller's trace is told of
  bool counted_ = false;
  std::atomic<bool> given_up_{false};
  ::grpc::ByteBuffer request_;
  ::grpc::ByteBuffer response_;
};

}  // namespace agora::rpc
