#include "services/notification/core/delivery.hpp"

#include <algorithm>

namespace agora::notification {
namespace {

std::chrono::milliseconds pause_before(std::int64_t attempt, const DeliveryLimits& limits) {
  auto pause = limits.retry_first;
  for (std::int64_t i = 1; i < attempt && pause < limits.retry_max; ++i) pause *= 2;
  return std::min(pause, limits.retry_max);
}

}  // namespace

Outcome after_attempt(const Result<void>& sent, std::int64_t attempts, Timestamp made_at, Timestamp now,
                      const DeliveryLimits& limits) {
  Outcome outcome{.attempts = attempts + 1};
  if (sent) {
    outcome.status = DeliveryStatus::sent;
    return outcome;
  }
  outcome.failure = sent.error().message;
  outcome.next_attempt_at = now + pause_before(outcome.attempts, limits);
  const bool is_over = outcome.next_attempt_at > made_at + limits.give_up_after;
  if (sent.error().errc != Errc::unavailable || is_over) outcome.status = DeliveryStatus::dead;
  return outcome;
}

}  // namespace agora::notification
