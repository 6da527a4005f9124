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

std::string mistakes_in(const std::string& text) {
  const TemporaryFile file(text);
  try {
    TestTokens::from_file(file.path());
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(TestTokens, KnowWhoATokenSpeaksFor) {
  const TemporaryFile file(
      R"({"t1": {"subject": "u1", "roles": ["user", "support"]}, "t2": {"subject": "g1", "roles": []}})");
  const auto tokens = TestTokens::from_file(file.path());
  const auto known = tokens.authenticate("t1");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->kind, Principal::Kind::user);
  EXPECT_EQ(known->subject, "u1");
  EXPECT_TRUE(known->has(Role::user) && known->has(Role::support));
  EXPECT_FALSE(known->has(Role::admin) || known->has(Role::guest));
  EXPECT_EQ(tokens.authenticate("t2")->roles, 0);
  EXPECT_EQ(tokens.authenticate(std::nullopt)->kind, Principal::Kind::anonymous);
  for (const auto* other : {"t", "t11", "", "T1"}) {
    const auto unknown = tokens.authenticate(other);
    ASSERT_FALSE(unknown) << other;
    EXPECT_EQ(unknown.error().errc, Errc::unauthenticated);
    EXPECT_EQ(unknown.error().code, "invalid_token");
  }
}

TEST(TestTokens, NameEveryMistakeAndNoToken) {
  const auto text = mistakes_in(R"({
    "secret-1": {"subject": "u 1", "roles": ["user"]},
    "secret-2": {"subject": "u2", "roles": ["king", 5]},
    "secret-3": {"subject": "u3"},
    "secret-4": 7})");
  for (const auto* expected :
       {"token number 1 needs a subject", "token number 2 has a role", "token number 3 needs roles",
        "token number 4 needs a subject", "token number 4 needs roles"}) {
    EXPECT_NE(text.find(expected), std::string::npos) << text;
  }
  EXPECT_EQ(text.find("secret"), std::string::npos) << text;
}

TEST(TestTokens, RefuseWhatIsNoObject) {
  for (const std::string text :
       {"", "[]", "{", "7", R"({"t":{"subject":"u1","roles":[]},"t":{"subject":"u2","roles":[]}})"}) {
    EXPECT_NE(mistakes_in(text).find("must be a JSON object"), std::string::npos) << text;
  }
  EXPECT_THROW(TestTokens::from_file("/no/such/file"), std::runtime_error);
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
