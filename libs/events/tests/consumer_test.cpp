// The consumer's loop over a source of several streams, as Kafka's partitions are: who is assigned what, where each is
// read from, what stops all, and what a rebuild makes of streams that hold more than one log.

#include "libs/events/consumer.hpp"

#include <functional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/events/schema.hpp"
#include "libs/testing/manual_clock.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kFacts = "agora.orders";
constexpr auto kStates = "agora.stock";

/// Streams in memory. What one has written is read by all.
struct Streams {
  struct Stream {
    std::string topic;
    std::vector<Event> events{};
  };
  std::map<std::string, Stream> all{};
  std::int64_t sequence = 0;

  void add(const std::string& stream, const std::string& subject, std::int64_t version, std::string log_id = "L") {
    const auto number = std::to_string(++sequence);
    auto& into = all.at(stream);
    into.events.push_back(read_event(R"({"specversion":"1.0","id":"e)" + number +
                                     R"(","source":"/agora/order","type":"t","subject":")" + subject +
                                     R"(","time":"2027-01-01T00:00:0)" + number.back() + R"(.000Z","topic":")" +
                                     into.topic + R"(","logid":")" + log_id + R"(","sequence":")" + number +
                                     R"(","version":")" + std::to_string(version) + R"(","data":{}})")
                              .value());
  }
};

/// Reads them as a transport with partitions does.
class StreamsSource final : public Source {
 public:
  StreamsSource(asio::io_context& io, Streams& streams, std::set<std::string> topics)
      : io_(io), streams_(streams), topics_(std::move(topics)) {}

  Task<Result<Fetched>> fetch(Ctx, std::chrono::milliseconds wait) override {
    if (refusal) co_return *refusal;
    if (!news.assigned.empty() || !news.revoked.empty()) {
      for (const auto& stream : news.revoked) at_.erase(stream);
      co_return std::exchange(news, {});
    }
    for (auto& [stream, at] : at_) {
      const auto& events = streams_.all.at(stream).events;
      const auto size = static_cast<std::int64_t>(events.size());
      if (at.sequence == size && owed_.erase(stream) == 0) continue;
      Fetched page{.stream = stream, .log = {.head = size}};
      while (at.sequence < size) {
        const auto& event = events[static_cast<std::size_t>(at.sequence)];
        if (!page.events.empty() && event.log_id != at.log_id) break;
        page.events.push_back(event);
        at = {event.log_id, at.sequence + 1, event.id};
      }
      page.next = at;
      page.log.log_id = at.log_id;
      co_return page;
    }
    asio::steady_timer timer(io_, wait);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return Fetched{.stream = "none"};
  }
  void seek(const std::string& stream, const std::optional<Standing>& from) override {
    at_[stream] = from ? from->position : Position{};
    owed_.insert(stream);
    seeks.emplace_back(stream, at_[stream].sequence);
  }
  void acknowledge(const std::string& stream, const Position& through) override {
    acknowledged[stream] = through.sequence;
  }
  std::vector<std::string> topics(const std::string& stream) const override { return {streams_.all.at(stream).topic}; }
  std::unique_ptr<Source> reader(std::vector<std::string> topics) override {
    auto wanted = topics.empty() ? topics_ : std::set(topics.begin(), topics.end());
    auto reader = std::make_unique<StreamsSource>(io_, streams_, std::move(wanted));
    for (const auto& [name, stream] : streams_.all) {
      if (reader->topics_.contains(stream.topic)) reader->news.assigned.push_back(name);
    }
    return reader;
  }

  void stop() override {}

  Fetched news{};
  std::optional<Error> refusal{};
  std::vector<std::pair<std::string, std::int64_t>> seeks{};
  std::map<std::string, std::int64_t> acknowledged{};

 private:
  asio::io_context& io_;
  Streams& streams_;
  std::set<std::string> topics_;
  std::map<std::string, Position> at_{};
  std::set<std::string> owed_{};  ///< streams whose end was not told yet
};

class Recorder final : public Handler {
 public:
  void lock(sql::Tx&, const std::vector<Event>&) override {}
  Result<void> apply(sql::Tx& tx, const Event& event) override {
    if (failure) failure();
    constexpr sql::Sql kNote{"INSERT INTO applied (subject, version) VALUES ($1, $2)"};
    tx.execute(kNote, {event.subject, event.version});
    return {};
  }
  std::function<void()> failure{};
};

Task<void> rebuild_into(Consumer& consumer, bool accept_gap, std::optional<Result<Rebuilt>>& into) {
  Ctx ctx;
  auto rebuilt = co_await consumer.rebuild(ctx, accept_gap);
  into.emplace(std::move(rebuilt));
}

class ConsumerTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override {
    const std::array<sql::Migration, 3> migrations{
        {{1, "inbox", kInboxSchema},
         {2, "inbox_streams", kInboxStreamsSchema},
         {3, "applied", "CREATE TABLE applied (subject TEXT NOT NULL, version BIGINT NOT NULL);\n"}}};
    database_->migrate(migrations);
    for (const auto* stream : {"f/0", "f/1"}) streams_.all[stream] = {kFacts};
    streams_.all["s/0"] = {kStates};
  }
  void TearDown() override { stop(); }

  void start(std::vector<std::string> assigned) {
    source_.emplace(io_, streams_, std::set<std::string>{kFacts, kStates});
    source_->news.assigned = std::move(assigned);
    consumer_.emplace(io_, *database_, *source_, options_, handler_, clock_, metrics_);
  }
  void stop() {
    if (!consumer_) return;
    bool stopped = false;
    asio::co_spawn(io_, consumer_->stop(), [&](const std::exception_ptr&) { stopped = true; });
    until([&] { return stopped; });
    consumer_.reset();
  }
  void until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never came to be";
      io_.restart();
      io_.run_one_for(20ms);
    }
  }
  std::vector<std::string> applied() {
    return database_->read_blocking({}, [](sql::Tx& tx) {
      constexpr sql::Sql kApplied{"SELECT subject, version FROM applied ORDER BY subject, version"};
      std::vector<std::string> all;
      auto rows = tx.query(kApplied);
      while (rows.next()) all.push_back(std::string(rows.text(0)) + std::to_string(rows.int64(1)));
      return all;
    });
  }
  Standings standings() {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return Inbox("order").standings(tx); });
  }
  Result<Rebuilt> rebuild(bool accept_gap) {
    std::optional<Result<Rebuilt>> rebuilt;
    asio::co_spawn(io_, rebuild_into(*consumer_, accept_gap, rebuilt), asio::detached);
    until([&] { return rebuilt.has_value(); });
    return *rebuilt;
  }

  using All = std::vector<std::string>;
  testing::TemporaryDatabase database_{GetParam()};
  asio::io_context io_;
  telemetry::Registry metrics_;
  testing::ManualClock clock_{kNow};
  Streams streams_;
  Recorder handler_;
  ConsumerOptions options_{.publisher = "order", .wait = 5ms, .backoff_first = 1ms, .rebuild_rows_max = 2};
  std::optional<StreamsSource> source_;
  std::optional<Consumer> consumer_;
};

TEST_P(ConsumerTest, ReadsEachStreamFromWhereItStandsAndAcknowledgesWhatIsCommitted) {
  streams_.add("f/0", "a", 1);
  streams_.add("f/1", "b", 1);
  start({"f/0", "f/1"});
  until([&] { return applied() == All{"a1", "b1"} && source_->acknowledged.size() == 2; });
  EXPECT_EQ(source_->acknowledged, (std::map<std::string, std::int64_t>{{"f/0", 1}, {"f/1", 1}}));
  stop();
  streams_.add("f/1", "b", 2);
  start({"f/1"});
  until([&] { return applied() == All{"a1", "b1", "b2"}; });
  EXPECT_EQ(source_->seeks, (std::vector<std::pair<std::string, std::int64_t>>{{"f/1", 1}}));
  // What is given to it later is read on from where whoever had it before left it.
  streams_.add("f/0", "a", 2);
  source_->news.assigned = {"f/0"};
  until([&] { return applied() == All{"a1", "a2", "b1", "b2"}; });
}

TEST_P(ConsumerTest, WhatWasTakenFromItIsNotReadAnyMore) {
  start({"f/0", "f/1"});
  until([&] { return !source_->seeks.empty(); });
  source_->news.revoked = {"f/0"};
  until([&] { return source_->news.revoked.empty(); });
  streams_.add("f/0", "a", 1);
  streams_.add("f/1", "b", 1);
  until([&] { return !applied().empty() && source_->acknowledged.contains("f/1"); });
  EXPECT_EQ(applied(), (All{"b1"}));
  EXPECT_FALSE(source_->acknowledged.contains("f/0"));
}

TEST_P(ConsumerTest, AnotherLogInOneStreamStopsAllUntilARebuildBeginsAtThatLog) {
  streams_.add("f/0", "a", 1);
  streams_.add("f/0", "a", 2);
  streams_.add("f/1", "b", 1);
  streams_.add("s/0", "s", 3);
  start({"f/0", "f/1", "s/0"});
  until([&] { return applied() == All{"a1", "a2", "b1", "s3"}; });
  // The log was put back to before a's second version.
  streams_.add("f/0", "a", 1, "M");
  streams_.add("f/0", "a", 2, "M");
  streams_.add("s/0", "s", 1, "M");
  until([&] { return standings().failure.has_value(); });
  EXPECT_EQ(standings().failure, "log_changed: The log has another id: it was restored.");
  streams_.add("f/1", "b", 1, "M");
  streams_.add("f/1", "b", 2, "M");
  until([&] { return consumer_->degraded().has_value(); });
  EXPECT_EQ(applied(), (All{"a1", "a2", "b1", "s3"}));
  const auto rebuilt = rebuild(false).value();
  EXPECT_TRUE(rebuilt.done);
  EXPECT_TRUE(rebuilt.lowered.empty());
  // Facts go on, the state is applied again, and the older log is passed.
  until([&] { return applied() == All{"a1", "a2", "b1", "b2", "s1", "s3"}; });
  until([&] { return !consumer_->degraded(); });
  EXPECT_EQ(standings().streams.at("f/0").position, (Position{"M", 4, "e6"}));
}

TEST_P(ConsumerTest, AStreamInWhichARestoredLogToldNothingYetSaysThatNoneOfItWasRead) {
  streams_.add("f/0", "a", 1);
  streams_.add("f/1", "b", 1);
  start({"f/0", "f/1"});
  until([&] { return applied() == All{"a1", "b1"}; });
  // Put back to before b.
  streams_.add("f/0", "a", 1, "M");
  until([&] { return consumer_->degraded().has_value(); });
  EXPECT_TRUE(rebuild(true).value().done);
  until([&] { return standings().streams.at("f/0").position == Position{"M", 2, "e3"}; });
  EXPECT_EQ(standings().streams.at("f/1").position, (Position{"M", 1, ""}));
  streams_.add("f/1", "c", 1, "M");
  until([&] { return applied() == All{"a1", "b1", "c1"}; });
  EXPECT_EQ(standings().streams.at("f/1").position, (Position{"M", 2, "e4"}));
}

TEST_P(ConsumerTest, ANewbornThatIsRefusedIsDegradedAndSaysWhy) {
  start({"f/0"});
  source_->refusal = Error{Errc::failed_precondition, "consumer_dropped", "What it missed is gone."};
  until([&] { return consumer_->degraded().has_value(); });
  EXPECT_EQ(consumer_->degraded(), "consumer_dropped: What it missed is gone.");
  source_->refusal.reset();
  streams_.add("f/0", "a", 1);
  EXPECT_TRUE(rebuild(false).value().done);
  until([&] { return applied() == All{"a1"}; });
}

TEST_P(ConsumerTest, WhatItAppliedWhileALogWasReadForARebuildIsNotTakenForLost) {
  streams_.add("f/0", "a", 1);
  start({"f/0"});
  until([&] { return applied() == All{"a1"}; });
  // Published and read on between the rebuild's looking at the log and its writing: it applies nothing meanwhile.
  std::optional<Result<Rebuilt>> rebuilt;
  asio::co_spawn(io_, rebuild_into(*consumer_, false, rebuilt), asio::detached);
  until([&] {
    if (streams_.all["f/0"].events.size() < 50) streams_.add("f/0", "a", streams_.sequence + 1);
    return rebuilt.has_value();
  });
  ASSERT_TRUE(rebuilt->has_value());
  EXPECT_TRUE((*rebuilt)->lowered.empty());
  EXPECT_TRUE((*rebuilt)->done);
  until([&] { return applied().size() == streams_.all["f/0"].events.size(); });
}

TEST_P(ConsumerTest, ARebuildWhileAnotherReplicaMovesSaysSo) {
  streams_.add("f/0", "a", 1);
  start({"f/0"});
  until([&] { return applied() == All{"a1"}; });
  std::optional<Result<Rebuilt>> rebuilt;
  asio::co_spawn(io_, rebuild_into(*consumer_, false, rebuilt), asio::detached);
  int moved = 1;
  until([&] {
    database_->write_blocking({}, [&](sql::Tx& tx) {
      constexpr sql::Sql kMoved{"UPDATE inbox_positions SET event_id = $1"};
      tx.execute(kMoved, {std::to_string(++moved)});
    });
    return rebuilt.has_value();
  });
  ASSERT_FALSE(rebuilt->has_value());
  EXPECT_EQ(rebuilt->error().code, "rebuilt_meanwhile");
  EXPECT_FALSE(standings().failure);
}

TEST_P(ConsumerTest, MemoryThatRunsOutIsNotTheEventsFault) {
  int tries = 0;
  handler_.failure = [&] {
    if (++tries < 4) throw std::bad_alloc();
  };
  streams_.add("f/0", "a", 1);
  start({"f/0"});
  until([&] { return applied() == All{"a1"}; });
  EXPECT_EQ(tries, 4);
  EXPECT_NE(metrics_.expose().find("agora_events_parked_total{publisher=\"order\"} 0\n"), std::string::npos);
}

TEST_P(ConsumerTest, DrainsManyParkedSubjectsRoundAfterRound) {
  options_.retry_batch_max = 40;
  for (int i = 0; i < 100; ++i) streams_.add("f/0", "s" + std::to_string(i), 2);
  handler_.failure = [] { throw std::runtime_error("not yet"); };
  streams_.add("f/0", "bad", 1);
  start({"f/0"});
  until([&] { return source_->acknowledged.contains("f/0"); });
  handler_.failure = nullptr;
  // Their first versions were lost with what was trimmed before birth.
  database_->write_blocking({}, [](sql::Tx& tx) { tx.run_script("UPDATE inbox_topics SET birth_through = 1"); });
  clock_.advance(2min);
  int rounds = 0;
  std::optional<telemetry::MoreWork> more;
  const auto job = consumer_->retry_job();
  do {
    more.reset();
    asio::co_spawn(io_, job({.deadline = Deadline::max()}),
                   [&](const std::exception_ptr&, telemetry::MoreWork result) { more = result; });
    until([&] { return more.has_value(); });
    ++rounds;
  } while (more == telemetry::MoreWork::yes);
  EXPECT_EQ(rounds, 3);
  EXPECT_EQ(applied().size(), 101u);
  EXPECT_NE(metrics_.expose().find("agora_events_parked{publisher=\"order\"} "), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Engines, ConsumerTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::events
