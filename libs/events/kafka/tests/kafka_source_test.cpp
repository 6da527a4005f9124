// Consumers on a real broker: whoever reads, dies, sleeps or takes over, each effect is there once, in each subject's
// order; and what a broker no longer has is said instead of passed over.

#include "libs/events/kafka/kafka_source.hpp"

#include <functional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "libs/events/consumer.hpp"
#include "libs/events/kafka/kafka_transport.hpp"
#include "libs/events/kafka/tests/cluster.hpp"
#include "libs/events/kafka/topics.hpp"
#include "libs/events/schema.hpp"
#include "libs/testing/manual_clock.hpp"
#include "libs/testing/run.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events::kafka {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kTopic = "agora.orders";
/// Who does not ask for so long is taken for dead.
constexpr auto kImpatient = "?session.timeout.ms=1000&max.poll.interval.ms=1000&heartbeat.interval.ms=200";

class Recorder final : public Handler {
 public:
  void lock(sql::Tx&, const std::vector<Event>&) override {}
  Result<void> apply(sql::Tx& tx, const Event& event) override {
    constexpr sql::Sql kNote{"INSERT INTO applied (subject, version) VALUES ($1, $2)"};
    tx.execute(kNote, {event.subject, event.version});
    return {};
  }
};

constexpr sql::Sql kApplied{"SELECT subject, version FROM applied ORDER BY n"};

using Events = std::vector<std::pair<std::string, std::int64_t>>;

Task<std::optional<Result<Rebuilt>>> rebuild(Consumer& consumer) {
  Ctx ctx;
  auto rebuilt = co_await consumer.rebuild(ctx, true);
  co_return std::optional(std::move(rebuilt));
}
Task<std::string> fetch_text(KafkaSource& source) {
  Ctx ctx;
  const auto fetched = co_await source.fetch(ctx, std::chrono::seconds(1));
  co_return fetched ? "something" : fetched.error().message;
}

class KafkaSourceTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  /// A replica of the service that reads.
  struct Replica {
    Replica(KafkaSourceTest& test, const std::string& url)
        : source(Address::parse(url), "notification", "order", {kTopic}),
          consumer(test.io_, *test.database_, source, {.publisher = "order", .wait = 500ms, .backoff_first = 10ms},
                   test.handler_, test.clock_, metrics) {}

    telemetry::Registry metrics;
    KafkaSource source;
    Consumer consumer;
  };

  void SetUp() override {
    TopicAdmin(address_).make("order", {.partitions = 3});
    prepare(*database_);
    begin();
  }
  void TearDown() override {
    for (auto& replica : replicas_) end(*replica);
  }

  static void prepare(sql::Database& database) {
    const std::array<sql::Migration, 3> migrations{
        {{1, "inbox", kInboxSchema},
         {2, "inbox_streams", kInboxStreamsSchema},
         {3, "applied",
          "CREATE TABLE applied (\n-- only: sqlite\nn INTEGER PRIMARY KEY,\n-- end\n-- only: postgresql\n"
          "n BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n-- end\nsubject TEXT NOT NULL, version BIGINT NOT "
          "NULL);\n"}}};
    database.migrate(migrations);
  }

  void begin() {
    transport_.emplace(address_, "order");
    expect(testing::run(transport_->init(soon())));
  }
  static Ctx soon() { return {.deadline = std::chrono::steady_clock::now() + 20s}; }
  static void expect(const Result<void>& done) { ASSERT_TRUE(done.has_value()) << done.error().message; }

  void publish(const Events& events, const std::string& log_id = "log1") {
    LoggedEvents log{.publisher = "order", .log_id = log_id};
    for (const auto& [subject, version] : events) {
      const auto number = ++sequence_;
      log.events.push_back({.sequence = number,
                            .event_id = "e" + std::to_string(number),
                            .topic = kTopic,
                            .type = "order.placed",
                            .subject = subject,
                            .version = version,
                            .time = kNow + std::chrono::milliseconds(number),
                            .data = "{}"});
      sent_[subject] = version;
    }
    expect(testing::run(transport_->publish(soon(), log)));
    expect(testing::run(transport_->commit(soon())));
  }
  /// The next `count` versions of `subjects` subjects in turn.
  void publish_many(int count, int subjects) {
    Events events;
    std::map<std::string, std::int64_t> next = sent_;
    for (int i = 0; i < count; ++i) {
      const auto subject = "o" + std::to_string(i % subjects);
      events.emplace_back(subject, ++next[subject]);
    }
    publish(events);
  }

  Replica& start(const std::string& options = "") {
    replicas_.push_back(std::make_unique<Replica>(*this, url_ + options));
    return *replicas_.back();
  }
  void end(Replica& replica) {
    bool stopped = false;
    replica.source.stop();
    asio::co_spawn(io_, replica.consumer.stop(), [&](const std::exception_ptr&) { stopped = true; });
    until([&] { return stopped; });
  }
  void end_all() {
    for (auto& replica : replicas_) end(*replica);
    replicas_.clear();
  }
  void until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 40s;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never came to be; there is " << summary();
      io_.restart();
      io_.run_for(20ms);
    }
  }

  Events applied() {
    return database_->read_blocking({}, [](sql::Tx& tx) {
      Events all;
      auto rows = tx.query(kApplied);
      while (rows.next()) all.emplace_back(rows.text(0), rows.int64(1));
      return all;
    });
  }
  /// `o1:3 o2:1`: of each subject how many versions were applied, `!` where one came twice or out of turn.
  std::string summary() {
    std::map<std::string, std::int64_t> last;
    std::set<std::string> wrong;
    for (const auto& [subject, version] : applied()) {
      if (version != ++last[subject]) wrong.insert(subject);
    }
    return text(last, wrong);
  }
  std::string sent() const { return text(sent_, {}); }
  static std::string text(const std::map<std::string, std::int64_t>& versions, const std::set<std::string>& wrong) {
    std::string out;
    for (const auto& [subject, version] : versions) {
      out += (out.empty() ? "" : " ") + subject + ':' + std::to_string(version) + (wrong.contains(subject) ? "!" : "");
    }
    return out;
  }
  Standings standings() {
    return database_->read_blocking({}, [](sql::Tx& tx) { return Inbox("order").standings(tx); });
  }

  /// The next page of a source that nobody else polls.
  static Fetched page_of(KafkaSource& source, const std::map<std::string, Standing>& standings = {}) {
    while (true) {
      auto fetched = testing::run(fetch_into(source));
      if (!fetched) throw std::runtime_error("nothing was fetched");
      for (const auto& stream : fetched->assigned) {
        const auto found = standings.find(stream);
        source.seek(stream, found == standings.end() ? std::nullopt : std::optional(found->second));
      }
      if (!fetched->events.empty()) return *std::move(fetched);
    }
  }
  static Task<std::optional<Fetched>> fetch_into(KafkaSource& source) {
    Ctx ctx;
    auto fetched = co_await source.fetch(ctx, 1s);
    if (!fetched) co_return std::nullopt;
    co_return *std::move(fetched);
  }
  Inbox::Applied apply(const Fetched& page, const Standings& before) {
    const Inbox inbox("order");
    return database_->write_blocking({}, [&](sql::Tx& tx) {
      if (!before.streams.contains(page.stream)) inbox.be_born(tx, page.stream, page.log, {kTopic});
      const auto found = before.streams.find(page.stream);
      const auto from = found == before.streams.end() ? Position{page.log.log_id, 0, ""} : found->second.position;
      return inbox.apply(tx, page.stream, from, page.next, page.events, handler_, kNow);
    });
  }

  const std::string url_ = own_url();
  const Address address_ = Address::parse(url_);
  testing::TemporaryDatabase database_{GetParam()};
  asio::io_context io_;
  testing::ManualClock clock_{kNow};
  Recorder handler_;
  std::optional<KafkaTransport> transport_;
  std::int64_t sequence_ = 0;
  std::map<std::string, std::int64_t> sent_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

TEST_P(KafkaSourceTest, AppliesWhatIsCommittedOnceAndInOrder) {
  publish_many(500, 23);
  start();
  until([&] { return summary() == sent(); });
  publish_many(500, 23);
  until([&] { return summary() == sent(); });
  EXPECT_EQ(standings().streams.size(), 3u) << "each partition has a position of its own";
}

TEST_P(KafkaSourceTest, GoesOnWhereTheDatabaseStandsWhateverTheGroupKnows) {
  publish_many(100, 5);
  start();
  until([&] { return summary() == sent(); });
  end_all();
  // The group's offsets are at the end by now. A service whose database was put back to nothing reads all again.
  database_->write_blocking({}, [](sql::Tx& tx) {
    for (const auto* table : {"applied", "inbox_positions", "inbox_versions"}) {
      tx.run_script("DELETE FROM " + std::string(table));
    }
  });
  publish_many(10, 5);
  start();
  until([&] { return summary() == sent(); });
}

TEST_P(KafkaSourceTest, WhatWasAppliedByOneThatDiedBeforeTheGroupKnewIsNotAppliedAgain) {
  publish_many(60, 6);
  {
    KafkaSource source(Address::parse(url_ + kImpatient), "notification", "order", {kTopic});
    const auto page = page_of(source);
    EXPECT_TRUE(apply(page, {}).ours);
    ASSERT_FALSE(applied().empty());
  }
  start();
  until([&] { return summary() == sent(); });
}

TEST_P(KafkaSourceTest, ABatchOfOneThatSleptWhileAnotherTookOverIsDropped) {
  publish_many(300, 7);
  KafkaSource sleeper(Address::parse(url_ + kImpatient), "notification", "order", {kTopic});
  const auto before = standings();
  const auto page = page_of(sleeper);
  start(kImpatient);
  until([&] { return summary() == sent(); });
  // It wakes, and does what it was about to do.
  EXPECT_FALSE(apply(page, before).ours);
  EXPECT_EQ(summary(), sent());
}

TEST_P(KafkaSourceTest, ReplicasThatComeAndGoApplyEachOnce) {
  start(kImpatient);
  for (int round = 0; round < 8; ++round) {
    publish_many(200, 17);
    if (round == 1 || round == 3) start(kImpatient);
    if (round == 5) end(*replicas_.front());
    io_.restart();
    io_.run_for(150ms);
  }
  until([&] { return summary() == sent(); });
}

TEST_P(KafkaSourceTest, APositionThatTheTopicDoesNotHaveStopsTheConsumerAndSkipsNothing) {
  publish_many(30, 3);
  start();
  until([&] { return summary() == sent(); });
  end_all();
  database_->write_blocking(
      {}, [](sql::Tx& tx) { tx.run_script("UPDATE inbox_positions SET sequence = sequence + 1000000"); });
  publish_many(30, 3);
  auto& replica = start();
  until([&] { return replica.consumer.degraded().has_value(); });
  EXPECT_TRUE(replica.consumer.degraded()->starts_with("position_lost")) << *replica.consumer.degraded();
  EXPECT_EQ(applied().size(), 30u);
}

TEST_P(KafkaSourceTest, AnotherLogStopsTheConsumerUntilItIsRebuilt) {
  publish({{"o1", 1}, {"o1", 2}, {"o2", 1}});
  auto& replica = start();
  until([&] { return summary() == sent(); });
  // The publisher was restored: its versions begin to mean other events.
  publish({{"o1", 1}, {"o3", 1}, {"o4", 1}, {"o5", 1}, {"o6", 1}}, "log2");
  until([&] { return replica.consumer.degraded().has_value(); });
  EXPECT_TRUE(replica.consumer.degraded()->starts_with("log_changed")) << *replica.consumer.degraded();
  std::optional<Result<Rebuilt>> rebuilt;
  auto keep = [&](const std::exception_ptr&, std::optional<Result<Rebuilt>> value) { rebuilt = std::move(value); };
  asio::co_spawn(io_, rebuild(replica.consumer), keep);
  until([&] { return rebuilt.has_value(); });
  ASSERT_TRUE(rebuilt->has_value()) << rebuilt->error().message;
  EXPECT_TRUE((*rebuilt)->done);
  publish({{"o1", 2}, {"o3", 2}}, "log2");
  until([&] { return summary().find("o3:2") != std::string::npos && summary().find("o6:1") != std::string::npos; });
}

TEST_P(KafkaSourceTest, WhatWasTrimmedBeforeBirthIsRemembered) {
  publish({{"o1", 1}, {"o1", 2}, {"o1", 3}});
  const auto found = read_all(address_, kTopic);
  const auto partition = found.begin()->first;
  const auto client = open(RD_KAFKA_PRODUCER, configure(address_, {}));
  const Partitions before(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(before.get(), address_.name_of(kTopic).c_str(), partition)->offset = 2;
  auto* asked = rd_kafka_DeleteRecords_new(before.get());
  const Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DeleteRecords(client.get(), &asked, 1, nullptr, queue.get());
  const RdEvent deleted(rd_kafka_queue_poll(queue.get(), 10'000));
  rd_kafka_DeleteRecords_destroy(asked);
  ASSERT_EQ(rd_kafka_event_error(deleted.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  start();
  const auto stream = std::string(kTopic) + "/" + std::to_string(partition);
  until([&] { return standings().streams.contains(stream); });
  EXPECT_EQ(standings().streams.at(stream).birth_through(), 2);
  end_all();
  // Born, and killed before anything came of it: it goes on all the same.
  auto& replica = start();
  publish({{"o1", 4}});
  until([&] { return standings().streams.at(stream).position.sequence > 4; });
  EXPECT_FALSE(replica.consumer.degraded());
}

TEST_P(KafkaSourceTest, ATopicOfFactsGrowsWithoutLosingOrTurningRoundAnything) {
  publish_many(200, 40);
  TopicAdmin admin(address_);
  {
    KafkaSource source(address_, "notification", "order", {kTopic});
    const auto page = page_of(source);
    apply(page, {});
    source.acknowledge(page.stream, page.next);
    // What is acknowledged is told to the group with the next poll.
    [[maybe_unused]] const auto more = testing::run(fetch_into(source));
  }
  EXPECT_THROW(admin.grow(kTopic, 8), std::runtime_error) << "a reader is not at the end";
  start();
  until([&] { return summary() == sent(); });
  transport_.reset();
  bool has_grown = false;
  until([&] {
    // The group hears of it a moment later.
    try {
      admin.grow(kTopic, 8);
      has_grown = true;
    } catch (const std::runtime_error&) {
    }
    return has_grown;
  });
  end_all();
  start();
  start();
  begin();
  publish_many(400, 40);
  until([&] { return summary() == sent(); });
  const auto found = read_all(address_, kTopic);
  EXPECT_GT(found.size(), 3u) << "the new partitions are used";
}

TEST_P(KafkaSourceTest, SaysWhichTopicIsMissingInsteadOfWaitingForIt) {
  const auto address = Address::parse(own_url());
  KafkaSource source(address, "notification", "order", {kTopic});
  std::string said;
  const auto began = std::chrono::steady_clock::now();
  asio::io_context io;
  asio::co_spawn(io, fetch_text(source), [&](const std::exception_ptr&, std::string text) { said = text; });
  io.run();
  EXPECT_NE(said.find(address.name_of(kTopic)), std::string::npos) << said;
  EXPECT_NE(said.find("agora migrate --service order"), std::string::npos) << said;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

INSTANTIATE_TEST_SUITE_P(Engines, KafkaSourceTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::events::kafka
