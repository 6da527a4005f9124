#include "libs/jwt/key_poll.hpp"

#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "libs/jwt/tests/forge.hpp"
#include "libs/testing/manual_clock.hpp"

namespace agora::jwt {
namespace {

namespace fs = std::filesystem;

/// Sources that are files, and URLs that nobody answers; tests/e2e has one that is answered.
class KeyPollTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/agora-keys-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  static std::string text_of(const PrivateKey& key) { return R"({"keys":[)" + key.public_jwk() + "]}"; }
  std::string code(const PrivateKey& key) const {
    const auto result = verifier_.authenticate(Forge(key).token());
    return result ? "ok" : result.error().code;
  }
  /// What a poll throws; empty when it does not.
  static std::string poll(KeyPoll& keys) {
    asio::io_context io;
    std::string failure;
    auto done = [&failure](std::exception_ptr thrown, telemetry::MoreWork) {
      try {
        if (thrown) std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        failure = error.what();
      }
    };
    asio::co_spawn(io, keys.poll({}), done);
    io.run();
    return failure;
  }

  testing::ManualClock clock_{Timestamp(std::chrono::seconds(1'000'100))};
  telemetry::Registry metrics_;
  Verifier verifier_{{}, 10, clock_, metrics_};
  PrivateKey key_ = PrivateKey::generate(Algorithm::es256);
  PrivateKey next_ = PrivateKey::generate(Algorithm::es256);
  fs::path folder_;
};

TEST_F(KeyPollTest, FollowsAFileAndKeepsWhatItHadWhenTheFileIsDamaged) {
  const auto file = write("jwks.json", text_of(key_));
  KeyPoll keys({.source = file, .copy = folder_ / "copy"}, verifier_);
  EXPECT_EQ(code(key_), "ok");
  EXPECT_EQ(keys.complaint(), std::nullopt);
  write("jwks.json", text_of(next_));
  EXPECT_EQ(poll(keys), "");
  EXPECT_EQ(code(next_), "ok");
  EXPECT_EQ(code(key_), "invalid_token");
  write("jwks.json", "{");
  EXPECT_NE(poll(keys).find("no JSON"), std::string::npos);
  EXPECT_EQ(code(next_), "ok");
  fs::remove(file);
  EXPECT_NE(poll(keys), "");
  EXPECT_EQ(code(next_), "ok");
  EXPECT_FALSE(fs::exists(folder_ / "copy"));
}

TEST_F(KeyPollTest, IsStaleAfterTwoIntervalsWithoutAGoodPoll) {
  const auto file = write("jwks.json", text_of(key_));
  KeyPoll keys({.source = file, .copy = {}, .interval = std::chrono::milliseconds{0}}, verifier_);
  EXPECT_EQ(code(next_), "token_verification_unavailable");
  EXPECT_EQ(code(key_), "ok");
  EXPECT_NE(keys.complaint()->find("old"), std::string::npos);
}

TEST_F(KeyPollTest, RefusesToBeginWithAFileThatHoldsNoKeys) {
  for (const auto& text : {std::string(), std::string("{}"), std::string(R"({"keys":[]})")}) {
    const auto file = write("jwks.json", text);
    const auto begin = [&] { KeyPoll({.source = file, .copy = {}}, verifier_); };
    EXPECT_THROW(begin(), std::runtime_error) << text;
  }
  const auto begin = [&] { KeyPoll({.source = folder_ / "nothing", .copy = {}}, verifier_); };
  EXPECT_THROW(begin(), std::runtime_error);
}

TEST_F(KeyPollTest, BeginsWithTheCopyWhereTheIssuerIsDown) {
  const auto copy = write("copy", text_of(key_));
  KeyPoll keys({.source = "http://127.0.0.1:1/jwks.json", .copy = copy}, verifier_);
  EXPECT_EQ(code(key_), "ok");
  // A key made since the copy was: nobody here can know.
  EXPECT_EQ(code(next_), "token_verification_unavailable");
  EXPECT_NE(poll(keys), "");
  EXPECT_EQ(code(key_), "ok");
}

TEST_F(KeyPollTest, BeginsWithNothingWhereThereIsNoCopyOrADamagedOne) {
  for (const auto& copy : {folder_ / "nothing", write("copy", "{")}) {
    KeyPoll keys({.source = "http://127.0.0.1:1/jwks.json", .copy = copy}, verifier_);
    EXPECT_EQ(code(key_), "token_verification_unavailable");
    EXPECT_NE(keys.complaint()->find("no signing keys"), std::string::npos);
  }
}

}  // namespace
}  // namespace agora::jwt
