#include "libs/sql/postgresql/postgresql_tx.hpp"

#include <charconv>
#include <deque>

namespace agora::sql::postgresql {
namespace {

/// A whole result, row by row.
class ResultCursor final : public Rows::Cursor {
 public:
  explicit ResultCursor(ResultPtr result) : result_(std::move(result)), rows_(PQntuples(result_.get())) {}

  bool next() override {
    decoded_.clear();
    return ++row_ < rows_;
  }
  bool is_null(int column) const override { return PQgetisnull(result_.get(), row_, column) != 0; }
  std::int64_t int64(int column) const override {
    const auto digits = text(column);
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }
  std::string_view text(int column) const override {
    return {PQgetvalue(result_.get(), row_, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row_, column))};
  }
  Bytes bytes(int column) const override {
    // Text format writes bytea as \x and hex digits.
    const auto hex = text(column);
    auto& decoded = decoded_.emplace_back();
    decoded.reserve(hex.size() / 2);
    for (std::size_t i = 2; i + 1 < hex.size(); i += 2) {
      unsigned value = 0;
      std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
      decoded.push_back(static_cast<std::byte>(value));
    }
    return decoded;
  }

 private:
  ResultPtr result_;
  int row_ = -1;
  int rows_;
  /// Of the current row. A deque: what was handed out stays where it is.
  mutable std::deque<std::vector<std::byte>> decoded_;
};

void send_all(Connection& connection, const Batch& batch, Touches touches) {
  for (std::size_t i = 0; i < batch.size(); ++i) connection.send(batch.sql().postgresql, batch.row(i), touches);
}

}  // namespace

Rows PostgresqlTx::query(const Sql& sql, std::span<const Value> parameters) {
  connection_.send(sql.postgresql, parameters);
  return Rows(std::make_unique<ResultCursor>(connection_.settle().last));
}

std::int64_t PostgresqlTx::execute(const Sql& sql, std::span<const Value> parameters) {
  connection_.send(sql.postgresql, parameters);
  return connection_.settle().counts.back();
}

std::vector<std::int64_t> PostgresqlTx::batch_counts(const Batch& batch) {
  if (batch.empty()) return {};
  send_all(connection_, batch, Touches::any);
  auto counts = connection_.settle().counts;
  // Those in front are of what had been sent before.
  counts.erase(counts.begin(), counts.end() - static_cast<std::ptrdiff_t>(batch.size()));
  return counts;
}

void PostgresqlTx::execute_one(const Sql& sql, std::initializer_list<Value> parameters) {
  connection_.send(sql.postgresql, {parameters.begin(), parameters.size()}, Touches::one);
  connection_.sync();
}

void PostgresqlTx::batch(const Batch& batch) {
  send_all(connection_, batch, Touches::one);
  connection_.sync();
}

void PostgresqlTx::run_script(const std::string& script) {
  connection_.run_script(script);
}

}  // namespace agora::sql::postgresql
