#pragma once
#include <optional>
#include <string_view>

#include "libs/base/ctx.hpp"

namespace agora::telemetry {

/// Reads a `traceparent` header (W3C Trace Context level 2). None when it is malformed, all zero, or version ff.
std::optional<TraceContext> parse_traceparent(std::string_view header);

/// A trace of its own, random ids, sampled flag set.
TraceContext new_trace();
/// The same, not sampled: of what is done again and again, and seldom anything.
TraceContext new_unsampled_trace();

/// The same trace, a new span: what a callee works under.
TraceContext child_of(const TraceContext& parent);

}  // namespace agora::telemetry
