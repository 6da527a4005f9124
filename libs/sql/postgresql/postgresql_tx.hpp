#pragma once
#include "libs/sql/postgresql/connection.hpp"
#include "libs/sql/tx.hpp"

namespace agora::sql::postgresql {

/// A transaction on a connection. Writes whose row count is known beforehand are sent without waiting: the server works
/// while the work goes on, and what it says of them is heard with the next statement that answers, or before COMMIT.
class PostgresqlTx final : public Tx {
 public:
  explicit PostgresqlTx(Connection& connection) : connection_(connection) {}

  Engine engine() const override { return Engine::postgresql; }
  using Tx::execute;
  using Tx::query;
  Rows query(const Sql& sql, std::span<const Value> parameters) override;
  std::int64_t execute(const Sql& sql, std::span<const Value> parameters) override;
  std::vector<std::int64_t> batch_counts(const Batch& batch) override;
  void execute_one(const Sql& sql, std::initializer_list<Value> parameters) override;
  void batch(const Batch& batch) override;
  void run_script(const std::string& script) override;

 private:
  Connection& connection_;
};

}  // namespace agora::sql::postgresql
