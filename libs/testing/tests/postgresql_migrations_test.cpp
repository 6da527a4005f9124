// Migrations on PostgreSQL: several processes at once, tables in use, steps that take long.

#include <thread>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

constexpr Migration kBoxes{1, "0001_boxes", "CREATE TABLE boxes (name TEXT COLLATE \"C\" PRIMARY KEY);"};
constexpr Migration kSlow{1, "0001_slow", "SELECT pg_sleep(0.3); CREATE TABLE slow (n BIGINT);"};
constexpr Migration kLids{2, "0002_lids", "ALTER TABLE boxes ADD COLUMN lid BIGINT;"};

TEST(PostgresqlMigrations, OfProcessesThatStartAtOnceOneMigratesAndTheOthersWait) {
  testing::TemporaryDatabase database(Engine::postgresql);
  std::vector<std::thread> starting;
  std::atomic<int> started{0};
  for (int i = 0; i < 4; ++i) {
    starting.emplace_back([&] {
      telemetry::Registry metrics;
      const auto own = Database::open(database.url(), {}, metrics);
      own->migrate(std::array{kSlow});
      ++started;
    });
  }
  for (auto& thread : starting) thread.join();
  EXPECT_EQ(started, 4);
}

TEST(PostgresqlMigrations, MayTakeLongerThanAnyStatementOfARequest) {
  Limits limits;
  limits.statement_time_max = std::chrono::milliseconds(50);
  testing::TemporaryDatabase database(Engine::postgresql, limits);
  database->migrate(std::array{kSlow});
}

TEST(PostgresqlMigrations, WaitForATableNoLongerThanTheyAreAllowedAndChangeNothingThen) {
  Limits limits;
  limits.migration_lock_wait_max = std::chrono::milliseconds(50);
  testing::TemporaryDatabase database(Engine::postgresql, limits);
  database->migrate(std::array{kBoxes});
  database->write_blocking({}, [&](Tx& tx) {
    static constexpr Sql kUse{"", "LOCK TABLE boxes IN ACCESS SHARE MODE"};
    tx.execute(kUse);
    try {
      database->migrate(std::array{kBoxes, kLids});
      ADD_FAILURE() << "the table was in use";
    } catch (const DatabaseError& error) {
      EXPECT_EQ(error.kind(), DatabaseError::Kind::deadline);
    }
  });
  database->migrate(std::array{kBoxes, kLids});
}

}  // namespace
}  // namespace agora::sql
