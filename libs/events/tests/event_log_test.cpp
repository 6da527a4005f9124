// The outbox as a log that others read: what a position means, and what trimming and compaction may take away.

#include "libs/events/event_log.hpp"

#include "libs/events/numbering.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/tests/log_schema.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kFacts = "agora.orders";
constexpr auto kStates = "agora.stock";

class EventLogTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { database_->migrate(kLogMigrations); }

  template <typename Work>
  std::invoke_result_t<Work&, sql::Tx&> write(Work work) {
    return database_->write_blocking({}, work);
  }

  void add(const char* topic, const std::string& subject, std::int64_t version, Timestamp at = kNow) {
    Outbox outbox(at);
    outbox.add(topic, "order.placed", subject, version, {}) += "{}";
    write([&](sql::Tx& tx) { outbox.write(tx); });
    if (GetParam() == sql::Engine::postgresql) write([](sql::Tx& tx) { number_committed(tx, 100); });
  }

  Result<Page> read(const ReadRequest& request) {
    auto work = [&](sql::Tx& tx) { return log_.read_after(tx, request); };
    return database_->read_blocking({}, work);
  }

  /// `o1/1 o1/2`: what a page has.
  static std::string contents(const Page& page) {
    const auto document = json::Document::parse(page.events).value();
    std::string out;
    for (auto node = document.root().first(); node; node = node->next()) {
      if (!out.empty()) out += ' ';
      out += std::string(node->member("subject")->text()) + '/' + std::string(node->member("version")->text());
    }
    return out;
  }

  std::string all(const Result<Page>& page) { return page ? contents(*page) : page.error().code; }

  EventLog::Trimmed trim(Timestamp now) {
    return write([&](sql::Tx& tx) { return log_.trim(tx, now); });
  }

  void acknowledge(const std::string& consumer, std::int64_t sequence) {
    const auto noted = write([&](sql::Tx& tx) { return log_.acknowledge(tx, consumer, sequence, kNow); });
    ASSERT_TRUE(noted.has_value());
  }

  testing::TemporaryDatabase database_{GetParam()};
  LogLimits limits_{.page_events_max = 3, .keep = 1h, .keep_max = 24h, .compaction_lag = 10min};
  EventLog log_{"order", limits_};
  const std::vector<std::string> both_{kFacts, kStates};
};

TEST_P(EventLogTest, PagesGoOnWhereTheLastEnded) {
  for (int version = 1; version <= 5; ++version) add(kFacts, "o1", version);
  const auto first = read({.topics = both_}).value();
  EXPECT_EQ(contents(first), "o1/1 o1/2 o1/3");
  const auto second = read({.topics = both_, .after = first.next}).value();
  EXPECT_EQ(contents(second), "o1/4 o1/5");
  EXPECT_EQ(contents(read({.topics = both_, .after = second.next}).value()), "");
}

TEST_P(EventLogTest, APositionGoesPastTopicsThatWereNotAskedFor) {
  add(kFacts, "o1", 1);
  add(kStates, "s1", 1);
  const auto page = read({.topics = {kFacts}}).value();
  EXPECT_EQ(contents(page), "o1/1");
  EXPECT_EQ(page.next.sequence, 2);
}

TEST_P(EventLogTest, WhatFollowsAfterManyThatWereNotAskedForIsFound) {
  for (int version = 1; version <= 10; ++version) add(kStates, "s1", version);
  add(kFacts, "o1", 1);
  add(kStates, "s1", 11);
  add(kFacts, "o1", 2);
  const auto page = read({.topics = {kFacts}}).value();
  EXPECT_EQ(contents(page), "o1/1 o1/2") << "in one page, though it looks at three rows at a time";
  EXPECT_EQ(page.next.sequence, 13);
  while (trim(kNow + 11min).more) {
  }
  EXPECT_EQ(contents(read({.topics = both_}).value()), "o1/1 s1/11 o1/2") << "beyond what was compacted";
}

TEST_P(EventLogTest, AnotherLogAndALostPositionAreNo) {
  add(kFacts, "o1", 1);
  add(kFacts, "o1", 2);
  auto at = read({.topics = both_}).value().next;
  auto other_log = at;
  other_log.log_id = "other";
  EXPECT_EQ(all(read({.topics = both_, .after = other_log})), "log_changed");
  auto other_event = at;
  other_event.event_id = "other";
  EXPECT_EQ(all(read({.topics = both_, .after = other_event})), "position_lost");
  auto ahead = at;
  ahead.sequence = 3;
  EXPECT_EQ(all(read({.topics = both_, .after = ahead})), "position_lost");
}

TEST_P(EventLogTest, FactsAreTrimmedWhenOldAndAcknowledgedByAll) {
  add(kFacts, "o1", 1);
  add(kFacts, "o2", 1, kNow + 2h);
  for (const auto* consumer : {"catalog", "payment", "recommendation"}) acknowledge(consumer, 2);
  EXPECT_EQ(trim(kNow + 90min).trimmed, 0) << "notification has not acknowledged";
  acknowledge("notification", 1);
  EXPECT_EQ(trim(kNow + 30min).trimmed, 0) << "it is younger than keep";
  EXPECT_EQ(trim(kNow + 90min).trimmed, 1);
  // Who stands where it was trimmed goes on; who stands before has lost something.
  EXPECT_EQ(all(read({.topics = both_})), "o2/1");
  EXPECT_EQ(write([&](sql::Tx& tx) { return log_.state(tx); }).trimmed_through, 1);
  const auto log_id = write([&](sql::Tx& tx) { return log_.state(tx); }).log_id;
  EXPECT_EQ(all(read({.topics = both_, .after = Position{log_id, 0, ""}})), "position_lost");
}

TEST_P(EventLogTest, WhoStandsAtTheEventTrimmedLastGoesOn) {
  add(kFacts, "o1", 1);
  const auto at = read({.topics = both_}).value().next;
  add(kFacts, "o2", 1, kNow + 2h);
  for (const auto* consumer : {"catalog", "payment", "recommendation", "notification"}) acknowledge(consumer, 2);
  ASSERT_EQ(trim(kNow + 90min).trimmed, 1);
  EXPECT_EQ(all(read({.topics = both_, .after = at})), "o2/1");
}

TEST_P(EventLogTest, OfAStateTheNewestVersionStays) {
  add(kStates, "s1", 1);
  add(kStates, "s1", 2);
  add(kStates, "s2", 1);
  const auto at_s1 = Position{write([&](sql::Tx& tx) { return log_.state(tx); }).log_id, 1, ""};
  EXPECT_EQ(trim(kNow + 5min).compacted, 0) << "before the lag";
  EXPECT_EQ(trim(kNow + 11min).compacted, 3);
  EXPECT_EQ(all(read({.topics = both_})), "s1/2 s2/1");
  EXPECT_EQ(all(read({.topics = both_, .after = at_s1})), "position_lost") << "with another event's id";
}

TEST_P(EventLogTest, WhoStandsAtACompactedEventGoesOn) {
  add(kStates, "s1", 1);
  const auto at = read({.topics = both_}).value().next;
  add(kStates, "s1", 2);
  trim(kNow + 11min);
  EXPECT_EQ(all(read({.topics = both_, .after = at})), "s1/2");
}

TEST_P(EventLogTest, StatesOutliveTheTrimmingOfFactsForTheNewborn) {
  add(kStates, "s1", 1);
  add(kFacts, "o1", 1);
  add(kFacts, "o2", 1, kNow + 2h);
  for (const auto* consumer : {"catalog", "payment", "recommendation", "notification"}) acknowledge(consumer, 3);
  ASSERT_EQ(trim(kNow + 90min).trimmed, 1);
  limits_.page_events_max = 1;
  log_ = EventLog("order", limits_);
  const auto first = read({.topics = both_}).value();
  EXPECT_EQ(contents(first), "s1/1");
  // It stands before what was trimmed, and may, as it was born after the trimming.
  EXPECT_EQ(all(read({.topics = both_, .after = first.next, .birth_through = first.log.trimmed_through})), "o2/1");
  EXPECT_EQ(all(read({.topics = both_, .after = first.next})), "position_lost");
}

TEST_P(EventLogTest, AConsumerThatNeverComesBackIsDroppedAndTold) {
  add(kFacts, "o1", 1);
  add(kFacts, "o1", 2, kNow + 25h);
  for (const auto* consumer : {"catalog", "payment", "recommendation"}) acknowledge(consumer, 2);
  EXPECT_TRUE(trim(kNow + 23h).dropped.empty());
  const auto done = trim(kNow + 25h);
  EXPECT_EQ(done.dropped, (std::vector<std::string>{"notification"}));
  EXPECT_EQ(done.trimmed, 1);
  EXPECT_TRUE(write([&](sql::Tx& tx) { return log_.is_dropped(tx, "notification"); }));
  const auto late = write([&](sql::Tx& tx) { return log_.acknowledge(tx, "notification", 1, kNow); });
  EXPECT_EQ(late.error().code, "consumer_dropped");
  EXPECT_TRUE(trim(kNow + 25h).dropped.empty()) << "said once";
  write([&](sql::Tx& tx) { log_.forget(tx, "notification"); });
  EXPECT_FALSE(write([&](sql::Tx& tx) { return log_.is_dropped(tx, "notification"); }));
}

TEST_P(EventLogTest, RowsAreKeptUpToALimitForASlowConsumer) {
  limits_.keep_rows_max = 2;
  log_ = EventLog("order", limits_);
  for (int version = 1; version <= 4; ++version) add(kFacts, "o1", version);
  for (const auto* consumer : {"catalog", "payment", "recommendation"}) acknowledge(consumer, 4);
  acknowledge("notification", 2);
  EXPECT_TRUE(trim(kNow).dropped.empty());
  add(kFacts, "o1", 5);
  EXPECT_EQ(trim(kNow).dropped, (std::vector<std::string>{"notification"}));
}

TEST_P(EventLogTest, WithARelayTrimmingWaitsForItsCursorAlone) {
  log_ = EventLog("order", limits_, "kafka");
  add(kFacts, "o1", 1);
  add(kFacts, "o2", 1);
  EXPECT_EQ(trim(kNow + 30h).trimmed, 0) << "however old: what it has not published is nowhere else";
  write([&](sql::Tx& tx) { log_.set_relayed(tx, 0, 1); });
  EXPECT_EQ(trim(kNow + 30min).trimmed, 0) << "it is younger than keep";
  const auto done = trim(kNow + 30h);
  EXPECT_EQ(done.trimmed, 1);
  EXPECT_TRUE(done.dropped.empty());
  EXPECT_EQ(all(read({.topics = both_})), "o2/1");
  EXPECT_THROW(write([&](sql::Tx& tx) { log_.set_relayed(tx, 0, 2); }), sql::DatabaseError) << "it stands elsewhere";
  EXPECT_EQ(write([&](sql::Tx& tx) { return log_.relayed_through(tx); }), 1);
}

TEST_P(EventLogTest, TheOutboxRefusesAnEventThatNobodyCouldRead) {
  Outbox outbox(kNow);
  outbox.add(kFacts, "order.placed", "o1", 1, {}) += '"' + std::string(kEventBytesMax, 'x') + '"';
  EXPECT_THROW(write([&](sql::Tx& tx) { outbox.write(tx); }), sql::DatabaseError);
}

INSTANTIATE_TEST_SUITE_P(Engines, EventLogTest, testing::kEngines, testing::engine_name);

TEST(ReadEvent, SaysAllThatIsWrong) {
  const auto event = read_event(
      R"({"specversion":"0.3","id":"e","source":"s","type":"t","subject":"a","time":"2027-01-01T00:00:00.000Z",)"
      R"("topic":"t","logid":"L","sequence":"0","version":"x","data":[]})");
  ASSERT_FALSE(event.has_value());
  std::vector<std::string> pointers;
  for (const auto& error : event.error().fields) pointers.push_back(error.pointer);
  EXPECT_EQ(pointers, (std::vector<std::string>{"/specversion", "/sequence", "/version", "/data"}));
}

TEST(ReadEvent, KeepsItsText) {
  const std::string text =
      R"({"specversion":"1.0","id":"e","source":"s","type":"t","subject":"a","time":"2027-01-01T00:00:00.000Z",)"
      R"("topic":"t","logid":"L","sequence":"7","version":"2","data":{"price":1.50,"title":"a\nü"}})";
  EXPECT_EQ(read_event(text).value().text(), text);
}

}  // namespace
}  // namespace agora::events
