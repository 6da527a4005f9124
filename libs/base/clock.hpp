#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace agora {

/// A point in time: UTC, microseconds since 1970. What is stored, compared and written into documents.
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;
/// Deadlines and leases run on the monotonic clock: a leap of the wall clock must not extend or end one.
using Deadline = std::chrono::steady_clock::time_point;

/// Where `now` comes from. Injected, so tests set the time; thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
};

/// The machine's wall clock.
class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
};

/// RFC 3339 in UTC with `Z` and 3 decimals, cut not rounded: `2026-11-23T14:05:06.789Z`. Years 0000–9999.
std::string to_rfc3339(Timestamp time);
/// The same, appended.
void append_rfc3339(std::string& out, Timestamp time);
/// Reads what to_rfc3339 writes and its variants: 0–9 decimals, `Z`, `z` or an offset. None when it is not RFC 3339, or
/// not in those years in UTC.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

}  // namespace agora
