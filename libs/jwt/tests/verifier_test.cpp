#include "libs/jwt/verifier.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "libs/jwt/tests/forge.hpp"
#include "libs/testing/manual_clock.hpp"

namespace agora::jwt {
namespace {

class VerifierTest : public ::testing::Test {
 protected:
  static KeySet set_of(const PrivateKey& key) {
    return KeySet::parse(R"({"keys":[)" + key.public_jwk() + "]}").value();
  }
  static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::hours(1); }

  std::string code(const std::string& token) const {
    const auto result = verifier_.authenticate(token);
    return result ? "ok" : result.error().code;
  }
  std::uint64_t count(const std::string& result) {
    return metrics_.counter("agora_token_verifications_total", "", {{"result", result}}).value();
  }

  testing::ManualClock clock_{Timestamp(std::chrono::seconds(1'000'100))};
  telemetry::Registry metrics_;
  Verifier verifier_{{}, 2, clock_, metrics_};
  PrivateKey key_ = PrivateKey::generate(Algorithm::es256);
  std::string good_ = Forge(key_).token();
};

TEST_F(VerifierTest, WithoutKeysCannotSayWhoAnybodyIs) {
  for (const auto& token : {good_, std::string(), std::string("x")}) {
    EXPECT_EQ(code(token), "token_verification_unavailable");
  }
  EXPECT_EQ(verifier_.authenticate(std::nullopt)->kind, Principal::Kind::anonymous);
  EXPECT_FALSE(verifier_.has_keys());
}

TEST_F(VerifierTest, KnowsWhoATokenSpeaksFor) {
  verifier_.use(set_of(key_), soon());
  const auto principal = verifier_.authenticate(good_);
  ASSERT_TRUE(principal);
  EXPECT_EQ(principal->kind, Principal::Kind::user);
  EXPECT_EQ(principal->subject, "u1");
  EXPECT_TRUE(principal->has(Role::user));
  EXPECT_EQ(principal->expires, Timestamp(std::chrono::seconds(1'000'300)) + kClockSkewMax)
      << "as long as it is accepted";
  EXPECT_EQ(verifier_.authenticate(std::nullopt)->kind, Principal::Kind::anonymous);
}

TEST_F(VerifierTest, RefusesEveryTokenTheSame) {
  verifier_.use(set_of(key_), soon());
  const auto stranger = PrivateKey::generate(Algorithm::es256);
  const auto first = verifier_.authenticate("x").error();
  for (const auto& token :
       {Forge(stranger).token(), Forge(key_).set("exp", "1").token(), std::string(9'000, 'x'), good_ + "x"}) {
    const auto error = verifier_.authenticate(token).error();
    EXPECT_EQ(error.errc, Errc::unauthenticated);
    EXPECT_EQ(error.code, "invalid_token");
    EXPECT_EQ(error.message, first.message);
  }
  EXPECT_EQ(count("unknown_key"), 1U);
  EXPECT_EQ(count("expired"), 1U);
}

TEST_F(VerifierTest, SaysOfAnUnknownKeyThatItCannotKnowOnceItsKeysAreStale) {
  const auto stranger = PrivateKey::generate(Algorithm::es256);
  const auto token = Forge(stranger).token();
  verifier_.use(set_of(key_), Deadline::min());
  EXPECT_EQ(code(token), "token_verification_unavailable");
  EXPECT_EQ(code(good_), "ok");
  EXPECT_EQ(code("x"), "invalid_token");
  EXPECT_EQ(code(Forge(key_).head("alg", R"("none")").token()), "invalid_token");
  EXPECT_FALSE(verifier_.is_fresh());
  verifier_.confirm(soon());
  EXPECT_EQ(code(token), "invalid_token");
  EXPECT_TRUE(verifier_.is_fresh());
}

TEST_F(VerifierTest, VerifiesATokenOnceAndKeepsTheMostRecentlyUsed) {
  verifier_.use(set_of(key_), soon());
  const auto second = Forge(key_).set("sub", R"("u2")").token();
  const auto third = Forge(key_).set("sub", R"("u3")").token();
  EXPECT_EQ(code(good_) + code(second) + code(good_), "okokok");
  EXPECT_EQ(count("verified"), 2U);
  EXPECT_EQ(count("cached"), 1U);
  // There is room for two: the second makes room for the third.
  EXPECT_EQ(code(third) + code(good_), "okok");
  EXPECT_EQ(count("verified"), 3U);
  EXPECT_EQ(code(second), "ok");
  EXPECT_EQ(count("verified"), 4U);
  EXPECT_EQ(verifier_.authenticate(second)->subject, "u2");
}

TEST_F(VerifierTest, ForgetsATokenWhenItExpires) {
  verifier_.use(set_of(key_), soon());
  EXPECT_EQ(code(good_), "ok");
  clock_.advance(std::chrono::seconds(259));
  EXPECT_EQ(code(good_), "ok");
  EXPECT_EQ(count("cached"), 1U);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(code(good_) + code(good_), "invalid_tokeninvalid_token");
  EXPECT_EQ(count("expired"), 2U);
}

TEST_F(VerifierTest, ForgetsTheTokensOfAKeyThatIsGone) {
  const auto next = PrivateKey::generate(Algorithm::eddsa);
  verifier_.use(set_of(key_), soon());
  EXPECT_EQ(code(good_), "ok");
  verifier_.use(set_of(next), soon());
  EXPECT_EQ(code(good_), "invalid_token");
  EXPECT_EQ(code(Forge(next).token()), "ok");
}

TEST_F(VerifierTest, MayBeAskedWhileItsKeysChange) {
  const auto keys = set_of(key_);
  verifier_.use(keys, soon());
  std::thread changing([&] {
    for (int i = 0; i < 500; ++i) verifier_.use(keys, soon());
  });
  for (int i = 0; i < 500; ++i) EXPECT_EQ(code(good_), "ok");
  changing.join();
}

}  // namespace
}  // namespace agora::jwt
