#include "libs/base/clock.hpp"

#include <random>

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

TEST(Rfc3339, ComesBackAsItWentToTheMillisecond) {
  constexpr unsigned kSeed = 20'261'125;
  std::mt19937_64 random(kSeed);
  const auto first = parse_rfc3339("0000-01-01T00:00:00.000Z");
  const auto last = parse_rfc3339("9999-12-31T23:59:59.999Z");
  ASSERT_TRUE(first && last);
  EXPECT_EQ(to_rfc3339(*first), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(*last), "9999-12-31T23:59:59.999Z");
  std::uniform_int_distribution<std::int64_t> ms(first->time_since_epoch().count() / 1'000,
                                                 last->time_since_epoch().count() / 1'000);
  for (int round = 0; round < 2'000; ++round) {
    const auto time = at(ms(random) * 1'000);
    const auto text = to_rfc3339(time);
    ASSERT_EQ(parse_rfc3339(text), time) << "seed " << kSeed << ": " << text;
    ASSERT_EQ(parse_rfc3339(text.substr(0, 23) + "+00:00"), time) << "seed " << kSeed << ": " << text;
  }
}

TEST(Rfc3339, RefusesATimeThatCannotBeWritten) {
  EXPECT_FALSE(parse_rfc3339("0000-01-01T00:00:00+00:01").has_value()) << "the year before 0000";
  EXPECT_FALSE(parse_rfc3339("9999-12-31T23:59:00-00:01").has_value()) << "the year after 9999";
  EXPECT_TRUE(parse_rfc3339("0000-01-01T00:01:00+00:01").has_value());
  EXPECT_TRUE(parse_rfc3339("9999-12-31T23:58:59-00:01").has_value());
}

TEST(Rfc3339, IsCutAtNoPlaceThatPasses) {
  const std::string good = "2026-11-23T14:05:06.789+01:00";
  ASSERT_TRUE(parse_rfc3339(good).has_value());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(parse_rfc3339(good.substr(0, size)).has_value()) << size;
  }
}

TEST(Rfc3339, RefusesOtherOffsets) {
  for (const char* offset : {"+24:00", "+00:60", "+0000", "+00", "+", "-1:00", "+00:00Z", "ZZ", " Z", "+00:0a"}) {
    EXPECT_FALSE(parse_rfc3339(std::string("1970-01-01T00:00:00") + offset).has_value()) << offset;
  }
}

TEST(Rfc3339, IsAppended) {
  std::string text = "at ";
  append_rfc3339(text, at(1'000'000));
  EXPECT_EQ(text, "at 1970-01-01T00:00:01.000Z");
}

}  // namespace
}  // namespace agora
