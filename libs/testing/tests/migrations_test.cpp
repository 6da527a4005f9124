#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

class MigrationsTest : public ::testing::TestWithParam<Engine> {
 protected:
  testing::TemporaryDatabase database_{GetParam()};
};

constexpr Migration kFirst{1, "0001_boxes", "CREATE TABLE boxes (name TEXT COLLATE \"C\" PRIMARY KEY);"};
constexpr Migration kSecond{
    2, "0002_lids",
    "-- only: sqlite\nCREATE TABLE lids (id INTEGER PRIMARY KEY);\n-- end\n"
    "-- only: postgresql\nCREATE TABLE lids (id BIGINT GENERATED ALWAYS AS IDENTITY);\n-- end\n"};

TEST_P(MigrationsTest, RunOnceEachInOrder) {
  database_->migrate(std::array{kFirst});
  database_->migrate(std::array{kFirst, kSecond});
  database_->migrate(std::array{kFirst, kSecond});
  const auto tables = database_->read_blocking({}, [](Tx& tx) {
    static constexpr Sql kBoth{"SELECT (SELECT count(*) FROM boxes) + (SELECT count(*) FROM lids)"};
    auto rows = tx.query(kBoth);
    rows.next();
    return rows.int64(0);
  });
  EXPECT_EQ(tables, 0);
}

TEST_P(MigrationsTest, RefuseATextThatChangedAfterItLanded) {
  database_->migrate(std::array{kFirst});
  const Migration edited{1, "0001_boxes", "CREATE TABLE boxes (name TEXT);"};
  EXPECT_THROW(database_->migrate(std::array{edited}), DatabaseError);
}

TEST_P(MigrationsTest, RefuseADatabaseNewerThanTheProgram) {
  database_->migrate(std::array{kFirst, kSecond});
  EXPECT_THROW(database_->migrate(std::array{kFirst}), DatabaseError);
}

TEST_P(MigrationsTest, RefuseAStepTheyDoNotKnowAlsoWhenOneIsMissing) {
  const Migration foreign{3, "0003_foreign", "CREATE TABLE foreign_steps (n BIGINT);"};
  database_->migrate(std::array{kFirst, foreign});
  EXPECT_THROW(database_->migrate(std::array{kFirst, kSecond}), DatabaseError);
}

TEST_P(MigrationsTest, LeaveNothingBehindWhenOneFails) {
  const Migration broken{2, "0002_broken", "CREATE TABLE half (id BIGINT); CREATE TABLE boxes (id BIGINT);"};
  EXPECT_THROW(database_->migrate(std::array{kFirst, broken}), DatabaseError);
  database_->migrate(std::array{kFirst});
}

TEST_P(MigrationsTest, SayWhenAStepWasAppliedAlsoWhereTheFirstReleasesDidNot) {
  static constexpr Sql kOld{
      "CREATE TABLE schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"};
  database_->write_blocking({}, [](Tx& tx) { tx.execute(kOld); });
  database_->migrate(std::array{kFirst});
  const auto applied = database_->read_blocking({}, [](Tx& tx) {
    static constexpr Sql kApplied{"SELECT applied_at FROM schema_migrations"};
    auto rows = tx.query(kApplied);
    rows.next();
    return rows.time(0);
  });
  const auto age = SystemClock().now() - applied;
  EXPECT_GE(age, std::chrono::seconds(-1));
  EXPECT_LE(age, std::chrono::minutes(1));
}

INSTANTIATE_TEST_SUITE_P(Engines, MigrationsTest, testing::kEngines, testing::engine_name);

TEST(MigrationText, LeavesOutTheOtherEnginesBlocksAndCollationOnSqlite) {
  const std::string text = "a COLLATE \"C\"\n-- only: sqlite\ns\n-- end\n-- only: postgresql\np\n-- end\nz\n";
  EXPECT_EQ(text_for(Engine::sqlite, text), "a\ns\nz\n");
  EXPECT_EQ(text_for(Engine::postgresql, text), "a COLLATE \"C\"\np\nz\n");
}

TEST(MigrationText, RefusesUnbalancedBlocks) {
  EXPECT_THROW(text_for(Engine::sqlite, "-- only: sqlite\n"), std::invalid_argument);
  EXPECT_THROW(text_for(Engine::sqlite, "-- end\n"), std::invalid_argument);
  EXPECT_THROW(text_for(Engine::sqlite, "-- only: sqlite\n-- only: postgresql\n-- end\n-- end\n"),
               std::invalid_argument);
}

}  // namespace
}  // namespace agora::sql
