#pragma once
#include <chrono>
#include <map>
#include <vector>

#include "libs/base/clock.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

/// Tells which claims ran out. The clock of the process that made one is not ours, and wall clocks leap: so a claim's
/// time is measured on our monotonic clock, from when we saw it first. That is after it was made, and who made it
/// counts from before: it has stopped by then. Not thread-safe.
class ClaimWatch {
 public:
  /// `allowed`: how long a claim stands; zero when only processes that are gone can have left one.
  explicit ClaimWatch(std::chrono::milliseconds allowed) : allowed_(allowed) {}

  /// Those that have stood too long. `standing`: all that are there, seen now.
  std::vector<ClaimId> ran_out(const std::vector<ClaimId>& standing, Deadline now);

 private:
  std::chrono::milliseconds allowed_;
  std::map<ClaimId, Deadline> ends_;
};

}  // namespace agora::notification
