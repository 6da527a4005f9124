// What a consumer remembers, on both engines: each version of a fact once and in order, the newest of a state, and what
// waits in between.

#include "libs/events/inbox.hpp"

#include <algorithm>
#include <numeric>
#include <random>

#include "libs/events/schema.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kFacts = "agora.orders";
constexpr auto kStates = "agora.stock";

Event event(const std::string& topic, const std::string& subject, std::int64_t version, std::int64_t sequence) {
  const auto number = [](std::int64_t n) { return std::to_string(n); };
  return read_event(R"({"specversion":"1.0","id":"e)" + number(sequence) + R"(","source":"/agora/order","type":"t",)" +
                    R"("subject":")" + subject + R"(","time":"2027-01-01T00:00:00.000Z","topic":")" + topic +
                    R"(","logid":"L","sequence":")" + number(sequence) + R"(","version":")" + number(version) +
                    R"(","data":{}})")
      .value();
}

/// Notes what is applied, in the transaction; refuses what it is told to.
class Recorder final : public Handler {
 public:
  void lock(sql::Tx&, const std::vector<Event>&) override {}
  Result<void> apply(sql::Tx& tx, const Event& event) override {
    constexpr sql::Sql kNote{"INSERT INTO applied (topic, subject, version) VALUES ($1, $2, $3)"};
    tx.execute(kNote, {event.topic, event.subject, event.version});
    const auto why = refused.find(event.id);
    if (why != refused.end()) return Error{Errc::failed_precondition, why->second, "refused by the test"};
    return {};
  }
  std::map<std::string, const char*> refused{};  ///< event id → code
};

class InboxTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override {
    const std::array<sql::Migration, 2> migrations{
        {{1, "inbox", kInboxSchema},
         {2, "applied",
          "CREATE TABLE applied (topic TEXT NOT NULL, subject TEXT NOT NULL, version BIGINT NOT NULL);\n"}}};
    database_->migrate(migrations);
    write([&](sql::Tx& tx) { inbox_.be_born(tx, "L", 0); });
  }

  template <typename Work>
  std::invoke_result_t<Work&, sql::Tx&> write(Work work) {
    return database_->write_blocking({}, work);
  }

  /// A batch as a consumer applies it: whole, else one by one, parking what is refused. Then what can be drained.
  void take(const std::vector<Event>& events) {
    try {
      const auto done = apply(events);
      for (const auto& subject : done.drainable) drain(subject);
    } catch (const Refused&) {
      for (const auto& event : events) take_alone(event);
    }
  }

  Inbox::Applied apply(const std::vector<Event>& events) {
    const auto to = position_of(events.back());
    auto done = write([&](sql::Tx& tx) { return inbox_.apply(tx, at_, to, events, handler_, now_); });
    at_ = to;
    return done;
  }

  void take_alone(const Event& event) {
    try {
      const auto done = apply({event});
      for (const auto& subject : done.drainable) drain(subject);
    } catch (const Refused& refused) {
      const auto to = position_of(event);
      write([&](sql::Tx& tx) { return inbox_.park(tx, at_, to, event, refused.error, now_); });
      at_ = to;
    }
  }

  Inbox::Tried try_parked(const Subject& subject) {
    return write([&](sql::Tx& tx) { return inbox_.apply_parked(tx, subject, handler_, now_); });
  }

  void drain(const Subject& subject) {
    std::optional<Error> why;
    try {
      auto tried = Inbox::Tried::applied;
      while (tried == Inbox::Tried::applied || tried == Inbox::Tried::accepted_gap) tried = try_parked(subject);
      if (tried == Inbox::Tried::nothing) return;
    } catch (const Refused& refused) {
      why = refused.error;
    }
    write([&](sql::Tx& tx) { inbox_.defer(tx, subject, why, now_); });
  }

  Position position_of(const Event& event) const { return {"L", event.sequence, event.id}; }
  std::vector<Parked> parked() {
    return write([&](sql::Tx& tx) { return inbox_.list(tx, 100); });
  }
  std::vector<Subject> due() {
    return write([&](sql::Tx& tx) { return inbox_.due(tx, now_, 100); });
  }
  /// Versions in the order in which they were applied.
  std::vector<std::int64_t> applied(const std::string& subject) {
    return write([&](sql::Tx& tx) {
      constexpr sql::Sql kApplied{"SELECT version FROM applied WHERE subject = $1"};
      std::vector<std::int64_t> versions;
      auto rows = tx.query(kApplied, {subject});
      while (rows.next()) versions.push_back(rows.int64(0));
      return versions;
    });
  }

  using Versions = std::vector<std::int64_t>;
  testing::TemporaryDatabase database_{GetParam()};
  Inbox inbox_{"order"};
  Recorder handler_;
  Position at_{"L", 0, ""};
  Timestamp now_ = kNow;
};

TEST_P(InboxTest, AppliesEachFactOnceAndInOrder) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "b", 1, 2), event(kFacts, "a", 1, 3), event(kFacts, "a", 2, 4)});
  EXPECT_EQ(applied("a"), (Versions{1, 2}));
  EXPECT_EQ(applied("b"), (Versions{1}));
  EXPECT_TRUE(parked().empty());
}

TEST_P(InboxTest, ParksAFactAfterAGapAndDrainsWhenItIsFilled) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 3, 2), event(kFacts, "a", 4, 3), event(kFacts, "b", 1, 4)});
  EXPECT_EQ(applied("a"), (Versions{1}));
  EXPECT_EQ(applied("b"), (Versions{1}));
  ASSERT_EQ(parked().size(), 2u);
  EXPECT_EQ(parked()[0].reason, "gap");
  EXPECT_EQ(parked()[0].detail, "waits for version 2");
  take({event(kFacts, "a", 2, 5)});
  EXPECT_EQ(applied("a"), (Versions{1, 2, 3, 4}));
  EXPECT_TRUE(parked().empty());
}

TEST_P(InboxTest, AppliesOnlyHigherVersionsOfAState) {
  take({event(kStates, "a", 3, 1), event(kStates, "a", 2, 2), event(kStates, "a", 3, 3), event(kStates, "a", 7, 4)});
  EXPECT_EQ(applied("a"), (Versions{3, 7}));
  EXPECT_TRUE(parked().empty());
}

TEST_P(InboxTest, LeavesABatchToWhoeverMovedThePosition) {
  take({event(kFacts, "a", 1, 1)});
  at_ = {"L", 0, ""};
  const auto done = apply({event(kFacts, "a", 2, 2)});
  EXPECT_FALSE(done.ours);
  EXPECT_EQ(applied("a"), (Versions{1}));
}

TEST_P(InboxTest, RollsBackWhatTheHandlerWroteBeforeItRefused) {
  handler_.refused = {{"e2", "invalid"}};
  EXPECT_THROW(apply({event(kFacts, "a", 1, 1), event(kFacts, "b", 1, 2)}), Refused);
  EXPECT_TRUE(applied("a").empty());
  EXPECT_TRUE(applied("b").empty());
}

TEST_P(InboxTest, APoisonEventHoldsUpItsSubjectOnly) {
  handler_.refused = {{"e2", "invalid"}};
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 2, 2), event(kFacts, "a", 3, 3), event(kFacts, "b", 1, 4)});
  EXPECT_EQ(applied("a"), (Versions{1}));
  EXPECT_EQ(applied("b"), (Versions{1}));
  ASSERT_EQ(parked().size(), 2u);
  EXPECT_EQ(parked()[0].reason, "failed");
  EXPECT_EQ(parked()[0].detail, "invalid: refused by the test");
  handler_.refused.clear();
  EXPECT_EQ(write([&](sql::Tx& tx) { return inbox_.replay(tx, {"L", kFacts, "a"}, now_); }), 2);
  ASSERT_EQ(due(), (std::vector<Subject>{{"L", kFacts, "a"}}));
  drain(due()[0]);
  EXPECT_EQ(applied("a"), (Versions{1, 2, 3}));
}

TEST_P(InboxTest, TriesLaterAndLaterAndGivesUpWhatFailsByItself) {
  handler_.refused = {{"e1", "invalid"}, {"e2", "missing_dependency"}};
  take({event(kFacts, "a", 1, 1), event(kFacts, "b", 1, 2)});
  EXPECT_TRUE(due().empty());
  now_ += 1s;
  EXPECT_EQ(due().size(), 2u);
  drain({"L", kFacts, "a"});
  drain({"L", kFacts, "b"});
  EXPECT_TRUE(due().empty());
  now_ += 1s;
  drain({"L", kFacts, "a"});
  now_ += 1s;
  // The second wait of a was twice the first; b is due again.
  EXPECT_EQ(due(), (std::vector<Subject>{{"L", kFacts, "b"}}));
  now_ += 24h;
  drain({"L", kFacts, "a"});
  drain({"L", kFacts, "b"});
  now_ += 24h;
  // What waits for others is never given up.
  EXPECT_EQ(due(), (std::vector<Subject>{{"L", kFacts, "b"}}));
  const auto waiting = parked();
  EXPECT_EQ(std::count_if(waiting.begin(), waiting.end(), [](const Parked& one) { return one.dead; }), 1);
  handler_.refused.clear();
  write([&](sql::Tx& tx) { return inbox_.replay(tx, {"L", kFacts, "a"}, now_); });
  for (const auto& subject : due()) drain(subject);
  EXPECT_EQ(applied("a"), (Versions{1}));
  EXPECT_EQ(applied("b"), (Versions{1}));
  EXPECT_TRUE(parked().empty());
}

TEST_P(InboxTest, SkipPassesOverTheGapAndThenTheEvent) {
  handler_.refused = {{"e2", "invalid"}};
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 4, 2), event(kFacts, "a", 5, 3)});
  const Subject a{"L", kFacts, "a"};
  const auto skip = [&] { return write([&](sql::Tx& tx) { return inbox_.skip(tx, a, now_); }); };
  EXPECT_EQ(skip(), 3);
  EXPECT_EQ(skip(), 4);
  drain(a);
  EXPECT_EQ(applied("a"), (Versions{1, 5}));
  EXPECT_EQ(skip(), std::nullopt);
}

TEST_P(InboxTest, TheNewestStateTakesThePlaceOfWhatFailed) {
  handler_.refused = {{"e1", "invalid"}, {"e2", "invalid"}};
  take({event(kStates, "a", 1, 1)});
  take({event(kStates, "a", 2, 2)});
  ASSERT_EQ(parked().size(), 1u);
  EXPECT_EQ(parked()[0].version, 2);
  take({event(kStates, "a", 3, 3)});
  EXPECT_EQ(applied("a"), (Versions{3}));
  EXPECT_TRUE(parked().empty());
}

TEST_P(InboxTest, AcceptsAGapOnlyOverWhatWasTrimmedBeforeBirth) {
  take({event(kFacts, "a", 3, 11)});
  now_ += 2min;
  drain({"L", kFacts, "a"});
  EXPECT_TRUE(applied("a").empty());
  write([&](sql::Tx& tx) {
    constexpr sql::Sql kBorn{"UPDATE inbox_positions SET birth_through = 10"};
    tx.execute(kBorn, {});
  });
  drain({"L", kFacts, "a"});
  EXPECT_EQ(applied("a"), (Versions{3}));
  // A gap after what was applied is one that somebody will fill.
  take({event(kFacts, "a", 5, 12)});
  now_ += 2min;
  drain({"L", kFacts, "a"});
  EXPECT_EQ(applied("a"), (Versions{3}));
}

TEST_P(InboxTest, RebuildRefusesToLowerVersionsWithoutConsent) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 2, 2), event(kStates, "s", 4, 3), event(kFacts, "b", 1, 4)});
  write([&](sql::Tx& tx) { inbox_.fail(tx, at_, "log_changed"); });
  // The log was put back to before a's second version; it has another id.
  const LogState log{.log_id = "M", .head = 3};
  const std::map<Subject, std::int64_t> highest{{{"M", kFacts, "a"}, 1}, {{"M", kFacts, "b"}, 1}};
  const auto rebuild = [&](bool accept_gap) {
    return write([&](sql::Tx& tx) { return inbox_.rebuild(tx, log, highest, accept_gap); });
  };
  EXPECT_EQ(rebuild(false), (std::vector<Subject>{{"M", kFacts, "a"}}));
  EXPECT_TRUE(write([&](sql::Tx& tx) { return inbox_.standing(tx); })->failure);
  EXPECT_EQ(rebuild(true).size(), 1u);
  const auto standing = write([&](sql::Tx& tx) { return inbox_.standing(tx); }).value();
  EXPECT_FALSE(standing.failure);
  EXPECT_EQ(standing.position, (Position{"M", 0, ""}));
  const auto version = [&](const char* topic, const char* subject) {
    return write([&](sql::Tx& tx) { return inbox_.version_of(tx, {"M", topic, subject}); });
  };
  EXPECT_EQ(version(kFacts, "a"), 1);
  EXPECT_EQ(version(kFacts, "b"), 1);
  EXPECT_EQ(version(kStates, "s"), 0) << "the state is read again";
}

TEST_P(InboxTest, DoesNotMoveWhileDegraded) {
  take({event(kFacts, "a", 1, 1)});
  write([&](sql::Tx& tx) { inbox_.fail(tx, at_, "position_lost"); });
  EXPECT_FALSE(apply({event(kFacts, "a", 2, 2)}).ours);
}

/// F-08: duplicates and reorder, within and across subjects.
TEST_P(InboxTest, WhateverTheOrderOfArrivalNothingIsStuckOrSkipped) {
  constexpr int kSubjects = 8;
  constexpr int kVersions = 12;
  std::vector<std::pair<std::string, std::int64_t>> deliveries;
  for (int subject = 0; subject < kSubjects; ++subject) {
    for (int version = 1; version <= kVersions; ++version) {
      for (int copies = 0; copies < 2; ++copies) deliveries.emplace_back("s" + std::to_string(subject), version);
    }
  }
  std::mt19937 random(7);
  std::shuffle(deliveries.begin(), deliveries.end(), random);
  std::vector<Event> batch;
  std::int64_t sequence = 0;
  for (const auto& [subject, version] : deliveries) {
    batch.push_back(event(kFacts, subject, version, ++sequence));
    if (batch.size() == 1 + random() % 10) take(std::exchange(batch, {}));
  }
  if (!batch.empty()) take(batch);
  Versions all(kVersions);
  std::iota(all.begin(), all.end(), 1);
  for (int subject = 0; subject < kSubjects; ++subject) EXPECT_EQ(applied("s" + std::to_string(subject)), all);
  EXPECT_TRUE(parked().empty());
}

INSTANTIATE_TEST_SUITE_P(Engines, InboxTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::events
