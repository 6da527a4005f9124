#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/sql/tx.hpp"

namespace agora::cli {

/// Writes a row, sooner or later: what the statement says to it is known when the transaction commits.
using Insert = std::function<void(const sql::Sql& sql, std::span<const sql::Value> row)>;

/// All rows of a service's SQLite file, written into PostgreSQL's tables of the same schema. Must outlive the
/// connections' use of its statements: one object for each copy.
class DatabaseCopy {
 public:
  explicit DatabaseCopy(Insert insert) : insert_(std::move(insert)) {}

  /// `from`: a snapshot of the file; `to`: the transaction that becomes the copy. Throws std::runtime_error when the
  /// schemas are not the same, the target has rows, or a value is not of its column's type; then nothing may commit.
  void run(sql::Tx& from, sql::Tx& to);
  /// How many rows each table got.
  const std::map<std::string, std::int64_t>& rows() const { return rows_; }

 private:
  enum class Kind { integer, text, bytes };
  struct Column {
    std::string from;  ///< its name there
    std::string to;    ///< and here
    Kind kind = Kind::text;
    bool is_identity = false;
  };
  using Tables = std::map<std::string, std::vector<Column>>;

  static Tables tables_of(sql::Tx& to);
  void expect_same_schema(sql::Tx& from, sql::Tx& to, const Tables& tables);
  void expect_empty(sql::Tx& to, const Tables& tables);
  void expect_types(sql::Tx& from, const std::string& table, const std::vector<Column>& columns);
  std::int64_t copy_table(sql::Tx& from, const std::string& table, const std::vector<Column>& columns);
  static sql::Value value_of(const sql::Rows& rows, int column, Kind kind);
  void number_log(sql::Tx& from, sql::Tx& to);
  void go_on_counting(sql::Tx& to, const Tables& tables);
  /// Statements are cached by their address.
  sql::Sql statement(std::string text);

  const Insert insert_;
  std::map<std::string, std::int64_t> rows_{};
  std::deque<std::string> texts_{};
};

}  // namespace agora::cli
