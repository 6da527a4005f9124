#include "libs/base/id.hpp"

#include <set>

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

}  // namespace
}  // namespace agora
