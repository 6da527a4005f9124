// What SQLite's group commit adds to the promises of every engine.

#include <barrier>
#include <filesystem>
#include <thread>
#include <unistd.h>

#include <sqlite3.h>

#include "libs/testing/temporary_database.hpp"

namespace agora::sql {
namespace {

constexpr Sql kCreate{"CREATE TABLE t (n BIGINT UNIQUE, pad TEXT)"};
constexpr Sql kInsert{"INSERT INTO t (n, pad) VALUES ($1, $2)"};
constexpr Sql kCount{"SELECT count(*) FROM t"};

std::int64_t count(Database& database) {
  return database.read_blocking({}, [](Tx& tx) {
    auto rows = tx.query(kCount);
    rows.next();
    return rows.int64(0);
  });
}

void create(Database& database) {
  database.write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
}

std::uintmax_t wal_bytes(const testing::TemporaryDatabase& database) {
  auto path = database.url().substr(std::string("sqlite:").size());
  path.resize(path.find('?'));
  return std::filesystem::file_size(path + "-wal");
}

/// Runs works from as many threads at once, so that they share groups; how many threw.
template <class Work>
int run_together(Database& database, int works, Work work) {
  std::atomic<int> threw{0};
  std::vector<std::thread> threads;
  std::barrier start(works);
  for (int i = 0; i < works; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      try {
        database.write_blocking({}, [&, i](Tx& tx) { work(tx, i); });
      } catch (const std::exception&) {
        ++threw;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return threw;
}

TEST(SqliteGroup, AThrowRollsBackItsOwnWorkAlone) {
  testing::TemporaryDatabase database(Engine::sqlite);
  create(*database);
  const auto threw = run_together(*database, 32, [](Tx& tx, int i) {
    tx.execute_one(kInsert, {i, "x"});
    if (i % 8 == 0) throw std::runtime_error("no");
  });
  EXPECT_EQ(threw, 4);
  EXPECT_EQ(count(*database), 28);
}

TEST(SqliteGroup, AWorkThatThrowsInAGroupOfItsOwnRunsOnce) {
  testing::TemporaryDatabase database(Engine::sqlite);
  create(*database);
  int runs = 0;
  const auto work = [&](Tx& tx) {
    ++runs;
    tx.execute_one(kInsert, {1, "x"});
    throw std::runtime_error("no");
  };
  EXPECT_THROW(database->write_blocking({}, work), std::runtime_error);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(count(*database), 0);
}

TEST(SqliteGroup, AnSqlErrorFailsItsOwnWorkAloneAlsoWhenItIsHidden) {
  testing::TemporaryDatabase database(Engine::sqlite);
  create(*database);
  const auto threw = run_together(*database, 32, [](Tx& tx, int i) {
    tx.execute_one(kInsert, {i, "x"});
    if (i % 8 != 0) return;
    try {
      tx.execute(kInsert, {i, "twice"});
    } catch (const DatabaseError&) {
      // Hidden: the group must notice by itself.
    }
  });
  EXPECT_EQ(threw, 4);
  EXPECT_EQ(count(*database), 28);
}

TEST(SqliteGroup, ADiskFullInMidGroupFailsWhatDoesNotFitAndKeepsWhatWasAcknowledged) {
  testing::TemporaryDatabase database(Engine::sqlite);
  create(*database);
  database->write_blocking({}, [](Tx& tx) {
    static constexpr Sql kLimit{"PRAGMA max_page_count=40"};
    auto rows = tx.query(kLimit);
    rows.next();
  });
  const std::string pad(3'000, 'p');
  std::atomic<int> acknowledged{0};
  const auto threw = run_together(*database, 64, [&](Tx& tx, int i) { tx.execute_one(kInsert, {i, pad}); });
  acknowledged = 64 - threw;
  EXPECT_GT(threw, 0);
  EXPECT_GT(acknowledged, 0);
  EXPECT_EQ(count(*database), acknowledged);
}

TEST(SqliteGroup, ASecondOpenerIsToldWhoHoldsTheFile) {
  testing::TemporaryDatabase database(Engine::sqlite);
  telemetry::Registry metrics;
  Limits limits;
  limits.durability_optional = true;
  try {
    Database::open(database.url(), limits, metrics);
    FAIL() << "two writers on one file";
  } catch (const FileInUse& error) {
    EXPECT_NE(std::string(error.what()).find(std::to_string(::getpid())), std::string::npos);
  }
}

TEST(SqliteGroup, SynchronousOffIsForTestsAlone) {
  telemetry::Registry metrics;
  EXPECT_THROW(Database::open("sqlite:/dev/shm/never.db?synchronous=off", {}, metrics), std::invalid_argument);
}

TEST(SqliteGroup, AFullQueueRefusesAtOnce) {
  Limits limits;
  limits.queue_max = 1;
  limits.group_max = 1;
  testing::TemporaryDatabase database(Engine::sqlite, limits);
  create(*database);
  std::barrier started(2);
  std::barrier finish(2);
  std::thread holder([&] {
    database->write_blocking({}, [&](Tx&) {
      started.arrive_and_wait();
      finish.arrive_and_wait();
    });
  });
  started.arrive_and_wait();
  // The writer is busy: of two more, one takes the only place and the other is refused.
  std::atomic<int> refused{0};
  const auto insert = [&](int n) {
    try {
      database->write_blocking({}, [n](Tx& tx) { tx.execute_one(kInsert, {n, ""}); });
    } catch (const DatabaseError& error) {
      EXPECT_EQ(error.kind(), DatabaseError::Kind::unavailable);
      ++refused;
      finish.arrive_and_wait();
    }
  };
  std::thread first([&] { insert(1); });
  std::thread second([&] { insert(2); });
  first.join();
  second.join();
  holder.join();
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(count(*database), 1);
}

TEST(SqliteGroup, AnotherProgramsFileIsRefused) {
  char pattern[] = "/dev/shm/agora-foreign-XXXXXX";
  const std::string folder = ::mkdtemp(pattern);
  sqlite3* foreign = nullptr;
  sqlite3_open((folder + "/x.db").c_str(), &foreign);
  sqlite3_exec(foreign, "PRAGMA application_id=7", nullptr, nullptr, nullptr);
  sqlite3_close(foreign);
  telemetry::Registry metrics;
  EXPECT_THROW(Database::open("sqlite:" + folder + "/x.db", {}, metrics), DatabaseError);
  std::filesystem::remove_all(folder);
}

TEST(SqliteGroup, ALongReadDoesNotHoldUpTheWriter) {
  Limits limits;
  limits.wal_bytes_max = 1 << 20;
  testing::TemporaryDatabase database(Engine::sqlite, limits);
  create(*database);
  std::barrier started(2);
  std::barrier finish(2);
  std::thread reader([&] {
    database->read_blocking({}, [&](Tx& tx) {
      auto rows = tx.query(kCount);
      rows.next();
      started.arrive_and_wait();
      finish.arrive_and_wait();
    });
  });
  started.arrive_and_wait();
  const std::string pad(8'000, 'p');
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 500; ++i) {
    database->write_blocking({}, [&pad, i](Tx& tx) { tx.execute_one(kInsert, {i, pad}); });
  }
  // Waiting a second for the reader after each commit beyond the limit took minutes.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  finish.arrive_and_wait();
  reader.join();
  EXPECT_EQ(count(*database), 500);
  // Nor does the WAL stay as large as the read let it grow.
  for (int i = 500; i < 700; ++i) {
    database->write_blocking({}, [&pad, i](Tx& tx) { tx.execute_one(kInsert, {i, pad}); });
  }
  EXPECT_LT(wal_bytes(database), 2U << 20);
}

TEST(SqliteGroup, TheWalStaysBounded) {
  Limits limits;
  limits.wal_bytes_max = 1 << 20;
  testing::TemporaryDatabase database(Engine::sqlite, limits);
  create(*database);
  const std::string pad(8'000, 'p');
  for (int i = 0; i < 1'000; ++i) {
    database->write_blocking({}, [&pad, i](Tx& tx) { tx.execute_one(kInsert, {i, pad}); });
  }
  // One group may pass the limit before it is seen.
  EXPECT_LT(wal_bytes(database), 2U << 20);
}

}  // namespace
}  // namespace agora::sql
