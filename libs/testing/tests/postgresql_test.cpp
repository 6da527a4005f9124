// What PostgreSQL adds to the promises of every engine: connections that end, commits of unknown outcome, transactions
// that the server wants run again.

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
  bool counted(const std::string& line) { return database_.metrics().find(line + "\n") != std::string::npos; }
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
  EXPECT_TRUE(counted("agora_sql_unknown_commits_total 1"));
  run_script("DROP TRIGGER at_commit ON t");
  insert(2);
}

TEST_F(Postgresql, AConnectionLostBeforeCommitWasSentRunsAgainOnANewOne) {
  static constexpr Sql kEndMe{"", "SELECT pg_terminate_backend(pg_backend_pid(), 5000)"};
  int runs = 0;
  database_->write_blocking({}, [&](Tx& tx) {
    tx.execute_one(kInsert, {1});
    if (++runs == 1) tx.query(kEndMe);
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), 1);
  EXPECT_TRUE(counted("agora_sql_retries_total{sqlstate=\"connection\"} 1"));

  runs = 0;
  const auto always = [&](Tx& tx) {
    ++runs;
    tx.query(kEndMe);
  };
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, always); }), DatabaseError::Kind::unavailable);
  EXPECT_EQ(runs, 1 + Limits{}.retries_max);
  insert(2);
}

TEST_F(Postgresql, AnErrorThatNobodyWaitedForStopsTheCommit) {
  const auto twice = [](Tx& tx) {
    tx.execute_one(kInsert, {7});
    tx.execute_one(kInsert, {7});
  };
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, twice); }), DatabaseError::Kind::failed);
  static constexpr Sql kDelete{"DELETE FROM t WHERE n = $1"};
  const auto missing = [](Tx& tx) {
    Batch batch(kDelete, 1);
    batch.add({7});
    tx.batch(batch);
  };
  EXPECT_EQ(kind_of_error([&] { database_->write_blocking({}, missing); }), DatabaseError::Kind::row_count);
  EXPECT_EQ(count(), 0);
  insert(7);
}

TEST_F(Postgresql, ABatchLargerThanTheSocketsBuffersIsWrittenWhole) {
  constexpr int kRows = 200'000;
  const auto counts = database_->write_blocking({}, [](Tx& tx) {
    Batch batch(kInsert, 1);
    for (int n = 0; n < kRows; ++n) batch.add({n});
    return tx.batch_counts(batch);
  });
  EXPECT_EQ(counts, std::vector<std::int64_t>(kRows, 1));
  EXPECT_EQ(count(), kRows);
}

TEST(PostgresqlUrl, IsNeverQuoted) {
  telemetry::Registry metrics;
  for (const auto* url : {"postgresql://agora:hunter2%@127.0.0.1/x", "postgresql://agora:hunter2@127.0.0.1:1/x"}) {
    std::string said;
    try {
      const auto database = Database::open(url, {}, metrics);
      database->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
    } catch (const std::exception& error) {
      said = error.what();
    }
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(said.find("hunter2"), std::string::npos) << said;
  }
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
  EXPECT_TRUE(counted("agora_sql_retries_total{sqlstate=\"40001\"} " + std::to_string(2 + Limits{}.retries_max)));
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

}  // namespace
}  // namespace agora::sql
