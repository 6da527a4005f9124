// What PostgreSQL adds to the promises of every engine: connections that end, commits of unknown outcome, transactions
// that the server wants run again.

#include <barrier>
#include <thread>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

constexpr Sql kCreate{"CREATE TABLE t (n BIGINT PRIMARY KEY)"};
constexpr Sql kInsert{"INSERT INTO t (n) VALUES ($1)"};
constexpr Sql kCount{"SELECT count(*) FROM t"};
constexpr Sql kLockAll{"SELECT n FROM t FOR UPDATE"};

Limits one_writer() {
  Limits limits;
  limits.writers = 1;
  limits.readers = 1;
  return limits;
}

class Postgresql : public ::testing::Test {
 protected:
  void SetUp() override {
    database_->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
  }
  void insert(std::int64_t n) {
    database_->write_blocking({}, [n](Tx& tx) { tx.execute_one(kInsert, {n}); });
  }
  std::int64_t count() {
    return database_->read_blocking({}, [](Tx& tx) {
      auto rows = tx.query(kCount);
      rows.next();
      return rows.int64(0);
    });
  }
  void run_script(const std::string& script) {
    database_->write_blocking({}, [&](Tx& tx) { tx.run_script(script); });
  }

  testing::TemporaryDatabase database_{Engine::postgresql, one_writer()};
};

/// The kind of the DatabaseError that `call` throws; none if it throws nothing.
template <class Call>
std::optional<DatabaseError::Kind> kind_of_error(Call call) {
  try {
    call();
  } catch (const DatabaseError& error) {
    return error.kind();
  }
  return std::nullopt;
}

TEST_F(Postgresql, AConnectionThatTheServerEndedIsMadeAnewUnnoticed) {
  insert(1);
  EXPECT_EQ(count(), 1);
  testing::TemporaryDatabase other(Engine::postgresql);
  other->write_blocking({}, [](Tx& tx) {
    static constexpr Sql kEndOthers{
        "",
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = current_setting('application_name') AND datname <> current_database()"};
    auto rows = tx.query(kEndOthers);
    int ended = 0;
    while (rows.next()) ++ended;
    EXPECT_EQ(ended, 2) << "the writer and the reader";
  });
  insert(2);
  EXPECT_EQ(count(), 2);
}

TEST_F(Postgresql, AConnectionLostWhileCommittingIsAnUnknownCommitAndNotRunAgain) {
  run_script(
      "CREATE FUNCTION end_me() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; "
      "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED "
      "FOR EACH ROW EXECUTE FUNCTION end_me();");
  int runs = 0;
  const auto work = [&](Tx& tx) {
    ++runs;
    tx.execute_one(kInsert, {1});
  };
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, work); }), DatabaseError::Kind::unknown_commit);
  EXPECT_EQ(runs, 1);
  run_script("DROP TRIGGER at_commit ON t");
  insert(2);
}

TEST_F(Postgresql, ASerializationFailureRunsAgainUntilItIsEnough) {
  run_script(
      "CREATE FUNCTION collide() RETURNS bigint LANGUAGE plpgsql AS "
      "'BEGIN RAISE EXCEPTION ''collided'' USING ERRCODE = ''40001''; END';");
  static constexpr Sql kCollide{"", "SELECT collide()"};
  const auto colliding = [](int& runs, int times) {
    return [&runs, times](Tx& tx) {
      tx.execute_one(kInsert, {times});
      if (++runs <= times) tx.query(kCollide);
    };
  };
  int runs = 0;
  database_->write_blocking({}, colliding(runs, 2));
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(count(), 1);

  runs = 0;
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, colliding(runs, 1'000)); }),
            DatabaseError::Kind::serialization);
  EXPECT_EQ(runs, 1 + Limits{}.retries_max);
  EXPECT_EQ(count(), 1);
}

TEST_F(Postgresql, AWorkThatGoesOnAfterAnSqlErrorIsRefusedByItsCommitTag) {
  insert(1);
  const auto hiding = [](Tx& tx) {
    try {
      tx.execute(kInsert, {1});
    } catch (const DatabaseError&) {
      // COMMIT will be answered all the same, with the tag ROLLBACK.
    }
  };
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, hiding); }), DatabaseError::Kind::failed);
}

TEST(PostgresqlLocks, AreWaitedForUntilTheDeadlineAndNoLonger) {
  testing::TemporaryDatabase database(Engine::postgresql);
  database->write_blocking({}, [](Tx& tx) {
    tx.execute(kCreate);
    tx.execute_one(kInsert, {1});
  });
  std::barrier held(2);
  std::barrier finish(2);
  std::thread holder([&] {
    database->write_blocking({}, [&](Tx& tx) {
      {
        auto rows = tx.query(kLockAll);
        rows.next();
      }
      held.arrive_and_wait();
      finish.arrive_and_wait();
    });
  });
  held.arrive_and_wait();
  Ctx impatient;
  impatient.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  const auto lock = [](Tx& tx) { tx.query(kLockAll); };
  EXPECT_EQ(kind_of_error([&] { database->write_blocking(impatient, lock); }), DatabaseError::Kind::deadline);
  finish.arrive_and_wait();
  holder.join();
}

}  // namespace
}  // namespace agora::sql
