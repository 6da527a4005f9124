#include "libs/base/clock.hpp"

#include <gtest/gtest.h>

namespace agora {
namespace {

Timestamp at(std::int64_t micros) {
  return Timestamp(std::chrono::microseconds(micros));
}

TEST(Rfc3339, WritesThreeDecimalsCutNotRounded) {
  EXPECT_EQ(to_rfc3339(at(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(at(1'800'000'000'999'999)), "2027-01-15T08:00:00.999Z");
  EXPECT_EQ(to_rfc3339(at(-1)), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, ReadsItsVariants) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:01Z"), at(1'000'000));
  EXPECT_EQ(parse_rfc3339("1970-01-01t00:00:01.5z"), at(1'500'000));
  EXPECT_EQ(parse_rfc3339("1970-01-01T02:00:00+02:00"), at(0));
  EXPECT_EQ(parse_rfc3339("1969-12-31T23:30:00-00:30"), at(0));
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.123456789Z"), at(123'456));
  EXPECT_TRUE(parse_rfc3339("2024-02-29T00:00:00Z").has_value());
}

TEST(Rfc3339, RefusesTheRest) {
  for (const char* text :
       {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z", "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00Zx", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00+2:00", "yesterday"}) {
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
  }
}

TEST(SystemClock, GoesOn) {
  const SystemClock clock;
  EXPECT_GT(clock.now(), at(1'700'000'000'000'000));
}

}  // namespace
}  // namespace agora
