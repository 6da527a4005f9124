#include "libs/http/authenticators.hpp"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

namespace agora::http {
namespace {

/// A file with this text, gone with its owner.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    const int file = ::mkstemp(path_.data());
    ::close(file);
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/agora-tokens-XXXXXX";
};

TEST(ServiceTokens, AcceptTheOneOrTwoOfTheirFile) {
  const std::string old_token(32, 'a');
  const std::string new_token(40, 'b');
  const TemporaryFile file(new_token + "\n" + old_token + "\r\n");
  const auto tokens = ServiceTokens::from_file(file.path());
  EXPECT_EQ(tokens.own().reveal(), new_token);
  for (const auto& token : {old_token, new_token}) EXPECT_TRUE(tokens.authenticate(token)->has(Role::service));
  for (const auto& wrong : {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'b')}) {
    EXPECT_EQ(tokens.authenticate(wrong).error().code, "invalid_token");
  }
  EXPECT_EQ(tokens.authenticate(std::nullopt)->kind, Principal::Kind::anonymous);
}

TEST(ServiceTokens, RefuseFilesThatHoldNoSecret) {
  for (const std::string text : {"", "short\n", "\n"}) {
    const TemporaryFile file(text);
    EXPECT_THROW(ServiceTokens::from_file(file.path()), std::runtime_error) << text;
  }
  const std::string token(32, 'a');
  const TemporaryFile three(token + "\n" + token + "\n" + token + "\n");
  EXPECT_THROW(ServiceTokens::from_file(three.path()), std::runtime_error);
  EXPECT_THROW(ServiceTokens::from_file("/nonexistent"), std::runtime_error);
}

TEST(NoTokens, LetNobodyInAndTurnNobodyAway) {
  const NoTokens none;
  EXPECT_EQ(none.authenticate(std::nullopt)->kind, Principal::Kind::anonymous);
  const auto any = none.authenticate("t");
  ASSERT_FALSE(any);
  EXPECT_EQ(any.error().errc, Errc::unavailable);
  EXPECT_EQ(any.error().code, "token_verification_unavailable");
}

TEST(DemoGuests, AreThoseWithoutAToken) {
  const NoTokens none;
  const DemoGuestAuthenticator demo(none);
  const auto guest = demo.authenticate(std::nullopt);
  ASSERT_TRUE(guest);
  EXPECT_EQ(guest->kind, Principal::Kind::demo_guest);
  EXPECT_TRUE(guest->subject.empty());
  EXPECT_EQ(demo.authenticate("t").error().code, "token_verification_unavailable");
}

}  // namespace
}  // namespace agora::http
