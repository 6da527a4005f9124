#pragma once
#include <optional>
#include <string_view>

#include "libs/sql/queue.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::sql {

/// While it lives, somebody waits for a write: tells the trace of it, from its queueing to its commit, with how long it
/// waited and how many committed together. Not for services.
class TracedWrite {
 public:
  /// `name`: of the span whose command it is; else `write`. `member` must outlive it.
  TracedWrite(telemetry::Tracer& tracer, Engine engine, const TraceContext& trace, std::string_view name,
              const Member& member)
      : tracer_(tracer), member_(member) {
    if (tracer.records(trace)) begin(engine, trace, name);
  }
  ~TracedWrite() {
    if (span_) end();
  }
  TracedWrite(const TracedWrite&) = delete;
  TracedWrite& operator=(const TracedWrite&) = delete;

 private:
  void begin(Engine engine, const TraceContext& trace, std::string_view name);
  void end();

  telemetry::Tracer& tracer_;
  const Member& member_;
  Deadline queued_{};
  std::optional<telemetry::TraceSpan> span_{};
};

}  // namespace agora::sql
