#include "libs/telemetry/tracer.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "libs/telemetry/trace.hpp"

namespace agora::telemetry {
namespace {

constexpr std::uint8_t kSampled = 1;
/// The part of a trace id that is random whoever made it (W3C Trace Context level 2).
constexpr int kRandomBits = 56;

std::uint64_t random_part(const TraceContext& trace) {
  std::uint64_t value = 0;
  for (std::size_t i = trace.trace_id.size() - kRandomBits / 8; i < trace.trace_id.size(); ++i) {
    value = value << 8 | trace.trace_id[i];
  }
  return value;
}

}  // namespace

void Tracer::start(Options options, std::function<void()> full) {
  options_ = options;
  full_ = std::move(full);
  threshold_ = static_cast<std::uint64_t>(std::ldexp(std::clamp(options.sampled, 0.0, 1.0), kRandomBits));
  on_.store(true, std::memory_order_release);
}

TraceContext Tracer::enter(const std::optional<TraceContext>& parent) const {
  auto trace = parent ? child_of(*parent) : new_trace();
  if (on() && !records(trace)) trace.flags &= static_cast<std::uint8_t>(~kSampled);
  return trace;
}

bool Tracer::records(const TraceContext& trace) const {
  return on() && (trace.flags & kSampled) != 0 && trace.valid() && random_part(trace) < threshold_;
}

std::optional<TraceContext> Tracer::recorded(std::string_view traceparent) const {
  if (!on() || traceparent.empty()) return std::nullopt;
  auto trace = parse_traceparent(traceparent);
  return trace && records(*trace) ? trace : std::nullopt;
}

TraceSpan Tracer::begin(std::string name, TraceSpan::Kind kind) const {
  return {.name = std::move(name), .kind = kind, .started = clock_.now()};
}

TraceSpan Tracer::begin_under(const TraceContext& parent, std::string name, TraceSpan::Kind kind) const {
  auto span = begin(std::move(name), kind);
  span.context = child_of(parent);
  span.parent = parent.span_id;
  return span;
}

void Tracer::tell(TraceSpan span) {
  span.ended = clock_.now();
  bool batch_waits = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.queue_max) {
      counters_.queue_full.add();
      return;
    }
    waiting_.push_back(std::move(span));
    batch_waits = waiting_.size() % options_.batch_max == 0;
  }
  if (batch_waits) full_();
}

std::size_t Tracer::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

std::vector<TraceSpan> Tracer::take() {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(options_.batch_max, waiting_.size()));
  std::vector<TraceSpan> taken(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return taken;
}

}  // namespace agora::telemetry
