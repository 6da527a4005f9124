#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

/// Named limits of delivery; every number is a setting.
struct DeliveryLimits {
  std::chrono::milliseconds retry_first{10'000};                    ///< after the first failure; doubles
  std::chrono::milliseconds retry_max{std::chrono::hours{1}};       ///< and no longer than this
  std::chrono::milliseconds give_up_after{std::chrono::hours{72}};  ///< since the notification was made
};

/// What became of one attempt to deliver a mail.
struct Outcome {
  DeliveryStatus status = DeliveryStatus::pending;
  std::int64_t attempts = 0;
  Timestamp next_attempt_at{};  ///< pending
  std::string failure{};        ///< why not, for support; empty when sent
};

/// Decides what follows from an attempt that ended now. `attempts`: how many there were before. `sent`: what the
/// channel said: mail_deferred is tried again after a pause that doubles, until it is given up; any other "no" is
/// final.
Outcome after_attempt(const Result<void>& sent, std::int64_t attempts, Timestamp made_at, Timestamp now,
                      const DeliveryLimits& limits);

}  // namespace agora::notification
