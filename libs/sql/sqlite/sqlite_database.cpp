#include "libs/sql/sqlite/sqlite_database.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::sql::sqlite {
namespace {

constexpr std::chrono::milliseconds kIdleBeforeCheckpoint{50};
constexpr std::chrono::milliseconds kIdleWait{1'000};
constexpr std::int64_t kReuseBytes = 16 << 20;
/// "Agor" in SQLite's header: `file` and our tools know the database by it.
constexpr std::int64_t kApplicationId = 0x41676F72;
const std::vector<double> kGroupBuckets{1, 2, 4, 8, 16, 32, 64, 128};
const std::vector<double> kCommitBuckets{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1};

/// Steps a fixed statement; it returns no rows and must not fail.
void run(Connection& connection, const char* literal) {
  auto& statement = connection.prepare(literal);
  const int code = sqlite3_step(statement.get());
  sqlite3_reset(statement.get());
  if (code != SQLITE_DONE) fail(connection.get(), code, literal);
}

/// Keeps the exception being handled for whoever waits for the member.
void keep_error(Member& member) {
  member.error = std::current_exception();
}

/// Marks a new file as ours. Throws DatabaseError when it is another program's.
void claim_file(Connection& writer, const std::string& path) {
  const auto id = writer.pragma("PRAGMA application_id");
  if (id == kApplicationId) return;
  if (id != 0) throw DatabaseError(DatabaseError::Kind::failed, path + " is another program's database");
  writer.exec(("PRAGMA application_id=" + std::to_string(kApplicationId)).c_str());
}

std::string read_pid(int fd) {
  char text[32] = {};
  const auto size = ::pread(fd, text, sizeof text - 1, 0);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string("unknown");
}

}  // namespace

SqliteDatabase::FileLock::FileLock(const std::string& path) {
  const auto lock_path = path + ".lock";
  fd_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    throw DatabaseError(DatabaseError::Kind::unavailable, "cannot open " + lock_path + ": " + std::strerror(errno));
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_pid(fd_);
    ::close(fd_);
    throw FileInUse(path + " is in use by process " + holder);
  }
  const auto pid = std::to_string(::getpid());
  if (::ftruncate(fd_, 0) != 0 || ::pwrite(fd_, pid.data(), pid.size(), 0) < 0) {
    ::close(fd_);
    throw DatabaseError(DatabaseError::Kind::unavailable, "cannot write " + lock_path + ": " + std::strerror(errno));
  }
}

SqliteDatabase::FileLock::~FileLock() {
  ::close(fd_);
}

SqliteDatabase::SqliteDatabase(const std::string& path, const std::string& synchronous, const Limits& limits,
                               telemetry::Registry& metrics)
    : Database(metrics),
      limits_(limits),
      lock_(path),
      writer_(path, Mode::read_write, synchronous),
      page_bytes_(writer_.pragma("PRAGMA page_size")),
      reuse_pages_(std::min(kReuseBytes, limits.wal_bytes_max) / page_bytes_),
      checkpoint_at_(reuse_pages_),
      writes_(limits.queue_max),
      reads_(limits.queue_max),
      writing_(metrics, "writers"),
      reading_(metrics, "readers"),
      group_sizes_(metrics.histogram("agora_sql_group_size", "Works and commands in one commit.", kGroupBuckets)),
      commit_seconds_(
          metrics.histogram("agora_sql_commit_seconds", "Time of a group from BEGIN to COMMIT.", kCommitBuckets)) {
  claim_file(writer_, path);
  // A WAL that a long read made large shrinks when it starts anew.
  writer_.exec(("PRAGMA journal_size_limit=" + std::to_string(limits.wal_bytes_max)).c_str());
  sqlite3_wal_hook(
      writer_.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteDatabase*>(self)->wal_grew(pages);
        return SQLITE_OK;
      },
      this);
  // The WAL index must be there before a read-only connection opens: reading once makes it.
  writer_.pragma("PRAGMA schema_version");
  inline_reader_ = std::make_unique<Connection>(path, Mode::point_reads, synchronous);
  for (std::int64_t i = 0; i < limits.readers; ++i) {
    readers_.push_back(std::make_unique<Connection>(path, Mode::read_only, synchronous));
  }
  write_thread_ = std::thread([this] { write_loop(); });
  for (auto& reader : readers_) {
    read_threads_.emplace_back([this, &connection = *reader] { read_loop(connection); });
  }
  // Last: an opening that fails must leave nothing of itself behind.
  metrics.gauge_callback("agora_sql_waiting_writes", "Works and commands that wait for the writer.", {},
                         [this] { return writes_.size(); });
  metrics.gauge_callback("agora_sql_waiting_reads", "Reads that wait for a connection.", {},
                         [this] { return reads_.size(); });
  writing_.connections.set(1);
  reading_.connections.set(limits.readers);
}

SqliteDatabase::~SqliteDatabase() {
  close();
}

void SqliteDatabase::close() {
  writes_.close();
  reads_.close();
  if (write_thread_.joinable()) write_thread_.join();
  for (auto& thread : read_threads_) {
    if (thread.joinable()) thread.join();
  }
  if (readers_.empty() && !inline_reader_) return;
  readers_.clear();
  const std::lock_guard lock(inline_mutex_);
  inline_reader_.reset();
  writer_.checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

bool SqliteDatabase::run_inline(Member& member) {
  const std::lock_guard lock(inline_mutex_);
  if (!inline_reader_) throw DatabaseError(DatabaseError::Kind::unavailable, "the database is closed");
  // Beginning and ending a snapshot takes ten times as long as reading a row. This process alone writes the file, so
  // while nothing was committed the snapshot of the read before is still the newest.
  const auto commits = commits_.load(std::memory_order_acquire);
  if (inline_reader_->in_transaction() && inline_snapshot_ != commits) run(*inline_reader_, "COMMIT");
  if (!inline_reader_->in_transaction()) {
    run(*inline_reader_, "BEGIN");
    inline_snapshot_ = commits;
  }
  SqliteTx tx(*inline_reader_);
  try {
    member.run(tx);
  } catch (...) {
    roll_back(*inline_reader_);
    throw;
  }
  return true;
}

void SqliteDatabase::end_inline_snapshot() {
  const std::lock_guard lock(inline_mutex_);
  if (inline_reader_ && inline_reader_->in_transaction()) run(*inline_reader_, "COMMIT");
}

void SqliteDatabase::run_read(Connection& connection, Member& member) {
  const Busy busy(reading_.busy);
  // A transaction, so that all its statements see one state.
  run(connection, "BEGIN");
  SqliteTx tx(connection);
  try {
    member.run(tx);
  } catch (...) {
    roll_back(connection);
    throw;
  }
  run(connection, "COMMIT");
}

void SqliteDatabase::read_loop(Connection& connection) {
  while (true) {
    const auto members = reads_.take(1, kIdleWait);
    if (members.empty()) {
      if (reads_.drained()) return;
      continue;
    }
    try {
      run_read(connection, *members.front());
    } catch (...) {
      keep_error(*members.front());
    }
    wake(members);
  }
}

void SqliteDatabase::write_loop() {
  while (true) {
    const auto wait = all_copied_ ? kIdleWait : kIdleBeforeCheckpoint;
    auto members = writes_.take(limits_.group_max, wait);
    if (!members.empty()) {
      run_group(std::move(members));
      checkpoint_if_large();
    } else if (writes_.drained()) {
      return;
    } else if (!all_copied_) {
      copy_wal();
    }
  }
}

void SqliteDatabase::run_group(std::vector<Member*> members) {
  const Busy busy(writing_.busy);
  const auto started = std::chrono::steady_clock::now();
  auto units = to_units(members);
  std::vector<Member*> unstarted;
  if (!commit_together(units, unstarted)) {
    for (auto& unit : units) {
      for (std::size_t i = 0; i < unit.members.size(); ++i) commit_alone(unit, i);
    }
  }
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  commit_seconds_.observe(seconds);

  if (!unstarted.empty()) {
    writes_.push_front(unstarted);
    std::erase_if(members, [&](Member* member) {
      return std::find(unstarted.begin(), unstarted.end(), member) != unstarted.end();
    });
  }
  AGORA_CRASH_POINT("sql.after_commit");
  group_sizes_.observe(static_cast<double>(members.size()));
  for (auto* member : members) member->group_size = static_cast<std::int64_t>(members.size());
  wake(members);
}

bool SqliteDatabase::commit_together(std::vector<Unit>& units, std::vector<Member*>& unstarted) {
  const auto close_at = std::chrono::steady_clock::now() + limits_.group_time_max;
  try {
    begin();
    SqliteTx tx(writer_);
    for (std::size_t i = 0; i < units.size(); ++i) {
      // A batch is begun or left whole: its commands are in its hands. Lone works may wait for the next group.
      if (i > 0 && !units[i].batch && std::chrono::steady_clock::now() >= close_at) {
        unstarted.push_back(units[i].members.front());
        units.erase(units.begin() + static_cast<std::ptrdiff_t>(i--));
        continue;
      }
      // A group of one unit needs no savepoint.
      if (units.size() == 1 ? !run_whole(tx, units[0]) : !run_under_savepoint(tx, units[i])) {
        roll_back(writer_);
        faults::after_transaction(writer_.get());
        return false;
      }
    }
    commit();
    return true;
  } catch (const DatabaseError& error) {
    // BEGIN, RELEASE, ROLLBACK TO or COMMIT failed: nothing of the group is there.
    log::warn({}, "a group of works was rolled back; each runs again alone", {{"reason", error.what()}});
    roll_back(writer_);
    faults::after_transaction(writer_.get());
    return false;
  }
}

bool SqliteDatabase::run_whole(SqliteTx& tx, Unit& unit) {
  try {
    unit.run(tx);
  } catch (...) {
    if (!sound(tx)) return false;
    run(writer_, "ROLLBACK");
    run(writer_, "BEGIN IMMEDIATE");
    return run_one_by_one(tx, unit);
  }
  return sound(tx);
}

bool SqliteDatabase::run_under_savepoint(SqliteTx& tx, Unit& unit) {
  run(writer_, "SAVEPOINT unit");
  try {
    unit.run(tx);
  } catch (...) {
    if (!sound(tx)) return false;
    run(writer_, "ROLLBACK TO unit");
    run(writer_, "RELEASE unit");
    return run_one_by_one(tx, unit);
  }
  if (!sound(tx)) return false;
  run(writer_, "RELEASE unit");
  return true;
}

bool SqliteDatabase::run_one_by_one(SqliteTx& tx, Unit& unit) {
  if (unit.members.size() == 1) {
    keep_error(*unit.members.front());
    return true;
  }
  for (std::size_t i = 0; i < unit.members.size(); ++i) {
    if (!run_one_under_savepoint(tx, unit, i)) return false;
  }
  return true;
}

bool SqliteDatabase::run_one_under_savepoint(SqliteTx& tx, Unit& unit, std::size_t i) {
  run(writer_, "SAVEPOINT one");
  try {
    unit.run_one(tx, i);
  } catch (...) {
    if (!sound(tx)) return false;
    keep_error(*unit.members[i]);
    run(writer_, "ROLLBACK TO one");
  }
  if (!sound(tx)) return false;
  run(writer_, "RELEASE one");
  return true;
}

void SqliteDatabase::commit_alone(Unit& unit, std::size_t i) {
  auto& member = *unit.members[i];
  member.error = nullptr;
  try {
    begin();
    SqliteTx tx(writer_);
    unit.run_one(tx, i);
    if (tx.poisoned()) throw DatabaseError(DatabaseError::Kind::failed, "a work went on after an SQL error");
    commit();
  } catch (...) {
    keep_error(member);
    roll_back(writer_);
    faults::after_transaction(writer_.get());
  }
}

void SqliteDatabase::begin() {
  faults::before_transaction(writer_.get());
  run(writer_, "BEGIN IMMEDIATE");
}

void SqliteDatabase::commit() {
  AGORA_CRASH_POINT("sql.before_commit");
  run(writer_, "COMMIT");
  commits_.fetch_add(1, std::memory_order_release);
  tell_committed();
  faults::after_transaction(writer_.get());
}

void SqliteDatabase::roll_back(Connection& connection) {
  // SQLite may have ended the transaction itself, on the error that brought us here.
  if (connection.in_transaction()) run(connection, "ROLLBACK");
}

void SqliteDatabase::wal_grew(std::int64_t pages) {
  // Fewer than before: it is written again from its start.
  if (pages < wal_pages_) checkpoint_at_ = reuse_pages_;
  wal_pages_ = pages;
  all_copied_ = false;
}

void SqliteDatabase::checkpoint_if_large() {
  if (wal_pages_ < checkpoint_at_) return;
  // A WAL that was copied whole is written again from its start: overwriting syncs faster than growing.
  copy_wal();
  // What a long read held back is tried again when much more has come: after each group it would only slow the writer.
  checkpoint_at_ = std::max(reuse_pages_, wal_pages_ + reuse_pages_ / 4);
}

void SqliteDatabase::copy_wal() {
  checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  if (wal_pages_ * page_bytes_ >= limits_.wal_bytes_max) checkpoint(SQLITE_CHECKPOINT_TRUNCATE);
}

void SqliteDatabase::checkpoint(int mode) {
  end_inline_snapshot();
  const auto wal = writer_.checkpoint(mode);
  if (wal.pages >= 0) wal_pages_ = wal.pages;
  all_copied_ = wal.pages >= 0 && wal.copied == wal.pages;
  // And again: a snapshot taken meanwhile stands in the WAL and keeps the next commit from starting it anew. The next
  // snapshot will stand on the database file.
  end_inline_snapshot();
}

}  // namespace agora::sql::sqlite
