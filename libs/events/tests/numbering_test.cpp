// Numbers are given to what has committed, in an order that no reader can see change. PostgreSQL alone: SQLite's one
// writer numbers on insert.

#include "libs/events/numbering.hpp"

#include <future>
#include <map>
#include <random>
#include <thread>

#include <boost/asio/detached.hpp>

#include "libs/events/event_log.hpp"
#include "libs/events/outbox.hpp"
#include "libs/events/tests/log_schema.hpp"
#include "libs/testing/run.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::events {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr auto kTopic = "agora.orders";
constexpr sql::Sql kCounters{"CREATE TABLE counters (subject TEXT PRIMARY KEY, version BIGINT NOT NULL)"};
constexpr sql::Sql kAddCounter{"INSERT INTO counters VALUES ($1, 0)"};
constexpr sql::Sql kRaise{"UPDATE counters SET version = version + 1 WHERE subject = $1"};
constexpr sql::Sql kVersion{"SELECT version FROM counters WHERE subject = $1"};

/// An event as a reader saw it.
struct Seen {
  std::string subject{};
  std::int64_t version = 0;
  std::int64_t sequence = 0;
};

class NumberingTest : public ::testing::Test {
 protected:
  void SetUp() override { database_->migrate(kLogMigrations); }

  static void add(sql::Tx& tx, const std::string& subject, std::int64_t version) {
    Outbox outbox(kNow);
    outbox.add(kTopic, "order.placed", subject, version, {}) += "{}";
    outbox.write(tx);
  }
  static std::int64_t number(sql::Database& database, std::int64_t max = 100) {
    return database.write_blocking({}, [max](sql::Tx& tx) { return number_committed(tx, max); });
  }

  /// Goes on from `at` by one page.
  std::vector<Seen> read_page(std::optional<Position>& at) {
    const ReadRequest request{.topics = {kTopic}, .after = at};
    const auto page = database_->read_blocking({}, [&](sql::Tx& tx) { return log_.read_after(tx, request).value(); });
    at = page.next;
    const auto document = json::Document::parse(page.events).value();
    std::vector<Seen> seen;
    for (auto node = document.root().first(); node; node = node->next()) {
      seen.push_back({std::string(node->member("subject")->text()),
                      std::stoll(std::string(node->member("version")->text())),
                      std::stoll(std::string(node->member("sequence")->text()))});
    }
    return seen;
  }
  std::vector<Seen> read_all() {
    std::optional<Position> at;
    std::vector<Seen> all;
    for (auto page = read_page(at); !page.empty(); page = read_page(at))
      all.insert(all.end(), page.begin(), page.end());
    return all;
  }
  LogState state() {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return log_.state(tx); });
  }

  testing::TemporaryDatabase database_{sql::Engine::postgresql, {.writers = 8}};
  EventLog log_{"order", {}};
};

TEST_F(NumberingTest, WhatIsNotNumberedIsNotThere) {
  database_->write_blocking({}, [](sql::Tx& tx) { add(tx, "o1", 1); });
  EXPECT_TRUE(read_all().empty());
  EXPECT_EQ(state().head, 0);
  EXPECT_EQ(number(*database_), 1);
  EXPECT_EQ(read_all().size(), 1U);
  EXPECT_EQ(state().head, 1);
  EXPECT_EQ(number(*database_), 0) << "once";
  EXPECT_EQ(state().head, 1);
}

TEST_F(NumberingTest, WhatCommitsLateComesAfterWhatWasRead) {
  std::promise<void> inserted;
  std::promise<void> go;
  std::thread late([&] {
    database_->write_blocking({}, [&](sql::Tx& tx) {
      add(tx, "late", 1);
      inserted.set_value();
      go.get_future().wait();
    });
  });
  inserted.get_future().wait();
  database_->write_blocking({}, [](sql::Tx& tx) { add(tx, "early", 1); });
  EXPECT_EQ(number(*database_), 1);
  std::optional<Position> at;
  EXPECT_EQ(read_page(at).front().subject, "early");
  go.set_value();
  late.join();
  EXPECT_EQ(number(*database_), 1);
  const auto after = read_page(at);
  ASSERT_EQ(after.size(), 1U) << "who stands past the early one does not miss it";
  EXPECT_EQ(after.front().subject, "late");
}

TEST_F(NumberingTest, ALimitTakesTheOldest) {
  for (std::int64_t version = 1; version <= 7; ++version) {
    database_->write_blocking({}, [version](sql::Tx& tx) { add(tx, "o1", version); });
  }
  EXPECT_EQ(number(*database_, 3), 3);
  EXPECT_EQ(read_all().back().version, 3);
  EXPECT_EQ(number(*database_, 3), 3);
  EXPECT_EQ(number(*database_, 3), 1);
  EXPECT_EQ(read_all().back().version, 7);
}

TEST_F(NumberingTest, TheHeadIsRememberedWhenAllIsTrimmed) {
  database_->write_blocking({}, [](sql::Tx& tx) { add(tx, "o1", 1); });
  number(*database_);
  database_->write_blocking({}, [](sql::Tx& tx) { tx.run_script("DELETE FROM outbox_numbers; DELETE FROM outbox"); });
  database_->write_blocking({}, [](sql::Tx& tx) { add(tx, "o1", 2); });
  number(*database_);
  EXPECT_EQ(read_all().front().sequence, 2);
}

/// Writers of few subjects that commit in any order, two replicas that number, and a reader all along.
TEST_F(NumberingTest, UnderARaceNothingIsLostDoubledOrOutOfOrder) {
  constexpr int kWriters = 6;
  constexpr int kRounds = 60;
  constexpr int kSubjects = 5;
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  database_->write_blocking({}, [](sql::Tx& tx) {
    tx.execute(kCounters);
    for (int i = 0; i < kSubjects; ++i) tx.execute_one(kAddCounter, {"s" + std::to_string(i)});
  });
  telemetry::Registry metrics;
  const auto replica = sql::Database::open(database_.url(), {}, metrics);

  std::atomic<bool> written = false;
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      std::minstd_rand random(seed + static_cast<unsigned>(i));
      for (int round = 0; round < kRounds; ++round) {
        const auto first = random() % kSubjects;
        const auto pause = random() % 3;
        database_->write_blocking({}, [&](sql::Tx& tx) {
          // In the order of subjects, as everybody locks.
          for (auto subject = first; subject < std::min<unsigned>(first + 2, kSubjects); ++subject) {
            const auto name = "s" + std::to_string(subject);
            tx.execute_one(kRaise, {name});
            std::int64_t version = 0;
            {
              auto rows = tx.query(kVersion, {name});
              rows.next();
              version = rows.int64(0);
            }
            add(tx, name, version);
          }
          for (unsigned n = 0; n < pause; ++n) std::this_thread::yield();
        });
      }
    });
  }
  const auto keep_numbering = [&](sql::Database& database) {
    while (true) {
      const bool last_time = written;
      const auto count = number(database, 7);
      if (last_time && count == 0) return;
    }
  };
  std::thread here([&] { keep_numbering(*database_); });
  std::thread there([&] { keep_numbering(*replica); });
  std::atomic<bool> numbered = false;
  std::vector<Seen> seen;
  std::thread reader([&] {
    std::optional<Position> at;
    while (true) {
      const bool last_time = numbered;
      const auto page = read_page(at);
      seen.insert(seen.end(), page.begin(), page.end());
      if (last_time && page.empty()) return;
    }
  });
  for (auto& writer : writers) writer.join();
  written = true;
  here.join();
  there.join();
  numbered = true;
  reader.join();

  std::map<std::string, std::int64_t> versions;
  std::int64_t sequence = 0;
  for (const auto& event : seen) {
    EXPECT_EQ(event.sequence, ++sequence) << "no number is passed over";
    EXPECT_EQ(event.version, ++versions[event.subject]) << event.subject;
  }
  for (int i = 0; i < kSubjects; ++i) {
    const auto name = "s" + std::to_string(i);
    const auto last = database_->read_blocking({}, [&](sql::Tx& tx) {
      auto rows = tx.query(kVersion, {name});
      rows.next();
      return rows.int64(0);
    });
    EXPECT_EQ(versions[name], last);
  }
}

/// Two replicas, each with its loop: what one commits, both hear of.
TEST_F(NumberingTest, EveryReplicaHearsThatTheLogGrew) {
  telemetry::Registry metrics;
  const auto replica = sql::Database::open(database_.url(), {}, metrics);
  asio::io_context io;
  int here = 0;
  int there = 0;
  Numbering numbering(io, *database_, {}, [&] { ++here; }, metrics);
  Numbering other(io, *replica, {}, [&] { ++there; }, metrics);
  const auto until = [&](auto condition) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) io.run_one_for(100ms);
    return condition();
  };
  ASSERT_TRUE(until([&] { return here > 0 && there > 0; })) << "each once, as it begins";
  for (int round = 1; round <= 5; ++round) {
    const auto before = std::pair(here, there);
    auto& writer = round % 2 == 0 ? *database_ : *replica;
    writer.write_blocking({}, [&](sql::Tx& tx) { add(tx, "o1", round); });
    EXPECT_TRUE(until([&] { return here > before.first && there > before.second && state().head == round; }));
  }
  const auto stop = [](Numbering& one, Numbering& two) -> Task<void> {
    co_await one.stop();
    co_await two.stop();
  };
  asio::co_spawn(io, stop(numbering, other), asio::detached);
  io.run();
}

}  // namespace
}  // namespace agora::events
