// At a power cut only what was fsynced is there. A child process acknowledges works through a pipe and is killed; its
// VFS had kept what was not synced in memory. With synchronous=OFF the same test must lose something, or it proves
// nothing.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "libs/sql/database.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::sql {
namespace {

constexpr Sql kCreate{"CREATE TABLE t (n BIGINT PRIMARY KEY)"};
constexpr Sql kInsert{"INSERT INTO t (n) VALUES ($1)"};
constexpr Sql kHas{"SELECT count(*) FROM t WHERE n <= $1"};
constexpr int kWorks = 200;

Limits test_limits() {
  Limits limits;
  limits.durability_optional = true;
  return limits;
}

/// Writes rows one by one and says so on the pipe after each commit, until it is killed.
[[noreturn]] void write_and_acknowledge(const std::string& url, int pipe) {
  telemetry::Registry metrics;
  const auto database = Database::open(url, test_limits(), metrics);
  database->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
  for (std::int64_t n = 1; n <= kWorks; ++n) {
    database->write_blocking({}, [n](Tx& tx) { tx.execute_one(kInsert, {n}); });
    if (::write(pipe, &n, sizeof n) != sizeof n) break;
  }
  ::kill(::getpid(), SIGKILL);
  std::abort();
}

/// Runs the child to its power cut; what it had acknowledged.
std::int64_t acknowledged_before_the_cut(const std::string& url) {
  int pipe[2];
  if (::pipe(pipe) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("AGORA_FAULT_POWER_CUT", "1", 1);
    write_and_acknowledge(url, pipe[1]);
  }
  ::close(pipe[1]);
  std::int64_t acknowledged = 0;
  std::int64_t n = 0;
  while (::read(pipe[0], &n, sizeof n) == sizeof n) acknowledged = n;
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return acknowledged;
}

/// How many of the acknowledged rows are there after the cut.
std::int64_t found_after_the_cut(const std::string& url, std::int64_t acknowledged) {
  telemetry::Registry metrics;
  const auto database = Database::open(url, test_limits(), metrics);
  try {
    return database->read_blocking({}, [acknowledged](Tx& tx) {
      auto rows = tx.query(kHas, {acknowledged});
      rows.next();
      return rows.int64(0);
    });
  } catch (const DatabaseError&) {
    return 0;  // Not even the table is there.
  }
}

/// Runs `work` in a child whose disk faults `control` rules; how the child ended, as waitpid() says.
template <class Work>
int status_of_child(const std::string& control, Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv("AGORA_FAULT_FILE", control.c_str(), 1);
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

class PowerCut : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/agora-power-cut-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(PowerCut, LosesNothingThatWasAcknowledged) {
  const auto url = "sqlite:" + folder_ + "/full.db";
  const auto acknowledged = acknowledged_before_the_cut(url);
  EXPECT_EQ(acknowledged, kWorks);
  EXPECT_EQ(found_after_the_cut(url, acknowledged), acknowledged);
}

TEST_F(PowerCut, LosesWorksWithoutFsyncSoTheTestAboveCanFail) {
  const auto url = "sqlite:" + folder_ + "/off.db?synchronous=off";
  const auto acknowledged = acknowledged_before_the_cut(url);
  EXPECT_EQ(acknowledged, kWorks);
  EXPECT_LT(found_after_the_cut(url, acknowledged), acknowledged);
}

TEST_F(PowerCut, AFailedFsyncEndsTheProcessBeforeItAnswers) {
  const auto control = folder_ + "/fault";
  const auto status = status_of_child(control, [&] {
    telemetry::Registry metrics;
    const auto database = Database::open("sqlite:" + folder_ + "/commit.db", test_limits(), metrics);
    database->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
    std::ofstream(control) << "fsync_fails";
    try {
      database->write_blocking({}, [](Tx& tx) { tx.execute_one(kInsert, {1}); });
    } catch (const DatabaseError&) {
      // A "no" is an answer too: the process must not live to give it.
    }
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

TEST_F(PowerCut, AnFsyncThatFailsInACheckpointEndsTheProcessToo) {
  const auto control = folder_ + "/fault";
  const auto status = status_of_child(control, [&] {
    telemetry::Registry metrics;
    const auto database = Database::open("sqlite:" + folder_ + "/checkpoint.db", test_limits(), metrics);
    database->write_blocking({}, [](Tx& tx) { tx.execute(kCreate); });
    std::ofstream(control) << "fsync_fails";
    database->close();
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

}  // namespace
}  // namespace agora::sql
