// What works, spans and reads promise, on both engines.

#include <barrier>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

using testing::TemporaryDatabase;

constexpr Sql kCreate{"CREATE TABLE boxes (name TEXT PRIMARY KEY, apples BIGINT NOT NULL CHECK (apples >= 0))"};
constexpr Sql kInsert{"INSERT INTO boxes (name, apples) VALUES ($1, $2)"};
constexpr Sql kInsertOnce{"INSERT INTO boxes (name, apples) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING"};
constexpr Sql kTake{"UPDATE boxes SET apples = apples - $2 WHERE name = $1 AND apples >= $2"};
constexpr Sql kLook{"SELECT apples FROM boxes WHERE name = $1"};
constexpr Sql kCount{"SELECT count(*) FROM boxes"};
constexpr Sql kReturning{"INSERT INTO boxes (name, apples) VALUES ('r1', 1), ('r2', 2) RETURNING name"};

class DatabaseTest : public ::testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    database_->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
  }
  std::int64_t count() {
    return database_->read_blocking({}, [](Tx& tx) {
      auto rows = tx.query(kCount);
      rows.next();
      return rows.int64(0);
    });
  }
  std::int64_t apples(const std::string& name) {
    return database_->read_blocking({}, [name](Tx& tx) {
      auto rows = tx.query(kLook, {name});
      return rows.next() ? rows.int64(0) : -1;
    });
  }
  void put(const std::string& name, std::int64_t n) {
    database_->write_blocking({}, [name, n](Tx& tx) { tx.execute_one(kInsert, {name, n}); });
  }

  TemporaryDatabase database_{GetParam()};
};

TEST_P(DatabaseTest, AWriteIsThereForTheNextRead) {
  put("a", 7);
  EXPECT_EQ(apples("a"), 7);
}

TEST_P(DatabaseTest, AThrowRollsTheWorkBackAndReachesTheCaller) {
  const auto work = [](Tx& tx) {
    tx.execute_one(kInsert, {"a", 1});
    throw std::runtime_error("no");
  };
  EXPECT_THROW(database_->write_blocking({}, work), std::runtime_error);
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseTest, AnSqlErrorRollsBackAlsoWhenTheWorkHidesIt) {
  put("a", 1);
  const auto work = [](Tx& tx) {
    tx.execute_one(kInsert, {"b", 1});
    try {
      tx.execute(kInsert, {"a", 1});
    } catch (const DatabaseError&) {
      // A work that goes on after an SQL error must not commit.
    }
  };
  EXPECT_THROW(database_->write_blocking({}, work), DatabaseError);
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseTest, ANoIsARowCount) {
  put("a", 1);
  const auto taken = database_->write_blocking({}, [](Tx& tx) { return tx.execute(kTake, {"a", 2}); });
  EXPECT_EQ(taken, 0);
  EXPECT_EQ(apples("a"), 1);
}

TEST_P(DatabaseTest, AnotherRowCountThanExpectedIsAnError) {
  const auto work = [](Tx& tx) { tx.execute_one(kTake, {"missing", 1}); };
  try {
    database_->write_blocking({}, work);
    FAIL() << "the write was taken";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::row_count);
    EXPECT_FALSE(error.retry_helps());
  }
}

TEST_P(DatabaseTest, ABatchCountsRowByRow) {
  put("a", 1);
  const auto counts = database_->write_blocking({}, [](Tx& tx) {
    Batch batch(kInsertOnce, 2);
    batch.add({"a", 1});
    batch.add({"b", 2});
    return tx.batch_counts(batch);
  });
  EXPECT_EQ(counts, (std::vector<std::int64_t>{0, 1}));
}

TEST_P(DatabaseTest, ValuesComeBackAsTheyWent) {
  const auto work = [](Tx& tx) {
    static constexpr Sql kMake{"CREATE TABLE v (n BIGINT, t TEXT, b BLOB, x TEXT)",
                               "CREATE TABLE v (n BIGINT, t TEXT, b BYTEA, x TEXT)"};
    static constexpr Sql kPut{"INSERT INTO v (n, t, b, x) VALUES ($1, $2, $3, $4)"};
    static constexpr Sql kGet{"SELECT n, t, b, x FROM v"};
    tx.execute(kMake);
    const std::array<std::byte, 4> blob{std::byte{0}, std::byte{255}, std::byte{'\\'}, std::byte{'x'}};
    tx.execute_one(kPut, {INT64_MIN, "Grüße '\"\\", Bytes(blob), nullptr});
    auto rows = tx.query(kGet);
    EXPECT_TRUE(rows.next());
    EXPECT_EQ(rows.int64(0), INT64_MIN);
    EXPECT_EQ(rows.text(1), "Grüße '\"\\");
    const auto bytes = rows.bytes(2);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), blob.begin(), blob.end()));
    EXPECT_TRUE(rows.is_null(3));
    EXPECT_FALSE(rows.next());
  };
  database_->write_blocking({}, work);
}

TEST_P(DatabaseTest, WhatIsEmptyIsNotNull) {
  database_->write_blocking({}, [](Tx& tx) {
    static constexpr Sql kMake{"CREATE TABLE e (t TEXT NOT NULL, b BLOB NOT NULL)",
                               "CREATE TABLE e (t TEXT NOT NULL, b BYTEA NOT NULL)"};
    static constexpr Sql kPut{"INSERT INTO e (t, b) VALUES ($1, $2)"};
    tx.execute(kMake);
    tx.execute_one(kPut, {std::string_view{}, Bytes{}});
  });
}

TEST_P(DatabaseTest, TwoBytesOfOneRowAreValidTogether) {
  database_->write_blocking({}, [](Tx& tx) {
    static constexpr Sql kTwo{"SELECT x'0102', x'030405'", "SELECT '\\x0102'::bytea, '\\x030405'::bytea"};
    auto rows = tx.query(kTwo);
    rows.next();
    const auto first = rows.bytes(0);
    const auto second = rows.bytes(1);
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[1], std::byte{2});
    ASSERT_EQ(second.size(), 3U);
    EXPECT_EQ(second[2], std::byte{5});
  });
}

TEST_P(DatabaseTest, AStatementThatCouldNotBePreparedCanBeLater) {
  static constexpr Sql kLater{"INSERT INTO later (n) VALUES (1)"};
  static constexpr Sql kMakeLater{"CREATE TABLE later (n BIGINT)"};
  Limits limits;
  limits.writers = 1;  // The same connection, whose prepared statements are the point.
  TemporaryDatabase database(GetParam(), limits);
  const auto insert = [](Tx& tx) { tx.execute_one(kLater, {}); };
  EXPECT_THROW(database->write_blocking({}, insert), DatabaseError);
  database->write_blocking({}, [](Tx& tx) { tx.execute(kMakeLater); });
  database->write_blocking({}, insert);
}

TEST_P(DatabaseTest, AStatementLeftUnfinishedByAThrowDoesNotBlockTheNext) {
  const auto work = [](Tx& tx) {
    auto rows = tx.query(kReturning);
    rows.next();
    throw std::runtime_error("left in mid-statement");
  };
  EXPECT_THROW(database_->write_blocking({}, work), std::runtime_error);
  put("a", 1);
  EXPECT_EQ(count(), 1);
}

TEST_P(DatabaseTest, AStatementLeftUnfinishedByAReturnStillCommits) {
  database_->write_blocking({}, [](Tx& tx) {
    auto rows = tx.query(kReturning);
    rows.next();
  });
  EXPECT_EQ(count(), 2);
}

TEST_P(DatabaseTest, OfTwentyTakersOfOneAppleOneWins) {
  put("a", 1);
  std::atomic<int> winners{0};
  std::vector<std::thread> takers;
  std::barrier start(20);
  for (int i = 0; i < 20; ++i) {
    takers.emplace_back([&] {
      start.arrive_and_wait();
      winners += static_cast<int>(database_->write_blocking({}, [](Tx& tx) { return tx.execute(kTake, {"a", 1}); }));
    });
  }
  for (auto& taker : takers) taker.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(apples("a"), 0);
}

TEST_P(DatabaseTest, AQueuedWorkPastItsDeadlineDidNothing) {
  Ctx late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  const auto work = [](Tx& tx) { tx.execute_one(kInsert, {"late", 1}); };
  try {
    database_->write_blocking(late, work);
    FAIL() << "it ran";
  } catch (const DatabaseError& error) {
    EXPECT_EQ(error.kind(), DatabaseError::Kind::deadline);
  }
  EXPECT_EQ(count(), 0);
}

TEST_P(DatabaseTest, AfterCloseWritesAreRefused) {
  database_->close();
  const auto work = [](Tx& tx) { tx.execute(kCount); };
  EXPECT_THROW(database_->write_blocking({}, work), DatabaseError);
}

TEST_P(DatabaseTest, CoroutinesAwaitTheCommit) {
  asio::io_context io;
  bool done = false;
  const auto coroutine = [](Database& database, bool& out) -> Task<void> {
    const Ctx ctx;
    const auto write = [](Tx& tx) { tx.execute_one(kInsert, {"a", 3}); };
    co_await database.write(ctx, write);
    const auto look = [](Tx& tx) {
      auto rows = tx.query(kLook, {"a"});
      rows.next();
      return rows.int64(0);
    };
    const auto by_key = co_await database.get(ctx, look);
    const auto by_pool = co_await database.read(ctx, look);
    out = by_key == 3 && by_pool == 3;
  };
  asio::co_spawn(io, coroutine(*database_, done), asio::detached);
  io.run();
  EXPECT_TRUE(done);
}

TEST_P(DatabaseTest, AGetSeesEveryWriteThatWasAcknowledged) {
  put("a", 0);
  asio::io_context io;
  std::int64_t seen = 0;
  const auto coroutine = [](Database& database, std::int64_t& out) -> Task<void> {
    static constexpr Sql kSet{"UPDATE boxes SET apples = $2 WHERE name = $1"};
    const Ctx ctx;
    const auto look = [](Tx& tx) {
      auto rows = tx.query(kLook, {"a"});
      rows.next();
      return rows.int64(0);
    };
    for (std::int64_t n = 1; n <= 100; ++n) {
      const auto write = [n](Tx& tx) { tx.execute_one(kSet, {"a", n}); };
      co_await database.write(ctx, write);
      // Twice: the second may share the snapshot of the first.
      const auto first = co_await database.get(ctx, look);
      const auto second = co_await database.get(ctx, look);
      if (first != n || second != n) co_return;
      out = n;
    }
  };
  asio::co_spawn(io, coroutine(*database_, seen), asio::detached);
  io.run();
  EXPECT_EQ(seen, 100);
}

/// A span whose commands are names to insert; "poison" throws, "broken" makes an SQL error, an existing name is a no.
Span<std::string, bool> inserting_span(Database& database, std::vector<std::size_t>& sizes, std::mutex& mutex) {
  return {database, "insert", [&](Tx& tx, std::span<const std::string> names) {
            {
              const std::lock_guard lock(mutex);
              sizes.push_back(names.size());
            }
            std::vector<bool> taken;
            for (const auto& name : names) {
              taken.push_back(tx.execute(kInsertOnce, {name, 1}) == 1);
              if (name.starts_with("poison")) throw std::runtime_error("poison");
              if (name.starts_with("broken")) tx.execute(kInsert, {name, -1});
            }
            return taken;
          }};
}

/// Runs all commands at once, from as many threads; what each got.
std::vector<std::string> run_all(Span<std::string, bool>& span, const std::vector<std::string>& names) {
  std::vector<std::string> outcomes(names.size());
  std::vector<std::thread> threads;
  std::barrier start(static_cast<std::ptrdiff_t>(names.size()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        outcomes[i] = span.blocking({}, names[i]) ? "yes" : "no";
      } catch (const std::exception&) {
        outcomes[i] = "threw";
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return outcomes;
}

TEST_P(DatabaseTest, ASpanAnswersEveryCommandItsOwn) {
  std::vector<std::size_t> sizes;
  std::mutex mutex;
  auto span = inserting_span(*database_, sizes, mutex);
  std::vector<std::string> names;
  for (int i = 0; i < 48; ++i) names.push_back("n" + std::to_string(i));
  names.push_back("n0");
  const auto outcomes = run_all(span, names);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), "yes"), 48);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), "no"), 1);
  EXPECT_EQ(count(), 48);
}

TEST_P(DatabaseTest, APoisonCommandFailsAloneAndTheOthersCommit) {
  for (const std::string poison : {"poison", "broken"}) {
    std::vector<std::size_t> sizes;
    std::mutex mutex;
    auto span = inserting_span(*database_, sizes, mutex);
    std::vector<std::string> names;
    for (int i = 0; i < 31; ++i) names.push_back(poison + "-friend" + std::to_string(i));
    for (auto& name : names) name = "ok-" + name;
    names.insert(names.begin() + 15, poison);
    const auto before = count();
    const auto outcomes = run_all(span, names);
    EXPECT_EQ(outcomes[15], "threw") << poison;
    EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), "yes"), 31) << poison;
    EXPECT_EQ(count() - before, 31) << poison;
    EXPECT_EQ(apples(poison), -1);
  }
}

TEST_P(DatabaseTest, ReadsSeeOneState) {
  put("a", 5);
  put("b", 5);
  std::atomic<bool> stop{false};
  std::thread mover([&] {
    while (!stop) {
      database_->write_blocking({}, [](Tx& tx) {
        static constexpr Sql kMove{"UPDATE boxes SET apples = 10 - apples WHERE name = $1"};
        tx.execute_one(kMove, {"a"});
        tx.execute_one(kMove, {"b"});
      });
    }
  });
  for (int i = 0; i < 200; ++i) {
    const auto equal = database_->read_blocking({}, [](Tx& tx) {
      const auto look = [&](const char* name) {
        auto rows = tx.query(kLook, {name});
        rows.next();
        return rows.int64(0);
      };
      return look("a") == look("b");
    });
    EXPECT_TRUE(equal);
  }
  stop = true;
  mover.join();
}

INSTANTIATE_TEST_SUITE_P(Engines, DatabaseTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::sql
