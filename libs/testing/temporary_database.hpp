#pragma once
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "libs/sql/database.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::testing {

/// A database of a test's own, gone with it: a SQLite WAL file in memory (/dev/shm, synchronous=OFF), or a database of
/// a PostgreSQL server that the test program starts on first use and stops at its end. PostgreSQL's is made with an ICU
/// en-US locale on purpose: text that is not COLLATE "C" then sorts otherwise than C++ does. Without PostgreSQL's
/// binaries the test fails; it is never skipped.
class TemporaryDatabase {
 public:
  explicit TemporaryDatabase(sql::Engine engine, sql::Limits limits = {});
  ~TemporaryDatabase();
  TemporaryDatabase(const TemporaryDatabase&) = delete;
  TemporaryDatabase& operator=(const TemporaryDatabase&) = delete;

  sql::Database& operator*() { return *database_; }
  sql::Database* operator->() { return database_.get(); }
  const std::string& url() const { return url_; }
  /// What its connections have counted, as /metrics says it.
  std::string metrics() const { return metrics_.expose(); }
  /// Closes and opens again, as a restart does.
  void reopen();

 private:
  sql::Limits limits_;
  telemetry::Registry metrics_;
  std::string folder_;
  std::string url_;
  std::unique_ptr<sql::Database> database_;
};

/// For `INSTANTIATE_TEST_SUITE_P(Engines, …Test, agora::testing::kEngines, agora::testing::engine_name)`.
inline const auto kEngines = ::testing::Values(sql::Engine::sqlite, sql::Engine::postgresql);
std::string engine_name(const ::testing::TestParamInfo<sql::Engine>& info);

}  // namespace agora::testing
