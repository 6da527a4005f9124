#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "libs/http/authenticator.hpp"
#include "libs/http/match.hpp"
#include "libs/http/server.hpp"
#include "libs/http/stream_slots.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::http {

/// Everything between a request that was read and the response to write: route, admission, authentication, handler,
/// errors, metrics. Used on the io thread of its server. The HTTP border: what handlers throw ends here.
class Dispatcher {
 public:
  Dispatcher(std::string server, Router router, const Limits& limits, const Authenticator& authenticator,
             telemetry::Registry& metrics, Traces traces = Traces::begin);

  /// Answers any request that passed the gate. Never throws.
  Task<Response> answer(RequestData& request);
  /// A problem that comes before any route is known (400, 413, 431, 503).
  Response refuse(std::string_view code, std::string_view detail);

  const Router& router() const { return router_; }
  std::int64_t open_streams() const { return streams_ ? streams_->open() : 0; }

 private:
  /// A duration histogram that was asked for before.
  struct Known {
    Method method;
    int status;
    telemetry::Histogram* histogram;
  };

  /// The answer to what no handler will see: no such path or method, or too many requests under way.
  std::optional<Response> refuse_unrouted(const Match& found, const RequestData& request, const Ctx& ctx);
  Task<Response> handle(const Route& route, RequestData& request, Ctx ctx);
  Task<Result<Response>> call(const Route& route, Request request, Ctx ctx);
  Result<Principal> authenticate(const Route& route, const RequestData& request) const;
  bool admit(const Route& route) const;
  TraceContext enter_trace(const RequestData& request, telemetry::TraceSpan& span) const;
  void tell(telemetry::TraceSpan span, std::optional<std::size_t> row, Method method, int status) const;
  void observe(std::optional<std::size_t> row, Method method, int status, double seconds);

  std::string server_;
  Router router_;
  Limits limits_;
  const Authenticator& authenticator_;
  telemetry::Registry& metrics_;
  telemetry::Tracer& tracer_;
  Traces traces_;
  telemetry::Gauge& active_;
  telemetry::Counter& shed_;
  std::optional<StreamSlots> streams_{};  ///< none without rows of streams
  std::int64_t in_flight_ = 0;
  std::vector<std::vector<Known>> known_;  ///< by row; the last is of requests without one
};

}  // namespace agora::http
