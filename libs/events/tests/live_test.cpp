// Who follows a log gets each event of its subject once, in order: those missed, those that come while it begins, and
// those after; on both engines, whoever wrote them.

#include "libs/events/live.hpp"

#include <atomic>
#include <future>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "libs/events/numbering.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/tests/log_schema.hpp"
#include "libs/testing/manual_clock.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr sql::Sql kRead{
    "SELECT sequence, subject, data FROM numbered_events WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence"};
constexpr sql::Sql kTrim{"UPDATE event_log SET trimmed_through = $1"};

/// The outbox, each event by its type.
class Outboxed final : public LiveLog {
 public:
  LogState state(sql::Tx& tx) const override {
    if (hold_next.exchange(false)) {
      holding = true;
      go_on.wait(false);
    }
    return log_.state(tx);
  }
  std::vector<LiveEvent> of_many(sql::Tx& tx, const Stretch& stretch, const Subjects& subjects) const override {
    ++reads;
    std::vector<LiveEvent> events;
    auto rows = tx.query(kRead, {stretch.after, stretch.through});
    while (rows.next()) {
      const std::string subject(rows.text(1));
      if (subjects.contains(subject))
        events.push_back({rows.int64(0), subject, "e", std::make_shared<const std::string>(rows.text(2))});
    }
    return events;
  }
  std::vector<LiveEvent> of_one(sql::Tx& tx, const Stretch& stretch, const std::string& subject,
                                std::int64_t limit) const override {
    auto events = of_many(tx, stretch, {subject});
    if (std::ssize(events) > limit) events.resize(static_cast<std::size_t>(limit));
    return events;
  }
  mutable std::atomic<int> reads = 0;
  /// The next reader waits before it looks.
  mutable std::atomic<bool> hold_next = false;
  mutable std::atomic<bool> holding = false;
  std::atomic<bool> go_on = false;

 private:
  EventLog log_{"order", {}};
};

/// A client: what it was sent so far.
struct Follower {
  std::shared_ptr<http::EventStream> stream;
  std::string opening;
};

class LiveTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { database_->migrate(kLogMigrations); }

  void happen(const std::string& subject, const std::string& data = "{}") {
    database_->write_blocking({}, [&](sql::Tx& tx) {
      Outbox outbox(kNow);
      outbox.add("agora.orders", "order.placed", subject, ++versions_[subject], {}) += data;
      outbox.write(tx);
    });
    if (GetParam() == sql::Engine::postgresql) {
      database_->write_blocking({}, [](sql::Tx& tx) { number_committed(tx, 100); });
    }
  }
  void trim_through(std::int64_t sequence) {
    database_->write_blocking({}, [&](sql::Tx& tx) { tx.execute(kTrim, {sequence}); });
  }
  std::string log_id() {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return log_.state(tx).log_id; });
  }
  std::string id(std::int64_t sequence) { return log_id() + ':' + std::to_string(sequence); }

  Task<std::shared_ptr<http::EventStream>> begin(Ctx ctx, http::Request request, std::string subject) {
    auto response = co_await live_.follow(std::move(ctx), request, std::move(subject));
    co_return response.value().stream;
  }
  template <class T>
  T run(Task<T> task) {
    return finish(asio::co_spawn(io_, std::move(task), asio::use_future));
  }
  /// Others may go on meanwhile, and stay under way.
  template <class T>
  T finish(std::future<T> future) {
    while (future.wait_for(0s) != std::future_status::ready) {
      io_.restart();
      io_.run_one_for(10ms);
    }
    return future.get();
  }
  Follower follow(const std::string& subject, const std::string& last_id = "", Timestamp expires = Timestamp::max()) {
    http::RequestData request;
    if (!last_id.empty()) request.headers.emplace_back("last-event-id", last_id);
    const Ctx ctx{.principal = {.expires = expires}};
    auto stream = run(begin(ctx, http::Request(request), subject));
    auto opening = stream->opening();
    return {std::move(stream), std::move(opening)};
  }
  void round() {
    auto job = live_.job();
    run(job({}));
  }
  /// The numbers of what a client gets now.
  std::vector<std::int64_t> next(Follower& follower) {
    std::vector<std::int64_t> numbers;
    while (const auto text = run(follower.stream->take())) {
      EXPECT_TRUE(text->starts_with("id: " + log_id() + ":")) << *text;
      numbers.push_back(std::stoll(text->substr(text->find(log_id()) + log_id().size() + 1)));
    }
    return numbers;
  }

  testing::TemporaryDatabase database_{GetParam()};
  Outboxed log_;
  testing::ManualClock clock_{kNow};
  asio::io_context io_{1};
  Live live_{*database_, log_, clock_};
  std::map<std::string, std::int64_t> versions_;
};

using Numbers = std::vector<std::int64_t>;

TEST_P(LiveTest, BeginsWithAnIdToGoOnFromAndTellsWhatComes) {
  happen("a");
  auto a = follow("a");
  EXPECT_EQ(a.opening, "id: " + id(1) + "\n\n");
  happen("a", R"({"n":2})");
  happen("b");
  happen("a");
  round();
  EXPECT_EQ(*run(a.stream->take()), "id: " + id(2) + "\nevent: e\ndata: {\"n\":2}\n\n");
  EXPECT_EQ(next(a), Numbers{4});
  round();
  EXPECT_EQ(next(a), Numbers{});
}

TEST_P(LiveTest, GoesOnWhereAClientLeftOff) {
  for (int i = 0; i < 40; ++i) happen(i % 2 == 0 ? "a" : "b");
  auto a = follow("a", id(5));
  EXPECT_EQ(a.opening, "id: " + id(5) + "\n\n");
  happen("a");
  round();
  Numbers all;
  for (std::int64_t s = 7; s <= 41; s += 2) all.push_back(s);
  EXPECT_EQ(next(a), all);
}

TEST_P(LiveTest, MissesAndDoublesNothingThatComesWhileAStreamBegins) {
  auto first = follow("a");
  round();
  happen("a");  // 1
  auto second = follow("a");
  happen("a");  // 2
  round();
  auto third = follow("a", id(0));
  happen("a");  // 3
  round();
  EXPECT_EQ(next(first), (Numbers{1, 2, 3}));
  EXPECT_EQ(next(second), (Numbers{2, 3}));
  EXPECT_EQ(next(third), (Numbers{1, 2, 3}));
}

TEST_P(LiveTest, TellsAStreamWhatARoundReadThatBeganBeforeIt) {
  auto other = follow("b");
  round();
  log_.hold_next = true;
  auto job = live_.job();
  auto reading = asio::co_spawn(io_, job({}), asio::use_future);
  io_.restart();
  while (!log_.holding) io_.run_one_for(1ms);
  auto a = follow("a");
  happen("a");
  log_.go_on = true;
  log_.go_on.notify_all();
  finish(std::move(reading));
  round();
  EXPECT_EQ(next(a), Numbers{1});
  EXPECT_EQ(next(other), Numbers{});
}

TEST_P(LiveTest, SaysSoWhereItCannotGoOn) {
  for (int i = 0; i < 5; ++i) happen("a");
  trim_through(3);
  const auto reset = "id: " + id(5) + "\nevent: reset\ndata: {}\n\n";
  for (const std::string& unknown :
       {std::string("another:4"), id(2), id(6), id(-1), log_id() + ":", log_id() + ":4x", std::string("x")}) {
    auto a = follow("a", unknown);
    EXPECT_EQ(a.opening, reset) << unknown;
    round();
    EXPECT_EQ(next(a), Numbers{}) << unknown;
  }
  auto a = follow("a", id(3));
  EXPECT_EQ(next(a), (Numbers{4, 5}));
}

TEST_P(LiveTest, ReadsNoMoreAtOnceThanAStreamMayKeep) {
  // Of 24 KiB.
  for (const auto& [bytes, pages] : {std::pair{10'000, 3}, std::pair{50'000, 6}}) {
    const auto before = follow("a").opening;
    for (int i = 0; i < 6; ++i) happen("a", '"' + std::string(static_cast<std::size_t>(bytes), 'x') + '"');
    auto a = follow("a", before.substr(4, before.size() - 6));
    const int reads = log_.reads;
    EXPECT_EQ(next(a).size(), 6U);
    EXPECT_EQ(log_.reads - reads, pages) << bytes;
  }
}

TEST_P(LiveTest, SaysSoWhereItIsTrimmedBeforeAClientHasReadIt) {
  for (int i = 0; i < 40; ++i) happen("a");
  auto a = follow("a", id(0));
  const auto first = run(a.stream->take());
  EXPECT_TRUE(first->starts_with("id: " + id(1) + '\n'));
  trim_through(20);
  // What was read already, and then what is known.
  Numbers read;
  for (std::int64_t s = 2; s <= 16; ++s) read.push_back(s);
  read.push_back(40);
  std::string last;
  Numbers got;
  while (const auto text = run(a.stream->take())) {
    last = *text;
    got.push_back(std::stoll(text->substr(text->find(log_id()) + log_id().size() + 1)));
  }
  EXPECT_EQ(got, read);
  EXPECT_EQ(last, "id: " + id(40) + "\nevent: reset\ndata: {}\n\n");
  happen("a");
  round();
  EXPECT_EQ(next(a), Numbers{41});
}

TEST_P(LiveTest, TellsAClientToWhomNothingHappenedNothingOfTrims) {
  auto a = follow("a");
  for (int i = 0; i < 5; ++i) happen("b");
  round();
  trim_through(3);
  // Not kept, but read again.
  happen("a", '"' + std::string(50'000, 'x') + '"');
  round();
  const auto text = run(a.stream->take());
  EXPECT_TRUE(text->starts_with("id: " + id(6) + "\nevent: e\n")) << text->substr(0, 100);
}

TEST_P(LiveTest, EndsStreamsWhereItWasTrimmedBeforeItReadOn) {
  auto a = follow("a");
  round();
  for (int i = 0; i < 5; ++i) happen("a");
  trim_through(3);
  round();
  EXPECT_EQ(a.stream->ended(), http::StreamEnd::failed);
  auto later = follow("a");
  a.stream.reset();
  happen("a");
  round();
  round();
  EXPECT_EQ(next(later), Numbers{6});
}

TEST_P(LiveTest, ReadsNothingWhileNobodyFollows) {
  happen("a");
  round();
  EXPECT_EQ(log_.reads, 0);
  {
    auto a = follow("a");
    happen("a");
    round();
    EXPECT_EQ(next(a), Numbers{2});
  }
  const int before = log_.reads;
  for (int i = 0; i < 600; ++i) happen("a");
  round();
  EXPECT_EQ(log_.reads, before);
  // Whoever comes now is not told what nobody heard.
  auto a = follow("a");
  happen("a");
  round();
  EXPECT_EQ(next(a), Numbers{603});
}

TEST_P(LiveTest, ReadsForAllAtOnce) {
  std::vector<Follower> all;
  for (int i = 0; i < 50; ++i) all.push_back(follow("s" + std::to_string(i % 10)));
  round();
  const int before = log_.reads;
  happen("s3");
  round();
  EXPECT_EQ(log_.reads, before + 1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(next(all[i]), (i % 10 == 3 ? Numbers{1} : Numbers{})) << i;
}

TEST_P(LiveTest, EndsWithTheToken) {
  const auto a = follow("a", "", kNow + 5min);
  const auto left = a.stream->ends_at() - std::chrono::steady_clock::now();
  EXPECT_LE(left, 5min);
  EXPECT_GT(left, 4min);
  constexpr Timestamp kYear9999{std::chrono::seconds(253'402'300'799)};
  const auto longest = follow("b", "", kYear9999);
  EXPECT_GT(longest.stream->ends_at() - std::chrono::steady_clock::now(), 24h * 365);
}

INSTANTIATE_TEST_SUITE_P(Engines, LiveTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::events
