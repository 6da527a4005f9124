// Leases: one holder at a time, and of two that believe to be it at most one that writes.

#include "libs/sql/lease.hpp"

#include <array>
#include <atomic>
#include <barrier>
#include <random>
#include <thread>

#include "libs/testing/run.hpp"
#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 1h;
/// Free again as soon as it was taken.
constexpr auto kNoTime = 0ms;

class LeaseTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    const std::array<Migration, 2> migrations{{{1, "leases", kLeasesSchema}, {2, "written", kWritten}}};
    database_->migrate(migrations);
  }

  std::optional<Fence> hold(Lease& lease, Lease::Renew renew = Lease::Renew::now) {
    return testing::run(lease.hold({}, renew));
  }
  /// As if the lease's time were over.
  void expire() {
    database_->write_blocking({}, [](Tx& tx) { tx.run_script("UPDATE leases SET expires_at = 0"); });
  }
  bool stands(const Fence& fence) {
    return database_->write_blocking({}, [&](Tx& tx) { return sql::stands(tx, fence); });
  }
  std::int64_t number(std::string_view statement) {
    const std::string text(statement);
    const Sql sql(text.c_str());
    return database_->read_blocking({}, [&](Tx& tx) {
      auto rows = tx.query(sql);
      rows.next();
      return rows.int64(0);
    });
  }

  static constexpr std::string_view kWritten = R"(CREATE TABLE written (
-- only: sqlite
  id INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgresql
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
  fencing BIGINT NOT NULL
);
)";

  testing::TemporaryDatabase database_{GetParam()};
};

constexpr Sql kWrite{"INSERT INTO written (fencing) VALUES ($1)"};
constexpr Sql kRead{"SELECT fencing FROM written ORDER BY id"};

TEST_P(LeaseTest, OneHolderAtATimeAndARisingNumber) {
  Lease first(*database_, "trim", kLong);
  Lease second(*database_, "trim", kLong);
  Lease other(*database_, "relay", kLong);
  EXPECT_EQ(hold(first)->number, 1);
  EXPECT_EQ(hold(second), std::nullopt);
  EXPECT_EQ(hold(first)->number, 1) << "renewed";
  EXPECT_EQ(hold(other)->number, 1) << "another name is another lease";
  expire();
  EXPECT_EQ(hold(first)->number, 1) << "its time was over, and nobody took it";
  expire();
  EXPECT_EQ(hold(second)->number, 2);
  EXPECT_EQ(hold(first), std::nullopt);
  expire();
  EXPECT_EQ(hold(first)->number, 3);
}

TEST_P(LeaseTest, AHolderThatWasReplacedDoesNotPassTheFence) {
  Lease first(*database_, "trim", kNoTime);
  Lease second(*database_, "trim", kLong);
  const auto old = hold(first).value();
  EXPECT_TRUE(stands(old)) << "its time is over, but it is nobody else's";
  const auto now = hold(second).value();
  EXPECT_FALSE(stands(old));
  EXPECT_TRUE(stands(now));
  // It has slept all along, and believes what it was told.
  EXPECT_EQ(hold(first), std::nullopt);
}

TEST_P(LeaseTest, IsRenewedWhenAThirdOfItsTimeIsOver) {
  Lease lease(*database_, "trim", kLong);
  Lease other(*database_, "trim", kLong);
  hold(lease);
  expire();
  EXPECT_EQ(hold(lease, Lease::Renew::when_due)->number, 1) << "not due: it does not ask";
  EXPECT_EQ(hold(other)->number, 2);
  EXPECT_EQ(hold(lease, Lease::Renew::when_due)->number, 1) << "it does not know yet; the fence does";
  Lease short_one(*database_, "short", kNoTime);
  Lease next(*database_, "short", kLong);
  hold(short_one);
  hold(next);
  EXPECT_EQ(hold(short_one, Lease::Renew::when_due), std::nullopt) << "due at once";
}

TEST_P(LeaseTest, WhatIsGivenBackIsFreeAtOnce) {
  Lease first(*database_, "trim", kLong);
  Lease second(*database_, "trim", kLong);
  hold(first);
  testing::run(first.release({}));
  EXPECT_EQ(hold(second)->number, 2);
  testing::run(first.release({}));
  EXPECT_EQ(hold(first), std::nullopt) << "what is not held is not given back";
}

TEST_P(LeaseTest, OfTwentyThatWantItOneHasIt) {
  std::barrier start(20);
  std::atomic<int> winners = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i) {
    threads.emplace_back([&] {
      Lease lease(*database_, "trim", kLong);
      start.arrive_and_wait();
      if (hold(lease)) ++winners;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(number("SELECT fencing FROM leases"), 1);
}

TEST_P(LeaseTest, WhatIsWrittenUnderTheFenceNeverGoesBackToAnOlderHolder) {
  // The lease has no time at all: whoever asks takes it, in the middle of what the holder before writes.
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(static_cast<unsigned>(i) + 1);
      Lease lease(*database_, "trim", kNoTime);
      for (int round = 0; round < 40; ++round) {
        const auto fence = hold(lease);
        if (!fence) continue;
        for (unsigned writes = random() % 4; writes > 0; --writes) {
          database_->write_blocking({}, [&](Tx& tx) {
            if (!sql::stands(tx, *fence)) return;
            std::this_thread::yield();
            tx.execute_one(kWrite, {fence->number});
          });
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::int64_t last = 0;
  std::int64_t count = 0;
  database_->read_blocking({}, [&](Tx& tx) {
    auto rows = tx.query(kRead);
    for (; rows.next(); ++count) {
      EXPECT_GE(rows.int64(0), last);
      last = rows.int64(0);
    }
  });
  EXPECT_GT(count, 0);
  EXPECT_GT(last, 6) << "it went from hand to hand";
}

INSTANTIATE_TEST_SUITE_P(Engines, LeaseTest, testing::kEngines, testing::engine_name);

using PostgresqlLease = LeaseTest;

TEST_P(PostgresqlLease, CannotBeTakenWhileItsHolderWrites) {
  Lease first(*database_, "trim", kNoTime);
  const auto fence = hold(first).value();
  std::promise<void> inside;
  std::promise<void> go;
  std::thread writer([&] {
    database_->write_blocking({}, [&](Tx& tx) {
      ASSERT_TRUE(sql::stands(tx, fence));
      inside.set_value();
      go.get_future().wait();
      tx.execute_one(kWrite, {fence.number});
    });
  });
  inside.get_future().wait();
  std::thread taker([&] {
    Lease second(*database_, "trim", kLong);
    EXPECT_EQ(hold(second)->number, 2);
    EXPECT_EQ(number("SELECT count(*) FROM written"), 1) << "it came after what the first wrote";
  });
  while (number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0) std::this_thread::yield();
  go.set_value();
  writer.join();
  taker.join();
  EXPECT_FALSE(stands(fence));
}

INSTANTIATE_TEST_SUITE_P(Engines, PostgresqlLease, ::testing::Values(Engine::postgresql), testing::engine_name);

}  // namespace
}  // namespace agora::sql
