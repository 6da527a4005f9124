#include "libs/base/id.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace agora {
namespace {

using ThingId = Id<struct ThingTag>;
constexpr Timestamp kNow{std::chrono::milliseconds(0x0123'4567'89AB)};

TEST(Id, IsOneToSixtyFourPlainCharacters) {
  EXPECT_TRUE(ThingId::parse("u1").has_value());
  EXPECT_TRUE(ThingId::parse("A-z_09").has_value());
  EXPECT_TRUE(ThingId::parse(std::string(64, 'x')).has_value());
  for (const auto& text : {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a/b"),
                           std::string("ä"), std::string("a\0", 2), std::string("a.b")}) {
    EXPECT_FALSE(ThingId::parse(text).has_value()) << text;
  }
}

TEST(UuidV7, HasTheTimeInFrontAndItsVersionAndVariant) {
  const auto id = new_uuid_v7(kNow);
  ASSERT_EQ(id.size(), 36U);
  EXPECT_EQ(id.substr(0, 13), "01234567-89ab");
  EXPECT_EQ(id[14], '7');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
  EXPECT_TRUE(is_id(id));
}

TEST(UuidV7, DoesNotRepeatWithinAMillisecond) {
  std::set<std::string> ids;
  for (int i = 0; i < 10'000; ++i) ids.insert(new_uuid_v7(kNow));
  EXPECT_EQ(ids.size(), 10'000U);
}

TEST(HumanNumber, HasTenCrockfordCharacters) {
  std::set<std::string> numbers;
  for (int i = 0; i < 10'000; ++i) {
    const auto number = new_human_number();
    ASSERT_EQ(number.size(), 10U);
    EXPECT_EQ(number.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ"), std::string::npos) << number;
    numbers.insert(number);
  }
  EXPECT_EQ(numbers.size(), 10'000U);
}

TEST(FillRandom, FillsMoreThanItBuffers) {
  std::vector<unsigned char> bytes(10'000, 0);
  fill_random(bytes.data(), bytes.size());
  EXPECT_LT(std::count(bytes.begin(), bytes.end(), 0), 200);
}

TEST(Id, TakesNoOtherByteThanItsAlphabets) {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  for (int byte = 0; byte < 256; ++byte) {
    const auto c = static_cast<char>(byte);
    EXPECT_EQ(is_id(std::string_view(&c, 1)), alphabet.find(c) != std::string_view::npos) << byte;
  }
}

TEST(Id, OfOneThingIsNoneOfAnother) {
  using OtherId = Id<struct OtherTag>;
  static_assert(!std::is_convertible_v<ThingId, OtherId> && !std::is_constructible_v<ThingId, OtherId>);
  static_assert(!std::is_convertible_v<std::string, ThingId>);
  EXPECT_TRUE(ThingId().empty());
  EXPECT_FALSE(ThingId("a").empty());
}

TEST(Id, ComparesBytewise) {
  EXPECT_EQ(ThingId("a"), ThingId(std::string("a")));
  EXPECT_LT(ThingId("B"), ThingId("a"));
  EXPECT_LT(ThingId("a"), ThingId("aa"));
  EXPECT_LT(ThingId("10"), ThingId("9"));
  EXPECT_EQ(std::hash<ThingId>{}(ThingId("a")), std::hash<ThingId>{}(ThingId("a")));
}

TEST(UuidV7, IsWrittenInFiveLowerCaseGroups) {
  std::array<int, 16> variants{};
  for (int i = 0; i < 1'000; ++i) {
    const auto id = new_id<struct ThingTag>(kNow).str();
    ASSERT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
    for (std::size_t at = 0; at < id.size(); ++at) {
      ASSERT_EQ(id[at] == '-', at == 8 || at == 13 || at == 18 || at == 23) << id;
    }
    ASSERT_EQ(id[14], '7') << id;
    ++variants[static_cast<std::size_t>(std::stoi(id.substr(19, 1), nullptr, 16))];
  }
  EXPECT_EQ(variants[8] + variants[9] + variants[10] + variants[11], 1'000);
}

TEST(UuidV7, OfALaterMillisecondIsGreater) {
  EXPECT_LT(new_uuid_v7(kNow), new_uuid_v7(kNow + std::chrono::milliseconds(1)));
  EXPECT_EQ(new_uuid_v7(kNow + std::chrono::microseconds(999)).substr(0, 13), "01234567-89ab") << "cut, not rounded";
}

TEST(FillRandom, HandsOutNoByteTwice) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    std::uint64_t number = 0;
    fill_random(&number, sizeof number);
    seen.insert(number);
  }
  EXPECT_EQ(seen.size(), 10'000U);
}

}  // namespace
}  // namespace agora
