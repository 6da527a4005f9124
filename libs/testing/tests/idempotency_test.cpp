#include "libs/sql/idempotency.hpp"

#include <barrier>
#include <map>
#include <random>
#include <set>
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

/// Spans of keys that overlap with those of other spans and within themselves, on several connections at once.
TEST(PostgresqlKeys, RepeatedAcrossSpansAndConnectionsHaveOneEffectEachAndNoDeadlock) {
  constexpr int kKeys = 40;
  constexpr int kThreads = 64;
  constexpr int kRounds = 30;
  Limits limits;
  limits.writers = 4;
  testing::TemporaryDatabase database(Engine::postgresql, limits);
  const Migration schema{1, "0001_idempotency_keys", kIdempotencySchema};
  database->migrate(std::array{schema});
  static constexpr Sql kMake{"CREATE TABLE effects (key BIGINT, body TEXT)"};
  static constexpr Sql kEffect{"INSERT INTO effects (key, body) VALUES ($1, $2)"};
  database->write_blocking({}, [](Tx& tx) { tx.execute(kMake); });

  struct Command {
    int key;
    int round;
    std::string body;
    bool refuse;
  };
  std::atomic<std::size_t> largest{0};
  Span<Command, std::string> span(*database, "keys", [&](Tx& tx, std::span<const Command> commands) {
    largest = std::max(largest.load(), commands.size());
    std::vector<std::optional<IdempotencyKey>> requests;
    for (const auto& command : commands) {
      const auto text = std::to_string(command.round) + "-" + std::to_string(command.key);
      requests.push_back(idempotency_key("u" + std::to_string(command.key % 3), "op", {}, text, "{}"));
    }
    KeySpan keys(tx, std::move(requests), Timestamp{});
    Batch effects(kEffect, 2);
    std::vector<std::string> answers;
    for (std::size_t i = 0; i < commands.size(); ++i) {
      const auto& [key, round, body, refuse] = commands[i];
      const auto admission = keys.admit(i);
      if (const auto* stored = std::get_if<StoredAnswer>(&admission)) {
        answers.push_back(stored->body);
      } else if (refuse) {
        answers.emplace_back("refused");
      } else {
        effects.add({round * kKeys + key, body});
        keys.accept(i, {201, "", body});
        answers.push_back(body);
      }
    }
    tx.batch(effects);
    keys.finish();
    return answers;
  });

  std::mutex mutex;
  std::map<std::pair<int, int>, std::set<std::string>> answers;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int round = 0; round < kRounds; ++round) {
        const int key = static_cast<int>(random() % kKeys);
        const bool refuse = random() % 8 == 0;
        const auto answer = span.blocking({}, {key, round, std::to_string(t), refuse});
        const std::lock_guard lock(mutex);
        if (answer != "refused") answers[{round, key}].insert(answer);
      }
    });
  }
  for (auto& thread : threads) thread.join();

  const auto effects = database->read_blocking({}, [](Tx& tx) {
    static constexpr Sql kCount{"SELECT key, count(*), min(body) FROM effects GROUP BY key"};
    std::map<std::int64_t, std::pair<std::int64_t, std::string>> found;
    auto rows = tx.query(kCount);
    while (rows.next()) found[rows.int64(0)] = {rows.int64(1), std::string(rows.text(2))};
    return found;
  });
  EXPECT_EQ(effects.size(), answers.size());
  for (const auto& [of, told] : answers) {
    const auto& [count, body] = effects.at(of.first * kKeys + of.second);
    EXPECT_EQ(count, 1) << "round " << of.first << ", key " << of.second;
    EXPECT_EQ(told, std::set<std::string>{body}) << "all got the first one's bytes";
  }
  EXPECT_GT(largest, 8U) << "spans were gathered";
  EXPECT_NE(database.metrics().find("sqlstate=\"40P01\"} 0\n"), std::string::npos) << database.metrics();
}

}  // namespace
}  // namespace agora::sql
