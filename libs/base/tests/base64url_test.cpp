#include "libs/base/base64url.hpp"

#include <gtest/gtest.h>

namespace agora {
namespace {

TEST(Base64Url, WritesWhatTheRfcSays) {
  // RFC 4648 §10 without padding, and RFC 7515 appendix C.
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("fo"), "Zm8");
  EXPECT_EQ(to_base64url("foo"), "Zm9v");
  EXPECT_EQ(to_base64url("foob"), "Zm9vYg");
  EXPECT_EQ(to_base64url(std::string_view("\x03\xEC\xFF\xE0\xC1", 5)), "A-z_4ME");
}

TEST(Base64Url, ReadsBackEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
}

TEST(Base64Url, HasOneTextForSomeBytes) {
  EXPECT_EQ(from_base64url("Zg"), "f");
  for (const auto* other : {"Zg==", "Zg=", "Zh", "Zv", "Z", "Zm9vZ", "Zm9", "Zg ", " Zg", "Z g", "Zg\n", "Zm+v", "Zm/v",
                            "Zm.v", "Zm\xC3\xA9"}) {
    EXPECT_FALSE(from_base64url(other)) << other;
  }
  EXPECT_FALSE(from_base64url(std::string_view("Zg\0v", 4)));
}

}  // namespace
}  // namespace agora
