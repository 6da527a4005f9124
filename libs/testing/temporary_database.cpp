#include "libs/testing/temporary_database.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <unistd.h>

#include <libpq-fe.h>

#include "libs/testing/engines.hpp"

namespace agora::testing {
namespace {

namespace fs = std::filesystem;

std::string make_folder() {
  std::string pattern = "/dev/shm/agora-test-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder in /dev/shm");
  return pattern;
}

/// The server that ./dev started for the run, or one of this program's own; tools/engines ends it when the program has
/// ended, however it does.
std::string server_url() {
  static const std::string url = engine_url("postgresql");
  return url;
}

std::string url_of(const std::string& database) {
  return server_url().substr(0, server_url().rfind('/') + 1) + database;
}

/// What went wrong, if anything did.
std::string execute(const std::string& statement) {
  PGconn* connection = PQconnectdb(server_url().c_str());
  PGresult* result = PQexec(connection, statement.c_str());
  const std::string message = PQresultStatus(result) == PGRES_COMMAND_OK ? "" : PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  return message;
}

std::string new_postgresql_database() {
  static std::atomic<int> count{0};
  // Other programs of the run have databases of the same server.
  const auto name = "test" + std::to_string(::getpid()) + "_" + std::to_string(++count);
  const auto failure =
      execute("CREATE DATABASE " + name + " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'");
  if (!failure.empty()) throw std::runtime_error(failure);
  return url_of(name);
}

}  // namespace

TemporaryDatabase::TemporaryDatabase(sql::Engine engine, sql::Limits limits) : limits_(limits) {
  limits_.durability_optional = true;
  if (engine == sql::Engine::sqlite) {
    folder_ = make_folder();
    url_ = "sqlite:" + folder_ + "/test.db?synchronous=off";
  } else {
    url_ = new_postgresql_database();
  }
  database_ = sql::Database::open(url_, limits_, metrics_);
}

TemporaryDatabase::~TemporaryDatabase() {
  database_.reset();
  std::error_code ignored;
  if (!folder_.empty()) {
    fs::remove_all(folder_, ignored);
  } else {
    // A test may have ended the server.
    [[maybe_unused]] const auto failure =
        execute("DROP DATABASE " + url_.substr(url_.rfind('/') + 1) + " WITH (FORCE)");
  }
}

void TemporaryDatabase::reopen() {
  database_.reset();
  database_ = sql::Database::open(url_, limits_, metrics_);
}

std::string engine_name(const ::testing::TestParamInfo<sql::Engine>& info) {
  return info.param == sql::Engine::sqlite ? "sqlite" : "postgresql";
}

}  // namespace agora::testing
