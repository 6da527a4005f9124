#include "libs/sql/idempotency.hpp"

#include <barrier>
#include <thread>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000'000)};
constexpr Sql kCreate{"CREATE TABLE effects (id BIGINT)"};
constexpr Sql kEffect{"INSERT INTO effects (id) VALUES (1)"};
constexpr Sql kEffects{"SELECT count(*) FROM effects"};
constexpr Sql kKeys{"SELECT count(*) FROM idempotency_keys"};

IdempotencyKey key(const std::string& principal, const std::string& text, const std::string& body = "{}") {
  return idempotency_key(principal, "op", {}, text, body);
}

class IdempotencyTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    const Migration keys{1, "0001_idempotency_keys", kIdempotencySchema};
    database_->migrate(std::array{keys});
    database_->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
  }

  /// One command under a key that has an effect and answers `body`, or refuses.
  std::string run(const IdempotencyKey& k, const std::string& body, bool refuse = false) {
    return database_->write_blocking({}, [&](Tx& tx) -> std::string {
      KeySpan keys(tx, {k}, kNow);
      const auto admission = keys.admit(0);
      if (const auto* stored = std::get_if<StoredAnswer>(&admission)) return "replayed " + stored->body;
      if (std::holds_alternative<KeySpan::BodyDiffers>(admission)) return "differs";
      if (!refuse) {
        tx.execute_one(kEffect, {});
        keys.accept(0, {201, "/x", body});
      }
      keys.finish();
      return refuse ? "refused" : "did " + body;
    });
  }
  std::int64_t number(const Sql& sql) {
    return database_->read_blocking({}, [&sql](Tx& tx) {
      auto rows = tx.query(sql);
      rows.next();
      return rows.int64(0);
    });
  }

  testing::TemporaryDatabase database_{GetParam()};
};

TEST_P(IdempotencyTest, ARepeatGetsTheFirstAnswersBytes) {
  EXPECT_EQ(run(key("u1", "k"), "first"), "did first");
  EXPECT_EQ(run(key("u1", "k"), "second"), "replayed first");
  EXPECT_EQ(number(kEffects), 1);
}

TEST_P(IdempotencyTest, AnotherBodyIsToldSo) {
  EXPECT_EQ(run(key("u1", "k", "a"), "first"), "did first");
  EXPECT_EQ(run(key("u1", "k", "b"), "second"), "differs");
}

TEST_P(IdempotencyTest, AKeyIsItsPrincipals) {
  EXPECT_EQ(run(key("u1", "k"), "one"), "did one");
  EXPECT_EQ(run(key("u2", "k"), "two"), "did two");
}

TEST_P(IdempotencyTest, ScopesDoNotRunTogether) {
  EXPECT_NE(idempotency_key("u", "ab", {}, "c", "").scope, idempotency_key("u", "a", {}, "bc", "").scope);
  EXPECT_NE(idempotency_key("u", "a", {"b"}, "c", "").scope, idempotency_key("u", "a", {}, "bc", "").scope);
}

TEST_P(IdempotencyTest, ARefusalIsNotKept) {
  EXPECT_EQ(run(key("u1", "k", "a"), "", true), "refused");
  EXPECT_EQ(number(kKeys), 0);
  EXPECT_EQ(run(key("u1", "k", "b"), "later"), "did later");
  EXPECT_EQ(run(key("u1", "k", "b"), "again"), "replayed later");
}

TEST_P(IdempotencyTest, OfTwoEqualKeysInOneSpanTheSecondSeesTheFirst) {
  const auto outcome = database_->write_blocking({}, [](Tx& tx) {
    KeySpan keys(tx, {key("u1", "k"), std::nullopt, key("u1", "k"), key("u1", "k", "other")}, kNow);
    EXPECT_TRUE(std::holds_alternative<KeySpan::Admitted>(keys.admit(0)));
    keys.accept(0, {201, "", "first"});
    EXPECT_TRUE(std::holds_alternative<KeySpan::Admitted>(keys.admit(1)));
    keys.accept(1, {201, "", "without a key"});
    const auto second = std::get<StoredAnswer>(keys.admit(2));
    EXPECT_TRUE(std::holds_alternative<KeySpan::BodyDiffers>(keys.admit(3)));
    keys.finish();
    return second.body;
  });
  EXPECT_EQ(outcome, "first");
  EXPECT_EQ(number(kKeys), 1);
}

TEST_P(IdempotencyTest, AfterARefusalInTheSpanTheNextEqualKeyIsDecided) {
  database_->write_blocking({}, [](Tx& tx) {
    KeySpan keys(tx, {key("u1", "k", "a"), key("u1", "k", "b")}, kNow);
    EXPECT_TRUE(std::holds_alternative<KeySpan::Admitted>(keys.admit(0)));
    EXPECT_TRUE(std::holds_alternative<KeySpan::Admitted>(keys.admit(1)));
    keys.accept(1, {201, "", "b"});
    keys.finish();
  });
  EXPECT_EQ(run(key("u1", "k", "b"), "x"), "replayed b");
  EXPECT_EQ(run(key("u1", "k", "a"), "x"), "differs");
}

TEST_P(IdempotencyTest, OneKeyFiftyTimesAtOnceHasOneEffect) {
  std::vector<std::string> outcomes(50);
  std::vector<std::thread> threads;
  std::barrier start(50);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      outcomes[i] = run(key("u1", "k"), std::to_string(i));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(number(kEffects), 1);
  const auto did = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& o) { return o.starts_with("did "); });
  ASSERT_NE(did, outcomes.end());
  const auto replay = "replayed " + did->substr(4);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), replay), 49);
}

TEST_P(IdempotencyTest, OldKeysAreForgottenInPortions) {
  for (int i = 0; i < 5; ++i) run(key("u1", std::to_string(i)), "x");
  const auto remove = [&](Timestamp before) {
    return database_->write_blocking({}, [before](Tx& tx) { return delete_idempotency_keys(tx, before, 3); });
  };
  EXPECT_EQ(remove(kNow), 0);
  EXPECT_EQ(remove(kNow + std::chrono::microseconds(1)), 3);
  EXPECT_EQ(remove(kNow + std::chrono::microseconds(1)), 2);
  EXPECT_EQ(number(kKeys), 0);
}

INSTANTIATE_TEST_SUITE_P(Engines, IdempotencyTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::sql
