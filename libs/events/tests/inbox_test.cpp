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
    const std::array<sql::Migration, 3> migrations{
        {{1, "inbox", kInboxSchema},
         {2, "inbox_streams", kInboxStreamsSchema},
         {3, "applied",
          "CREATE TABLE applied (topic TEXT NOT NULL, subject TEXT NOT NULL, version BIGINT NOT NULL);\n"}}};
    database_->migrate(migrations);
    write([&](sql::Tx& tx) { inbox_.be_born(tx, "", {.log_id = "L"}, {kFacts, kStates}); });
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
    auto done = write([&](sql::Tx& tx) { return inbox_.apply(tx, "", at_, to, events, handler_, now_); });
    at_ = to;
    return done;
  }

  void take_alone(const Event& event) {
    try {
      const auto done = apply({event});
      for (const auto& subject : done.drainable) drain(subject);
    } catch (const Refused& refused) {
      const auto to = position_of(event);
      write([&](sql::Tx& tx) { return inbox_.park(tx, "", at_, to, event, refused.error, now_); });
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

  /// Stops it as a source's refusal does.
  void fail(const std::string& why) {
    write([&](sql::Tx& tx) {
      const Standing standing{.position = at_};
      inbox_.fail(tx, {{"", standing}}, why);
    });
  }
  Standings standings() {
    return write([&](sql::Tx& tx) { return inbox_.standings(tx); });
  }
  /// What a whole log tells: where it begins, and versions of facts.
  Told told(const std::string& log_id, std::int64_t trimmed, const std::map<std::string, Told::Versions>& facts) {
    Told told{.log_id = log_id};
    told.begins[""] = {{log_id, 0, ""}, {{kFacts, trimmed}, {kStates, trimmed}}};
    for (const auto& [subject, versions] : facts) told.subjects[{log_id, kFacts, subject}] = versions;
    return told;
  }
  std::vector<Subject> to_lower(const Told& told) {
    return write([&](sql::Tx& tx) { return inbox_.to_lower(tx, told); });
  }
  /// In steps of one row, as small as steps can be.
  void rebuild(const Told& told) {
    const auto before = standings();
    ASSERT_TRUE(write([&](sql::Tx& tx) { return inbox_.begin_rebuild(tx, before); }));
    for (const auto& log_id : before.logs()) {
      std::optional<Subject> last;
      do {
        last = write([&](sql::Tx& tx) { return inbox_.carry(tx, log_id, told, last, 1); });
      } while (last);
    }
    while (write([&](sql::Tx& tx) { return inbox_.forget_parked(tx, 1); }) > 0) continue;
    write([&](sql::Tx& tx) { inbox_.finish_rebuild(tx, told); });
    at_ = told.begins.at("").position;
  }

  Position position_of(const Event& event) const { return {"L", event.sequence, event.id}; }
  std::vector<Parked> parked() {
    return write([&](sql::Tx& tx) { return inbox_.list(tx, std::nullopt, 100); });
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

  /// Parked, and of those given up.
  std::pair<std::int64_t, std::int64_t> counts() {
    const auto counts = write([&](sql::Tx& tx) { return inbox_.counts(tx); });
    return {counts.parked, counts.dead};
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
  EXPECT_EQ(counts(), (std::pair<std::int64_t, std::int64_t>{2, 1}));
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
    constexpr sql::Sql kBorn{"UPDATE inbox_topics SET birth_through = 10"};
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

TEST_P(InboxTest, WhatWaitedLongForAGapIsNotGivenUpWithItsFirstFailure) {
  handler_.refused = {{"e2", "invalid"}};
  take({event(kFacts, "a", 2, 2)});
  now_ += 72h;
  take({event(kFacts, "a", 1, 3)});
  ASSERT_EQ(parked().size(), 1u);
  EXPECT_EQ(parked()[0].reason, "failed");
  EXPECT_FALSE(parked()[0].dead);
  EXPECT_EQ(parked()[0].failed_at, now_);
  now_ += 24h;
  drain({"L", kFacts, "a"});
  EXPECT_TRUE(parked()[0].dead);
  // Whoever replays it has as much time again.
  write([&](sql::Tx& tx) { inbox_.replay(tx, {"L", kFacts, "a"}, now_); });
  drain({"L", kFacts, "a"});
  EXPECT_FALSE(parked()[0].dead);
}

TEST_P(InboxTest, TellsOnceThatAnEventIsGivenUp) {
  handler_.refused = {{"e1", "invalid"}};
  take({event(kFacts, "a", 1, 1)});
  const auto defer = [&] {
    return write(
        [&](sql::Tx& tx) { return inbox_.defer(tx, {"L", kFacts, "a"}, Error{Errc::conflict, "x", "y"}, now_); });
  };
  EXPECT_FALSE(defer());
  now_ += 24h;
  const auto dead = defer();
  ASSERT_TRUE(dead);
  EXPECT_EQ(dead->event_id, "e1");
  now_ += 24h;
  EXPECT_TRUE(due().empty()) << "so nobody defers it again";
}

TEST_P(InboxTest, AnUnreadableEventHoldsUpItsSubjectOnly) {
  const auto document = std::make_shared<const json::Document>(
      json::Document::parse(R"({"specversion":"9","id":"e1","topic":"agora.orders","subject":"a","logid":"L",)"
                            R"("sequence":"1","version":"1"})")
          .value());
  const auto bad = read_delivered(document, document->root()).value();
  ASSERT_TRUE(bad.unreadable);
  take({bad, event(kFacts, "a", 2, 2), event(kFacts, "b", 1, 3)});
  EXPECT_EQ(applied("b"), (Versions{1}));
  ASSERT_EQ(parked().size(), 2u);
  EXPECT_EQ(parked()[0].reason, "failed");
  EXPECT_NE(parked()[0].detail.find("/source is required"), std::string::npos) << parked()[0].detail;
  drain({"L", kFacts, "a"});
  EXPECT_TRUE(applied("a").empty());
  write([&](sql::Tx& tx) { inbox_.skip(tx, {"L", kFacts, "a"}, now_); });
  drain({"L", kFacts, "a"});
  EXPECT_EQ(applied("a"), (Versions{2}));
}

TEST_P(InboxTest, ListsParkedEventsPageByPage) {
  std::vector<Event> events;
  for (int i = 0; i < 7; ++i) events.push_back(event(kFacts, "s" + std::to_string(6 - i), 2, i + 1));
  take(events);
  std::vector<std::string> seen;
  std::optional<Parked> last;
  while (true) {
    const auto page = write([&](sql::Tx& tx) { return inbox_.list(tx, last, 3); });
    if (page.empty()) break;
    for (const auto& one : page) seen.push_back(one.subject);
    last = page.back();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"s0", "s1", "s2", "s3", "s4", "s5", "s6"}));
}

TEST_P(InboxTest, RebuildLowersFactsToWhatTheLogHas) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 2, 2), event(kStates, "s", 4, 3), event(kFacts, "b", 1, 4)});
  take({event(kFacts, "c", 5, 5), event(kFacts, "lost", 1, 6)});
  fail("log_changed");
  EXPECT_EQ(standings().failure, "log_changed");
  // The log was put back to before a's second version; it has another id.
  const auto restored = told("M", 0, {{"a", {1, 1}}, {"b", {1, 1}}});
  EXPECT_EQ(to_lower(restored), (std::vector<Subject>{{"M", kFacts, "a"}, {"M", kFacts, "lost"}}));
  rebuild(restored);
  EXPECT_FALSE(standings().failure);
  EXPECT_EQ(standings().streams.at("").position, (Position{"M", 0, ""}));
  const auto version = [&](const char* topic, const char* subject) {
    return write([&](sql::Tx& tx) { return inbox_.version_of(tx, {"M", topic, subject}); });
  };
  EXPECT_EQ(version(kFacts, "a"), 1);
  EXPECT_EQ(version(kFacts, "b"), 1);
  EXPECT_EQ(version(kFacts, "lost"), 0);
  EXPECT_EQ(version(kStates, "s"), 0) << "the state is read again";
  EXPECT_TRUE(parked().empty()) << "what waits is in the log, or lost";
}

TEST_P(InboxTest, RebuildOfTheSameLogForgetsStatesAndKeepsFacts) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 2, 2), event(kStates, "s", 4, 3), event(kFacts, "b", 1, 4)});
  const auto restored = told("L", 0, {{"a", {1, 1}}, {"b", {1, 1}}});
  EXPECT_EQ(to_lower(restored), (std::vector<Subject>{{"L", kFacts, "a"}}));
  rebuild(restored);
  const auto version = [&](const char* topic, const char* subject) {
    return write([&](sql::Tx& tx) { return inbox_.version_of(tx, {"L", topic, subject}); });
  };
  EXPECT_EQ(version(kFacts, "a"), 1);
  EXPECT_EQ(version(kFacts, "b"), 1);
  EXPECT_EQ(version(kStates, "s"), 0);
}

TEST_P(InboxTest, ARebuildThatWasInterruptedStaysDegradedAndIsRepeated) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "b", 1, 2)});
  const auto same = told("L", 0, {{"a", {1, 1}}, {"b", {1, 1}}});
  const auto before = standings();
  ASSERT_TRUE(write([&](sql::Tx& tx) { return inbox_.begin_rebuild(tx, before); }));
  write([&](sql::Tx& tx) { return inbox_.carry(tx, "L", same, std::nullopt, 1); });
  EXPECT_NE(standings().failure->find("repeat it"), std::string::npos);
  EXPECT_FALSE(apply({event(kFacts, "a", 2, 3)}).ours);
  EXPECT_FALSE(write([&](sql::Tx& tx) { return inbox_.begin_rebuild(tx, before); })) << "it is not as it was before";
  rebuild(same);
  EXPECT_FALSE(standings().failure);
  EXPECT_THROW(write([&](sql::Tx& tx) { return inbox_.carry(tx, "L", same, std::nullopt, 1); }), Refused)
      << "of whoever began before";
}

TEST_P(InboxTest, AfterARebuildAGapIsAcceptedOnceAndOnlyOverWhatMayHaveBeenTrimmed) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "b", 1, 2), event(kFacts, "c", 1, 3)});
  fail("consumer_dropped");
  // Of a nothing is left, of b its first version, of c its third.
  rebuild(told("L", 10, {{"b", {1, 1}}, {"c", {3, 3}}}));
  take({event(kFacts, "c", 3, 11), event(kFacts, "a", 4, 12), event(kFacts, "b", 3, 13)});
  now_ += 2min;
  for (const auto* subject : {"a", "b", "c"}) drain({"L", kFacts, subject});
  EXPECT_EQ(applied("a"), (Versions{1, 4}));
  EXPECT_EQ(applied("b"), (Versions{1})) << "its second version would be in the log";
  EXPECT_EQ(applied("c"), (Versions{1, 3}));
  // From here on a gap is one that somebody will fill.
  take({event(kFacts, "a", 6, 14), event(kFacts, "c", 5, 15)});
  now_ += 2min;
  for (const auto* subject : {"a", "c"}) drain({"L", kFacts, subject});
  EXPECT_EQ(applied("a"), (Versions{1, 4}));
  EXPECT_EQ(applied("c"), (Versions{1, 3}));
}

TEST_P(InboxTest, DoesNotMoveWhileDegraded) {
  take({event(kFacts, "a", 1, 1), event(kFacts, "a", 3, 2)});
  fail("position_lost");
  EXPECT_FALSE(apply({event(kFacts, "a", 2, 2)}).ours);
  now_ += 2min;
  EXPECT_TRUE(due().empty());
  EXPECT_EQ(try_parked({"L", kFacts, "a"}), Inbox::Tried::nothing);
}

TEST_P(InboxTest, OneThatWasNeverBornSaysWhyToo) {
  Inbox newborn("catalog");
  write([&](sql::Tx& tx) { newborn.fail(tx, {{"", std::nullopt}}, "consumer_dropped: x"); });
  EXPECT_EQ(write([&](sql::Tx& tx) { return newborn.standings(tx); }).failure, "consumer_dropped: x");
  EXPECT_FALSE(standings().failure) << "another log's consumer";
}

TEST_P(InboxTest, FailsNobodyWhoMovedMeanwhile) {
  take({event(kFacts, "a", 1, 1)});
  const auto before = at_;
  take({event(kFacts, "a", 2, 2)});
  at_ = before;
  fail("position_lost");
  EXPECT_FALSE(standings().failure);
}

TEST_P(InboxTest, EachStreamHasItsPositionAndOneFailureStopsAll) {
  write([&](sql::Tx& tx) { inbox_.be_born(tx, "p1", {}, {kFacts}); });
  const auto at = [&](const char* stream) { return standings().streams.at(stream).position; };
  take({event(kFacts, "a", 1, 1)});
  EXPECT_EQ(at("p1"), Position{});
  const auto apply_to = [&](const Position& from, const Position& to, const std::vector<Event>& events) {
    return write([&](sql::Tx& tx) { return inbox_.apply(tx, "p1", from, to, events, handler_, now_); });
  };
  EXPECT_TRUE(apply_to({}, {"L", 8, "x"}, {event(kFacts, "b", 1, 2)}).ours);
  EXPECT_EQ(at("p1"), (Position{"L", 8, "x"}));
  EXPECT_EQ(at(""), (Position{"L", 1, "e1"}));
  fail("log_changed");
  EXPECT_FALSE(apply_to({"L", 8, "x"}, {"L", 9, "y"}, {event(kFacts, "b", 2, 3)}).ours);
  write([&](sql::Tx& tx) { inbox_.be_born(tx, "p2", {}, {kFacts}); });
  const auto of_newborn = write([&](sql::Tx& tx) {
    return inbox_.apply(tx, "p2", {}, {"L", 1, "z"}, {event(kFacts, "c", 1, 4)}, handler_, now_);
  });
  EXPECT_FALSE(of_newborn.ours) << "born into a consumer that is degraded";
}

TEST_P(InboxTest, APositionRemembersItsTopics) {
  EXPECT_EQ(standings().streams.at("").topics, (std::map<std::string, std::int64_t>{{kFacts, 0}, {kStates, 0}}));
  write([&](sql::Tx& tx) { inbox_.cover(tx, "", {kFacts, "agora.order_groups"}, 7); });
  EXPECT_EQ(standings().streams.at("").topics,
            (std::map<std::string, std::int64_t>{{"agora.order_groups", 7}, {kFacts, 0}}));
}

TEST(InboxStreamsSchema, KeepsWhatWasThere) {
  testing::TemporaryDatabase database{sql::Engine::sqlite};
  const std::array<sql::Migration, 2> both{{{1, "inbox", kInboxSchema}, {2, "inbox_streams", kInboxStreamsSchema}}};
  database->migrate(std::span(both).first(1));
  database->write_blocking({}, [](sql::Tx& tx) {
    tx.run_script(
        "INSERT INTO inbox_positions VALUES ('order', 'L', 9, 'e9', 4, 'why', 0);"
        "INSERT INTO inbox_versions VALUES ('L', 'agora.orders', 'a', 3);"
        "INSERT INTO parked_events VALUES ('L', 'agora.orders', 'a', 4, 'e', 'order', '{}', 'failed', 'd', 1, 5, 6, "
        "0);");
  });
  database->migrate(both);
  const Inbox inbox("order");
  const auto standings = database->read_blocking({}, [&](sql::Tx& tx) { return inbox.standings(tx); });
  EXPECT_EQ(standings.failure, "why");
  EXPECT_EQ(standings.streams.at(""), (Standing{{"L", 9, "e9"}, {{"agora.orders", 4}}}));
  const auto parked = database->read_blocking({}, [&](sql::Tx& tx) { return inbox.list(tx, std::nullopt, 10); });
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].failed_at, parked[0].parked_at);
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
