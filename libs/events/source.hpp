#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/events/event_log.hpp"

namespace agora::events {

/// What a consumer asks a log for.
struct Fetch {
  std::vector<std::string> topics{};
  std::optional<Position> after{};  ///< what it has committed, and acknowledges; none: it is born
  std::optional<std::int64_t> birth_through{};
  bool acknowledge = true;            ///< false while it only looks
  std::chrono::milliseconds wait{0};  ///< for the next event
};

struct Fetched {
  LogState log{};
  Position next{};
  std::vector<Event> events{};
};

/// Where a consumer's events come from: a transport.
class Source {
 public:
  virtual ~Source() = default;
  /// "No": failed_precondition `log_changed`, `position_lost`, `consumer_dropped` (the consumer must stop);
  /// unavailable `source_unavailable` (later works).
  virtual Task<Result<Fetched>> fetch(Ctx ctx, Fetch request) = 0;
};

}  // namespace agora::events
