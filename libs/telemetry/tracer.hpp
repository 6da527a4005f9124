#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::telemetry {

/// A piece of work as a trace tells of it: what OpenTelemetry calls a span. Names and keys are of its semantic
/// conventions where those have one; values come from closed sets or are our own ids, never personal data.
struct TraceSpan {
  enum class Kind { internal = 1, server = 2, client = 3, producer = 4, consumer = 5 };  ///< numbers as in OTLP
  using Value = std::variant<std::int64_t, std::string>;

  std::string name{};
  Kind kind = Kind::internal;
  TraceContext context{};                ///< whose span_id is this piece's own
  std::array<std::uint8_t, 8> parent{};  ///< all zero: the trace begins here
  Timestamp started{};
  Timestamp ended{};
  std::vector<std::pair<std::string_view, Value>> attributes{};  ///< keys are literals
  bool failed = false;
};

/// Which traces are told of, and what was told of them and waits for its exporter. Off until start(): then it costs a
/// load of a flag. Never blocks anybody: what does not fit its queue is dropped and counted. Thread-safe.
class Tracer {
 public:
  struct Options {
    double sampled = 1;             ///< share of all traces that is told of, 0 to 1
    std::size_t queue_max = 4'096;  ///< spans that wait
    std::size_t batch_max = 512;    ///< spans after which `full` is called
  };

  /// From now on spans are kept. `full` is called, on any thread, when a whole batch waits; it must be quick and must
  /// not throw. Once, before anything is traced.
  void start(Options options, std::function<void()> full);
  bool on() const { return on_.load(std::memory_order_relaxed); }

  /// The trace of a request: that of its `traceparent`, with a span of our own, or a new one. While spans are kept its
  /// sampled flag says whether this trace is: who sent it may leave it out, but not have more of them kept than we do.
  /// All processes with the same share choose the same traces.
  TraceContext enter(const std::optional<TraceContext>& parent) const;
  /// Whether what happens under this trace is told of.
  bool records(const TraceContext& trace) const;
  /// The same for a `traceparent` that came with something, and none when it is not.
  std::optional<TraceContext> recorded(std::string_view traceparent) const;

  /// A span that starts now, its own id still to be set; and one under `parent`, with an id of its own.
  TraceSpan begin(std::string name, TraceSpan::Kind kind) const;
  TraceSpan begin_under(const TraceContext& parent, std::string name, TraceSpan::Kind kind) const;
  /// Ends a span and keeps it.
  void tell(TraceSpan span);
  /// The oldest, at most a batch.
  std::vector<TraceSpan> take();
  /// What became of spans.
  struct Counters {
    Counter exported{};
    Counter queue_full{};  ///< there was no room for them
    Counter refused{};     ///< the collector will never take them
  };
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }
  bool has_batch() const { return waiting() >= options_.batch_max; }
  bool empty() const { return waiting() == 0; }

 private:
  std::size_t waiting() const;

  Counters counters_{};
  SystemClock clock_{};
  Options options_{};
  std::function<void()> full_{};
  std::uint64_t threshold_ = 0;  ///< traces whose last 56 bits are below it are kept
  std::atomic<bool> on_{false};
  mutable std::mutex mutex_{};
  std::deque<TraceSpan> waiting_{};
};

}  // namespace agora::telemetry
