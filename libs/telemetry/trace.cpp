#include "libs/telemetry/trace.hpp"

#include "libs/base/id.hpp"

namespace agora::telemetry {
namespace {

constexpr std::size_t kVersion00Size = 55;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

template <std::size_t N>
bool read_hex(std::string_view text, std::array<std::uint8_t, N>& out) {
  for (std::size_t i = 0; i < N; ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  if (header.size() < kVersion00Size || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceContext trace;
  if (!read_hex(header.substr(0, 2), version) || !read_hex(header.substr(3, 32), trace.trace_id) ||
      !read_hex(header.substr(36, 16), trace.span_id) || !read_hex(header.substr(53, 2), flags)) {
    return std::nullopt;
  }
  if (version[0] == 0xFF) return std::nullopt;
  // Later versions may say more after another dash; version 00 is exactly this long.
  const bool longer = header.size() > kVersion00Size;
  if (longer && (version[0] == 0 || header[kVersion00Size] != '-')) return std::nullopt;
  if (!trace.valid() || trace.span_id == std::array<std::uint8_t, 8>{}) return std::nullopt;
  trace.flags = flags[0];
  return trace;
}

TraceContext new_trace() {
  TraceContext trace;
  fill_random(trace.trace_id.data(), trace.trace_id.size());
  fill_random(trace.span_id.data(), trace.span_id.size());
  trace.flags = 1;
  return trace;
}

TraceContext new_unsampled_trace() {
  auto trace = new_trace();
  trace.flags = 0;
  return trace;
}

TraceContext child_of(const TraceContext& parent) {
  TraceContext child = parent;
  fill_random(child.span_id.data(), child.span_id.size());
  return child;
}

}  // namespace agora::telemetry
