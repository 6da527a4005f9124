#pragma once
#include <memory>
#include <string>
#include <unordered_map>

#include <libpq-fe.h>

#include "libs/sql/tx.hpp"

namespace agora::sql::postgresql {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

/// What PostgreSQL answered instead: SQLSTATE and message, before anybody decided what it means for the work.
class SqlError : public DatabaseError {
 public:
  SqlError(Kind kind, std::string state, const std::string& message)
      : DatabaseError(kind, message), state_(std::move(state)) {}
  /// Five characters; empty when the connection was lost.
  const std::string& state() const { return state_; }
  bool connection_lost() const { return state_.empty(); }

 private:
  std::string state_;
};

/// One libpq connection with its prepared statements; connects when first needed and again after it was lost. Not
/// thread-safe; blocking.
class Connection {
 public:
  explicit Connection(std::string url) : url_(std::move(url)) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Makes sure there is a live connection. Throws SqlError.
  void ensure();
  /// Runs `text`, the first statement of a transaction; on a new connection if the one at hand turns out to be lost,
  /// as after the server's restart. Nothing was done by then, so this once it is harmless. Throws SqlError.
  void begin(const std::string& text);
  /// Statements without parameters, by the simple protocol. Throws SqlError.
  ResultPtr exec(const std::string& text);
  /// A literal with parameters, prepared once per connection. Throws SqlError.
  ResultPtr run(const char* literal, std::span<const Value> parameters);
  /// Gives the connection up; the next ensure() makes a new one.
  void drop();
  bool in_transaction() const { return db_ != nullptr && PQtransactionStatus(db_) != PQTRANS_IDLE; }

 private:
  ResultPtr checked(PGresult* result, const char* what);

  std::string url_;
  PGconn* db_ = nullptr;
  std::unordered_map<const void*, std::string> prepared_;
  std::uint64_t names_ = 0;  ///< of prepared statements, drawn so far
};

/// A transaction on a connection.
class PostgresqlTx final : public Tx {
 public:
  explicit PostgresqlTx(Connection& connection) : connection_(connection) {}

  Engine engine() const override { return Engine::postgresql; }
  Rows query(const Sql& sql, std::span<const Value> parameters) override;
  std::int64_t execute(const Sql& sql, std::span<const Value> parameters) override;
  std::vector<std::int64_t> batch_counts(const Batch& batch) override;
  void run_script(const std::string& script) override;

 private:
  Connection& connection_;
};

}  // namespace agora::sql::postgresql
