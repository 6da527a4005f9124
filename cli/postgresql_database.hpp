#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "cli/service_databases.hpp"

namespace agora::sql::postgresql {
class Connection;
}

namespace agora::cli {

/// A service's PostgreSQL database, on one connection that may be silent for as long as it likes. Functions throw
/// sql::DatabaseError. Not thread-safe.
class PostgresqlDatabase final : public DatabaseReader {
 public:
  /// Throws when it cannot be reached, std::invalid_argument on a URL that is none.
  explicit PostgresqlDatabase(const std::string& url);
  ~PostgresqlDatabase() override;
  PostgresqlDatabase(const PostgresqlDatabase&) = delete;
  PostgresqlDatabase& operator=(const PostgresqlDatabase&) = delete;

  /// REPEATABLE READ, READ ONLY. Throws std::runtime_error when the database is none of a service.
  void snapshot(const std::function<void(sql::Tx&)>& work) override;
  /// Runs one write in a transaction of its own.
  void write(const std::function<void(sql::Tx&)>& work);
  /// Inside a write: sends a row without waiting for what becomes of it. An error is thrown by a later call, at the
  /// latest instead of the commit.
  void insert(const sql::Sql& sql, std::span<const sql::Value> row);
  /// The first session of a service that uses the database; empty: none does.
  std::string used_by();

 private:
  void run(const char* begin, const std::function<void(sql::Tx&)>& work);

  std::unique_ptr<sql::postgresql::Connection> connection_;
  int unheard_ = 0;  ///< rows of which the server was not asked yet
};

}  // namespace agora::cli
