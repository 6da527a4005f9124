// Who waits for whom on PostgreSQL: spans gather behind a lock, nobody waits beyond its time, and a process that stops
// does not hold the others up.

#include <algorithm>
#include <future>
#include <random>
#include <thread>

#include <libpq-fe.h>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr Sql kCreate{"CREATE TABLE t (n BIGINT PRIMARY KEY, taken BIGINT NOT NULL DEFAULT 0)"};
constexpr Sql kInsert{"INSERT INTO t (n) VALUES ($1)"};
constexpr Sql kLock{"", "SELECT n FROM t WHERE n = $1 FOR UPDATE"};
constexpr Sql kTake{"UPDATE t SET taken = taken + 1 WHERE n = $1"};

Ctx within(Milliseconds time) {
  Ctx ctx;
  ctx.deadline = std::chrono::steady_clock::now() + time;
  return ctx;
}

/// A session beside the database's own, that stops wherever a test wants it to.
class Session {
 public:
  /// Of a process of ours, or of somebody else.
  enum class Whose { others, ours };
  explicit Session(const std::string& url, Whose whose = Whose::others)
      : db_(PQconnectdb((url + "?application_name=" +
                         (whose == Whose::ours ? program_invocation_short_name + std::string("/stopped") : "other"))
                            .c_str())) {}
  ~Session() { PQfinish(db_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  bool run(const std::string& statement) {
    PGresult* result = PQexec(db_, statement.c_str());
    const auto status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
  }
  /// As far as a writer comes that is stopped between two statements of a batch.
  void stop_in_a_pipeline(const std::string& statement) {
    PQenterPipelineMode(db_);
    PQsendQueryParams(db_, statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
    PQsendFlushRequest(db_);
    PQflush(db_);
    PQclear(PQgetResult(db_));
  }

 private:
  PGconn* db_;
};

bool somebody_waits_for_a_lock(Database& database) {
  return database.read_blocking({}, [](Tx& tx) {
    static constexpr Sql kWaits{
        "", "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"};
    auto rows = tx.query(kWaits);
    return rows.next();
  });
}

class PostgresqlLocks : public ::testing::Test {
 protected:
  static Limits limits() {
    Limits limits;
    limits.writers = 2;
    limits.readers = 1;
    return limits;
  }
  void SetUp() override {
    database_->write_blocking({}, [](Tx& tx) {
      tx.execute(kCreate);
      for (int n = 0; n < 10; ++n) tx.execute_one(kInsert, {n});
    });
  }
  /// How long the lock of row 1 is waited for.
  Milliseconds wait_for_lock() {
    const auto began = std::chrono::steady_clock::now();
    database_->write_blocking(within(Milliseconds(20'000)), [](Tx& tx) { tx.query(kLock, {1}); });
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - began);
  }
  std::int64_t number(const Sql& sql) {
    return database_->read_blocking({}, [&sql](Tx& tx) {
      auto rows = tx.query(sql);
      rows.next();
      return rows.int64(0);
    });
  }

  testing::TemporaryDatabase database_{Engine::postgresql, limits()};
};

TEST_F(PostgresqlLocks, AreWaitedForUntilTheDeadlineAndNoLonger) {
  Session holder(database_.url());
  ASSERT_TRUE(holder.run("SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT n FROM t WHERE n = 1 FOR UPDATE"));
  try {
    database_->write_blocking(within(Milliseconds(100)), [](Tx& tx) { tx.query(kLock, {1}); });
    FAIL() << "the lock was given twice";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::deadline);
  }
}

/// One writer, kept busy until commands have gathered behind it.
class PostgresqlSpans : public ::testing::Test {
 protected:
  static Limits limits() {
    Limits limits;
    limits.writers = 1;
    return limits;
  }
  void SetUp() override {
    database_->write_blocking({}, [](Tx& tx) {
      tx.execute(kCreate);
      tx.execute_one(kInsert, {1});
    });
  }
  /// Has each command wait as long as it may, all in one span; the answers of those that got one.
  std::vector<int> ask(Span<int, int>& span, const std::vector<Milliseconds>& patience,
                       const std::function<void()>& meanwhile) {
    std::promise<void> gathered;
    auto until_gathered = gathered.get_future();
    std::promise<void> taken;
    std::thread busy([&] {
      database_->write_blocking({}, [&](Tx&) {
        taken.set_value();
        until_gathered.wait();
      });
    });
    taken.get_future().wait();
    std::vector<int> answers(patience.size(), -1);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < patience.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          answers[i] = span.blocking(within(patience[i]), static_cast<int>(i));
        } catch (const DatabaseError&) {
          // It has no answer.
        }
      });
    }
    const auto waiting = "agora_sql_waiting_writes " + std::to_string(patience.size()) + "\n";
    while (database_.metrics().find(waiting) == std::string::npos) std::this_thread::yield();
    gathered.set_value();
    meanwhile();
    busy.join();
    for (auto& thread : threads) thread.join();
    return answers;
  }

  testing::TemporaryDatabase database_{Engine::postgresql, limits()};
  std::vector<std::size_t> sizes_;
};

TEST_F(PostgresqlSpans, HaveTheTimeOfTheirMostPatientCommand) {
  Span<int, int> span(*database_, "lock", [this](Tx& tx, std::span<const int> commands) {
    sizes_.push_back(commands.size());
    tx.query(kLock, {1});
    return std::vector<int>(commands.begin(), commands.end());
  });
  Session holder(database_.url());
  ASSERT_TRUE(holder.run("BEGIN; SELECT n FROM t WHERE n = 1 FOR UPDATE"));
  const auto impatient = Milliseconds(1'500);
  const auto over = std::chrono::steady_clock::now() + impatient;
  const auto answers = ask(span, {impatient, Milliseconds(20'000)}, [&] {
    while (!somebody_waits_for_a_lock(*database_)) std::this_thread::yield();
    std::this_thread::sleep_until(over + Milliseconds(100));
    EXPECT_TRUE(holder.run("COMMIT"));
  });
  EXPECT_EQ(answers, (std::vector<int>{0, 1}));
  EXPECT_EQ(sizes_, std::vector<std::size_t>{2});
}

TEST_F(PostgresqlSpans, RunAgainWholeAfterASerializationFailureAndOneByOneAfterAnother) {
  database_->write_blocking({}, [](Tx& tx) {
    tx.run_script(
        "CREATE FUNCTION fail(state TEXT) RETURNS bigint LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''failed'' USING ERRCODE = state; END';");
  });
  static constexpr Sql kFail{"", "SELECT fail($1)"};
  const std::vector<Milliseconds> patience(5, Milliseconds(20'000));
  const auto run = [&](const char* state) {
    sizes_.clear();
    Span<int, int> span(*database_, "fail", [&](Tx& tx, std::span<const int> commands) {
      sizes_.push_back(commands.size());
      if (sizes_.size() == 1) tx.query(kFail, {state});
      return std::vector<int>(commands.begin(), commands.end());
    });
    return ask(span, patience, [] {});
  };
  EXPECT_EQ(run("40001"), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(sizes_, (std::vector<std::size_t>{5, 5}));
  EXPECT_EQ(run("40P01"), (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(sizes_, (std::vector<std::size_t>{5, 5}));
  EXPECT_EQ(run("22012"), (std::vector<int>{0, 1, 2, 3, 4})) << "division by zero, the first time";
  EXPECT_EQ(sizes_, (std::vector<std::size_t>{5, 1, 1, 1, 1, 1}));
  // What no command is to blame for answers all of them, and none runs again.
  EXPECT_EQ(run("57014"), std::vector<int>(5, -1)) << "statement_timeout";
  EXPECT_EQ(sizes_, std::vector<std::size_t>{5});
}

TEST_F(PostgresqlLocks, AProcessStoppedBetweenStatementsHoldsThemForTwoSecondsAtMost) {
  // The second would hold the lock as long again, once the first is gone.
  Session stopped(database_.url(), Session::Whose::ours);
  Session also_stopped(database_.url(), Session::Whose::ours);
  // As our connections are set up.
  const auto idle =
      "SET idle_in_transaction_session_timeout = " + std::to_string(Limits{}.idle_in_transaction_max.count());
  ASSERT_TRUE(stopped.run(idle));
  ASSERT_TRUE(also_stopped.run(idle));
  ASSERT_TRUE(stopped.run("BEGIN; SELECT n FROM t WHERE n = 1 FOR UPDATE"));
  std::thread waiting([&] { also_stopped.run("BEGIN; SELECT n FROM t WHERE n = 1 FOR UPDATE"); });
  while (!somebody_waits_for_a_lock(*database_)) std::this_thread::yield();
  EXPECT_LE(wait_for_lock(), Milliseconds(2'000));
  waiting.join();
}

TEST_F(PostgresqlLocks, AProcessStoppedInMidPipelineHoldsThemNoLonger) {
  Session stopped(database_.url(), Session::Whose::ours);
  ASSERT_TRUE(stopped.run("SET idle_in_transaction_session_timeout = 100; BEGIN"));
  // The server's own time limit does not run here: without somebody who ends the session this waits for good.
  stopped.stop_in_a_pipeline("SELECT n FROM t WHERE n = 1 FOR UPDATE");
  EXPECT_LE(wait_for_lock(), Milliseconds(2'000));
  // It is counted once the server has answered, which may be after it let us go on.
  while (database_.metrics().find("agora_sql_stopped_sessions_ended_total 1\n") == std::string::npos) {
    std::this_thread::yield();
  }
}

/// Takes several rows at a time in the order given to it, from as many threads as there are writers; deadlocks counted.
std::int64_t deadlocks(testing::TemporaryDatabase& database, bool sorted) {
  std::vector<std::thread> threads;
  std::atomic<std::int64_t> ended{0};
  for (unsigned seed = 1; seed <= 2; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      std::vector<std::int64_t> rows{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
      for (int round = 0; round < 300; ++round) {
        std::shuffle(rows.begin(), rows.end(), random);
        std::vector<std::int64_t> some(rows.begin(), rows.begin() + 6);
        if (sorted) std::sort(some.begin(), some.end());
        database->write_blocking({}, [some](Tx& tx) {
          for (const auto row : some) {
            if (tx.execute(kTake, {row}) != 1) throw std::logic_error("a row is missing");
          }
        });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto counted = database.metrics();
  const std::string line = "agora_sql_retries_total{sqlstate=\"40P01\"} ";
  const auto at = counted.find(line);
  return at == std::string::npos ? 0 : std::stol(counted.substr(at + line.size()));
}

TEST_F(PostgresqlLocks, TakenInOneOrderNeverDeadlockTakenInAnyOrderTheyDo) {
  // When the server looks for a deadlock; the default of a second would only make the test slow.
  Session admin(database_.url());
  const auto name = database_.url().substr(database_.url().rfind('/') + 1);
  ASSERT_TRUE(admin.run("ALTER DATABASE " + name + " SET deadlock_timeout = '20ms'"));
  database_.reopen();
  EXPECT_EQ(deadlocks(database_, true), 0);
  EXPECT_GT(deadlocks(database_, false), 0);
  // And nobody saw one: every work was done.
  static constexpr Sql kTaken{"SELECT CAST(sum(taken) AS BIGINT) FROM t"};
  EXPECT_EQ(number(kTaken), 2 * 2 * 300 * 6);
}

}  // namespace
}  // namespace agora::sql
