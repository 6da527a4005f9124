#include "libs/sql/sqlite/connection.hpp"

#include <cstdlib>
#include <cstring>

#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"

namespace agora::sql::sqlite {
namespace {

constexpr int kBusyMilliseconds = 1'000;
/// 32 MiB for point reads: what is not there is a read of the kernel's page cache. A mapped file is no faster, and its
/// pages count as the process's memory.
constexpr const char* kPointReadCache = "PRAGMA cache_size=-32768";
/// 16 MiB: random keys touch pages all over the unique indexes, and each miss is a read.
constexpr const char* kWriterCache = "PRAGMA cache_size=-16384";

/// A failed fsync ends the process: the kernel may have dropped the pages and call the next fsync a success.
void end_if_fsync_failed(int extended, const std::string& message) {
  if (extended != SQLITE_IOERR_FSYNC && extended != SQLITE_IOERR_DIR_FSYNC) return;
  log::error({}, "fsync failed; ending, so that nothing is acknowledged that is not on disk", {{"reason", message}});
  log::stop();
  std::abort();
}

DatabaseError::Kind kind_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
      return DatabaseError::Kind::unavailable;
    default:
      return DatabaseError::Kind::failed;
  }
}

/// Resets a statement when the guard goes, also on exceptions.
class ResetGuard {
 public:
  explicit ResetGuard(Statement& statement) : statement_(statement) {}
  ~ResetGuard() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
  }
  ResetGuard(const ResetGuard&) = delete;
  ResetGuard& operator=(const ResetGuard&) = delete;

 private:
  Statement& statement_;
};

class SqliteCursor final : public Rows::Cursor {
 public:
  SqliteCursor(SqliteTx& tx, Statement& shared, std::unique_ptr<Statement> own, const char* text)
      : tx_(tx), own_(std::move(own)), statement_(own_ ? *own_ : shared), text_(text) {
    statement_.busy = true;
  }
  ~SqliteCursor() override {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    statement_.busy = false;
  }

  bool next() override {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    tx_.poison(code, text_);
  }
  bool is_null(int column) const override { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
  std::int64_t int64(int column) const override { return sqlite3_column_int64(statement_.get(), column); }
  std::string_view text(int column) const override {
    const auto* bytes = sqlite3_column_blob(statement_.get(), column);
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }
  Bytes bytes(int column) const override {
    const auto* bytes = sqlite3_column_blob(statement_.get(), column);
    return {static_cast<const std::byte*>(bytes),
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }

 private:
  SqliteTx& tx_;
  std::unique_ptr<Statement> own_;
  Statement& statement_;
  const char* text_;
};

}  // namespace

void fail(sqlite3* db, int code, const char* what) {
  const int extended = db == nullptr ? code : sqlite3_extended_errcode(db);
  const std::string message = std::string(db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db)) + ": " + what;
  end_if_fsync_failed(code, message);
  end_if_fsync_failed(extended, message);
  throw DatabaseError(kind_of(code), message);
}

Statement::Statement(sqlite3* db, const char* text) {
  const int code = sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) fail(db, code, text);
  const int count = sqlite3_bind_parameter_count(statement_);
  positions_.resize(static_cast<std::size_t>(count));
  for (int n = 1; n <= count; ++n) {
    positions_[static_cast<std::size_t>(n - 1)] =
        sqlite3_bind_parameter_index(statement_, ("$" + std::to_string(n)).c_str());
  }
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind(std::span<const Value> parameters, Keep keep) {
  if (parameters.size() != positions_.size()) {
    throw DatabaseError(DatabaseError::Kind::failed,
                        std::string("wrong number of parameters: ") + sqlite3_sql(statement_));
  }
  const auto lifetime = keep == Keep::yes ? SQLITE_TRANSIENT : SQLITE_STATIC;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& value = parameters[i].get();
    const int at = positions_[i];
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(statement_, at, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      // What is empty may have no address, which SQLite would take for NULL.
      code = sqlite3_bind_text(statement_, at, text->empty() ? "" : text->data(), static_cast<int>(text->size()),
                               lifetime);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      code = sqlite3_bind_blob(statement_, at, bytes->empty() ? static_cast<const void*>("") : bytes->data(),
                               static_cast<int>(bytes->size()), lifetime);
    } else {
      code = sqlite3_bind_null(statement_, at);
    }
    if (code != SQLITE_OK) fail(sqlite3_db_handle(statement_), code, sqlite3_sql(statement_));
  }
}

Connection::Connection(const std::string& path, Mode mode, const std::string& synchronous) {
  // SQLite's own memory statistics, which nobody asks for, take a lock on each allocation of every connection. Refused,
  // and no loss, where SQLite is in use already.
  [[maybe_unused]] static const int without_statistics = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &db_, flags, faults::sqlite_vfs());
  try {
    if (code != SQLITE_OK) fail(db_, code, path.c_str());
    sqlite3_busy_timeout(db_, kBusyMilliseconds);
    if (mode == Mode::read_write) {
      set_durability(synchronous);
      // Checkpoints are the writer's own business: never inside a request's commit.
      exec("PRAGMA wal_autocheckpoint=0");
      // Savepoints keep the pages they may restore in memory instead of a file that is opened for each group.
      exec("PRAGMA temp_store=MEMORY");
      exec(kWriterCache);
    } else {
      exec("PRAGMA query_only=1");
      if (mode == Mode::point_reads) exec(kPointReadCache);
    }
    exec("PRAGMA foreign_keys=1");
    sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  } catch (const DatabaseError&) {
    sqlite3_close_v2(db_);
    throw;
  }
}

void Connection::set_durability(const std::string& synchronous) {
  // Both pragmas answer without an error where they are not obeyed: what holds is read back.
  const auto journal = pragma_text("PRAGMA journal_mode=WAL");
  exec(("PRAGMA synchronous=" + synchronous).c_str());
  const auto level = pragma("PRAGMA synchronous");
  if (journal != "wal" || level != (synchronous == "FULL" ? 2 : 0)) {
    throw DatabaseError(DatabaseError::Kind::failed, "the file cannot be written durably: journal_mode is " + journal +
                                                         ", synchronous is " + std::to_string(level));
  }
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(db_);
}

void Connection::exec(const char* text) {
  const int code = sqlite3_exec(db_, text, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(db_, code, text);
}

Statement& Connection::prepare(const char* literal) {
  auto& statement = statements_[literal];
  if (!statement) statement = std::make_unique<Statement>(db_, literal);
  return *statement;
}

std::int64_t Connection::pragma(const char* text) {
  Statement statement(db_, text);
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) fail(db_, code, text);
  return sqlite3_column_int64(statement.get(), 0);
}

std::string Connection::pragma_text(const char* text) {
  Statement statement(db_, text);
  const int code = sqlite3_step(statement.get());
  if (code != SQLITE_ROW) fail(db_, code, text);
  return reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
}

Connection::Wal Connection::checkpoint(int mode) {
  Wal wal;
  // TRUNCATE would wait for readers, and the writer's queue with it.
  sqlite3_busy_timeout(db_, 0);
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, &wal.pages, &wal.copied);
  if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) {
    const std::string reason = sqlite3_errmsg(db_);
    end_if_fsync_failed(code, reason);
    log::warn({}, "the WAL could not be checkpointed", {{"reason", reason}});
  }
  sqlite3_busy_timeout(db_, kBusyMilliseconds);
  return wal;
}

void SqliteTx::poison(int code, const char* what) {
  poisoned_ = true;
  fail(connection_.get(), code, what);
}

Rows SqliteTx::query(const Sql& sql, std::span<const Value> parameters) {
  if (poisoned_) throw DatabaseError(DatabaseError::Kind::failed, "the transaction is lost after an SQL error");
  auto& shared = connection_.prepare(sql.sqlite);
  // The same query inside its own loop gets a statement of its own.
  auto own = shared.busy ? std::make_unique<Statement>(connection_.get(), sql.sqlite) : nullptr;
  auto& statement = own ? *own : shared;
  statement.bind(parameters, Statement::Keep::yes);
  return Rows(std::make_unique<SqliteCursor>(*this, shared, std::move(own), sql.sqlite));
}

std::int64_t SqliteTx::execute(const Sql& sql, std::span<const Value> parameters) {
  auto& statement = connection_.prepare(sql.sqlite);
  const ResetGuard guard(statement);
  statement.bind(parameters, Statement::Keep::no);
  return step_to_end(statement, sql.sqlite);
}

std::vector<std::int64_t> SqliteTx::batch_counts(const Batch& batch) {
  std::vector<std::int64_t> counts;
  counts.reserve(batch.size());
  if (batch.empty()) return counts;
  auto& statement = connection_.prepare(batch.sql().sqlite);
  const ResetGuard guard(statement);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    statement.bind(batch.row(i), Statement::Keep::no);
    counts.push_back(step_to_end(statement, batch.sql().sqlite));
    sqlite3_reset(statement.get());
  }
  return counts;
}

void SqliteTx::run_script(const std::string& script) {
  const int code = sqlite3_exec(connection_.get(), script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) poison(code, "migration");
}

std::int64_t SqliteTx::step_to_end(Statement& statement, const char* text) {
  if (poisoned_) throw DatabaseError(DatabaseError::Kind::failed, "the transaction is lost after an SQL error");
  int code = sqlite3_step(statement.get());
  while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
  if (code != SQLITE_DONE) poison(code, text);
  return sqlite3_changes64(connection_.get());
}

}  // namespace agora::sql::sqlite
