#include "services/notification/core/delivery.hpp"

#include <gtest/gtest.h>

namespace agora::notification {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kMade{std::chrono::microseconds(1'800'000'000'000'000)};
const Error kDeferred{Errc::unavailable, "mail_deferred", "Later."};
const Error kRefused{Errc::invalid_argument, "mail_refused", "Never."};
constexpr DeliveryLimits kLimits{.retry_first = 10s, .retry_max = 60s, .give_up_after = 1h};

TEST(AfterAttempt, SentIsSent) {
  const auto outcome = after_attempt({}, 2, kMade, kMade + 1s, kLimits);
  EXPECT_EQ(outcome.status, DeliveryStatus::sent);
  EXPECT_EQ(outcome.attempts, 3);
  EXPECT_TRUE(outcome.failure.empty());
}

TEST(AfterAttempt, WaitsTwiceAsLongEachTimeUpToAMost) {
  std::vector<std::chrono::seconds> pauses;
  for (std::int64_t attempts = 0; attempts < 6; ++attempts) {
    const auto outcome = after_attempt(kDeferred, attempts, kMade, kMade, kLimits);
    EXPECT_EQ(outcome.status, DeliveryStatus::pending);
    EXPECT_EQ(outcome.failure, "Later.");
    pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(outcome.next_attempt_at - kMade));
  }
  EXPECT_EQ(pauses, (std::vector<std::chrono::seconds>{10s, 20s, 40s, 60s, 60s, 60s}));
  EXPECT_EQ(after_attempt(kDeferred, 1'000'000, kMade, kMade, kLimits).next_attempt_at, kMade + 60s);
}

TEST(AfterAttempt, IsGivenUpWhenTheNextWouldBeTooLate) {
  EXPECT_EQ(after_attempt(kDeferred, 5, kMade, kMade + 59min, kLimits).status, DeliveryStatus::pending);
  EXPECT_EQ(after_attempt(kDeferred, 5, kMade, kMade + 59min + 1s, kLimits).status, DeliveryStatus::dead);
}

TEST(AfterAttempt, IsGivenUpAtOnceWhenItIsRefused) {
  const auto outcome = after_attempt(kRefused, 0, kMade, kMade, kLimits);
  EXPECT_EQ(outcome.status, DeliveryStatus::dead);
  EXPECT_EQ(outcome.failure, "Never.");
}

}  // namespace
}  // namespace agora::notification
