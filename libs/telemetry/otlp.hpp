#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/telemetry/tracer.hpp"

namespace agora::telemetry {

/// Who tells: `service.name` and other attributes of OpenTelemetry's resource.
using Resource = std::vector<std::pair<std::string, std::string>>;

/// Spans as the body of an OTLP/HTTP request in binary protobuf: an ExportTraceServiceRequest of
/// https://github.com/open-telemetry/opentelemetry-proto (v1, stable: its field numbers never change).
std::string to_otlp(std::span<const TraceSpan> spans, const Resource& resource);

}  // namespace agora::telemetry
