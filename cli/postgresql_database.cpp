// The one file of cli/ that knows PostgreSQL, through libs/sql's connections.

#include "cli/postgresql_database.hpp"

#include <stdexcept>

#include "libs/sql/postgresql/connection.hpp"
#include "libs/sql/postgresql/postgresql_tx.hpp"

namespace agora::cli {
namespace {

using sql::postgresql::Connection;
using sql::postgresql::PostgresqlTx;

/// A comparison may take long, and wait for another database meanwhile.
constexpr std::chrono::milliseconds kNoLimit{0};
constexpr int kUnheardMax = 1'000;
constexpr const char* kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* kBeginWrite = "BEGIN";
/// Services name their sessions PROGRAM/HOST:PID, as we do.
constexpr sql::Sql kUsedBy{
    "",
    "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND application_name LIKE '%/%:%' ORDER BY 1 LIMIT 1"};

/// A transaction that ends without effect unless it was committed.
class Transaction {
 public:
  Transaction(Connection& connection, const char* begin) : connection_(connection) {
    connection_.begin(begin, kNoLimit);
  }
  ~Transaction() { connection_.roll_back(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

 private:
  Connection& connection_;
};

}  // namespace

PostgresqlDatabase::PostgresqlDatabase(const std::string& url) {
  sql::postgresql::check_url(url);
  connection_ = std::make_unique<Connection>(url, kNoLimit);
  connection_->connect();
}

PostgresqlDatabase::~PostgresqlDatabase() = default;

void PostgresqlDatabase::run(const char* begin, const std::function<void(sql::Tx&)>& work) {
  const Transaction transaction(*connection_, begin);
  PostgresqlTx tx(*connection_);
  if (!has_table(tx, "schema_migrations")) throw std::runtime_error("the database has no tables of a service");
  work(tx);
  if (begin == kBeginWrite) connection_->commit();
}

void PostgresqlDatabase::snapshot(const std::function<void(sql::Tx&)>& work) {
  run(kBeginRead, work);
}

void PostgresqlDatabase::write(const std::function<void(sql::Tx&)>& work) {
  run(kBeginWrite, work);
}

void PostgresqlDatabase::insert(const sql::Sql& sql, std::span<const sql::Value> row) {
  connection_->send(sql.postgresql, row, sql::postgresql::Touches::one);
  if (++unheard_ < kUnheardMax) return;
  unheard_ = 0;
  connection_->settle();
}

std::string PostgresqlDatabase::used_by() {
  const Transaction transaction(*connection_, kBeginRead);
  PostgresqlTx tx(*connection_);
  auto rows = tx.query(kUsedBy);
  return rows.next() ? std::string(rows.text(0)) : std::string();
}

}  // namespace agora::cli
