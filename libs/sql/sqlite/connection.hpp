#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <sqlite3.h>

#include "libs/sql/tx.hpp"

namespace agora::sql::sqlite {

/// A prepared statement and where its `$n` stand: bound by name, as the two engines number them differently.
class Statement {
 public:
  Statement(sqlite3* db, const char* text);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  sqlite3_stmt* get() const { return statement_; }
  /// `keep`: text is copied, for statements that are stepped after the call that bound it.
  enum class Keep { no, yes };
  void bind(std::span<const Value> parameters, Keep keep);

  bool busy = false;  ///< a cursor is on it

 private:
  sqlite3_stmt* statement_ = nullptr;
  std::vector<int> positions_;  ///< of `$1`, `$2`, …
};

/// `point_reads`: read-only, with a larger cache of pages of its own.
enum class Mode { read_write, read_only, point_reads };

/// One SQLite connection with its prepared statements. Not thread-safe.
class Connection {
 public:
  /// `synchronous`: FULL, or OFF in tests that do not care. Throws DatabaseError, also when the file's file system
  /// refuses a WAL.
  Connection(const std::string& path, Mode mode, const std::string& synchronous);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* get() const { return db_; }
  /// Statements without parameters or rows.
  void exec(const char* text);
  /// The prepared statement of a literal; made once per address.
  Statement& prepare(const char* literal);
  /// Whether a transaction is open. SQLite ends one by itself on some errors.
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  /// Number that the first row's first column holds.
  std::int64_t pragma(const char* text);
  /// Text that the first row's first column holds.
  std::string pragma_text(const char* text);
  /// Copies the WAL into the database file, as far as readers allow; waits for none of them. `mode`:
  /// SQLITE_CHECKPOINT_PASSIVE, or TRUNCATE, which empties the WAL's file if all could be copied.
  struct Wal {
    int pages = -1;   ///< in it; -1: unknown, nothing was done
    int copied = -1;  ///< of these, how many the database file has
  };
  Wal checkpoint(int mode);

 private:
  void set_durability(const std::string& synchronous);

  sqlite3* db_ = nullptr;
  std::unordered_map<const void*, std::unique_ptr<Statement>> statements_;
};

/// Throws the DatabaseError of a result code that is not OK. A failed fsync ends the process: what the kernel dropped
/// cannot be had by trying again.
[[noreturn]] void fail(sqlite3* db, int code, const char* what);

/// A transaction on a connection. Remembers whether an SQL error happened in it: then it is lost, whatever the work
/// made of the exception.
class SqliteTx final : public Tx {
 public:
  explicit SqliteTx(Connection& connection) : connection_(connection) {}

  Engine engine() const override { return Engine::sqlite; }
  Rows query(const Sql& sql, std::span<const Value> parameters) override;
  std::int64_t execute(const Sql& sql, std::span<const Value> parameters) override;
  std::vector<std::int64_t> batch_counts(const Batch& batch) override;
  void run_script(const std::string& script) override;

  bool poisoned() const { return poisoned_; }
  /// Throws what the error of a statement is, and remembers it.
  [[noreturn]] void poison(int code, const char* what);

 private:
  std::int64_t step_to_end(Statement& statement, const char* text);

  Connection& connection_;
  bool poisoned_ = false;
};

}  // namespace agora::sql::sqlite
