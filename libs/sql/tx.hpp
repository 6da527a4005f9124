#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/sql/error.hpp"
#include "libs/sql/value.hpp"

namespace agora::sql {

enum class Engine { sqlite, postgresql };

/// What a statement answers, row by row. Text and bytes are valid until next() or destruction. Move-only; the statement
/// is reset when it goes, also on exceptions: an unfinished statement makes SQLite's RELEASE and COMMIT answer BUSY.
class Rows {
 public:
  /// An engine's side of it.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual bool next() = 0;
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t int64(int column) const = 0;
    virtual std::string_view text(int column) const = 0;
    virtual Bytes bytes(int column) const = 0;
  };

  explicit Rows(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}

  /// Steps to the next row; false after the last.
  bool next() { return cursor_->next(); }

  bool is_null(int column) const { return cursor_->is_null(column); }
  std::int64_t int64(int column) const { return cursor_->int64(column); }
  std::string_view text(int column) const { return cursor_->text(column); }
  Bytes bytes(int column) const { return cursor_->bytes(column); }
  bool boolean(int column) const { return int64(column) != 0; }
  Timestamp time(int column) const { return Timestamp(std::chrono::microseconds(int64(column))); }
  std::optional<std::int64_t> optional_int64(int column) const {
    if (is_null(column)) return std::nullopt;
    return int64(column);
  }
  std::optional<std::string> optional_text(int column) const {
    if (is_null(column)) return std::nullopt;
    return std::string(text(column));
  }
  std::optional<Timestamp> optional_time(int column) const {
    if (is_null(column)) return std::nullopt;
    return time(column);
  }
  template <class Tag>
  Id<Tag> id(int column) const {
    return Id<Tag>(text(column));
  }

 private:
  std::unique_ptr<Cursor> cursor_;
};

/// Many rows for one statement, run with one round trip where the engine has them. Text is borrowed until Tx::batch()
/// ran.
class Batch {
 public:
  /// `columns`: how many parameters each row has.
  Batch(const Sql& sql, std::size_t columns) : sql_(sql), columns_(columns) {}

  /// Adds a row; its size must be `columns` (asserted).
  void add(std::initializer_list<Value> row);

  const Sql& sql() const { return sql_; }
  std::size_t size() const { return values_.size() / columns_; }
  bool empty() const { return values_.empty(); }
  std::span<const Value> row(std::size_t i) const { return {values_.data() + i * columns_, columns_}; }
  void reserve(std::size_t rows) { values_.reserve(rows * columns_); }

 private:
  Sql sql_;
  std::size_t columns_;
  std::vector<Value> values_;
};

/// An open transaction (or a read snapshot). Given to works and spans; never kept, never used from elsewhere.
/// Every function throws DatabaseError; after one, the transaction is lost and the engine knows it.
class Tx {
 public:
  virtual ~Tx() = default;

  virtual Engine engine() const = 0;
  /// Runs a statement that answers rows.
  virtual Rows query(const Sql& sql, std::span<const Value> parameters) = 0;
  /// Runs a statement for its effect; the number of rows it touched.
  virtual std::int64_t execute(const Sql& sql, std::span<const Value> parameters) = 0;
  /// Runs a batch; how many rows each of its rows touched.
  virtual std::vector<std::int64_t> batch_counts(const Batch& batch) = 0;

  Rows query(const Sql& sql, std::initializer_list<Value> parameters = {}) {
    return query(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }
  std::int64_t execute(const Sql& sql, std::initializer_list<Value> parameters = {}) {
    return execute(sql, std::span<const Value>(parameters.begin(), parameters.size()));
  }
  /// Several statements without parameters, for migrations.
  virtual void run_script(const std::string& script) = 0;

  /// A write that must touch exactly one row; DatabaseError row_count otherwise. Like batch() it may be sent without
  /// waiting: its error is then thrown by a later call, or instead of the commit.
  virtual void execute_one(const Sql& sql, std::initializer_list<Value> parameters);
  /// A batch each of whose rows must touch exactly one row; DatabaseError row_count otherwise.
  virtual void batch(const Batch& batch);
};

}  // namespace agora::sql
