#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "libs/telemetry/tracer.hpp"

namespace agora::events {

/// What is done to events together, told in the trace of each: they begin together and end when this ends; failed,
/// unless succeed() was called. Events whose trace is not told of cost nothing but a look at it. Not thread-safe.
class EventSpans {
 public:
  /// `operation`: `send` or `process` (OpenTelemetry's messaging conventions). `system`: the way by which the events
  /// travel: `feed`, `kafka`; a literal, as `operation` is.
  EventSpans(telemetry::Tracer& tracer, const char* operation, telemetry::TraceSpan::Kind kind, std::string_view system)
      : tracer_(tracer), operation_(operation), kind_(kind), system_(system) {}
  ~EventSpans();
  EventSpans(const EventSpans&) = delete;
  EventSpans& operator=(const EventSpans&) = delete;

  bool on() const { return tracer_.on(); }
  /// Begins one, if the event's trace is told of; gives the traceparent under which its effects belong: of the new
  /// span, else the event's own (empty: none).
  std::string begin(const std::string& event_id, const std::string& topic, const std::string& traceparent);
  /// This event of them alone failed.
  void fail(std::string_view event_id);
  void succeed() { succeeded_ = true; }

 private:
  telemetry::Tracer& tracer_;
  const char* operation_;
  telemetry::TraceSpan::Kind kind_;
  std::string system_;
  bool succeeded_ = false;
  std::vector<telemetry::TraceSpan> spans_{};
  std::vector<std::string> event_ids_{};  ///< of each span
};

}  // namespace agora::events
