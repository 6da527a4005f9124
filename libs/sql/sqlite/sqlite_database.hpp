#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libs/sql/database.hpp"
#include "libs/sql/sqlite/connection.hpp"

namespace agora::sql::sqlite {

/// SQLite with group commit: one writer thread, which alone writes and checkpoints the file; read connections beside
/// it.
///
/// A group is what waited while the last commit ran: one transaction, one fsync. Each unit (a lone work, or the
/// commands of one span) runs under a savepoint of its own. The first SQL error poisons the group: it is rolled back
/// whole and every member runs again alone.
class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::string& path, const std::string& synchronous, const Limits& limits,
                 telemetry::Registry& metrics);
  ~SqliteDatabase() override;

  Engine engine() const override { return Engine::sqlite; }
  void close() override;
  void enqueue_write(Member& member) override { writes_.push(member); }
  void enqueue_read(Member& member) override { reads_.push(member); }
  bool run_inline(Member& member) override;

 private:
  class FileLock {
   public:
    explicit FileLock(const std::string& path);
    ~FileLock();
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;

   private:
    int fd_ = -1;
  };

  void write_loop();
  void read_loop(Connection& connection);
  void run_read(Connection& connection, Member& member);
  void run_group(std::vector<Member*> members);
  /// Whether the group committed; false: nothing is there, every member must run again alone.
  bool commit_together(std::vector<Unit>& units, std::vector<Member*>& unstarted);
  void commit_alone(Unit& unit, std::size_t i);
  /// Runs a unit under a savepoint; a C++ throw rolls back the savepoint only. False: an SQL error happened.
  bool run_under_savepoint(SqliteTx& tx, Unit& unit);
  /// The same for the group's only unit: what would be rolled back to is the transaction's beginning.
  bool run_whole(SqliteTx& tx, Unit& unit);
  /// After a unit's throw, which was rolled back: a lone work keeps it; of a span's commands each runs again under a
  /// savepoint, to find whose it was. False: an SQL error happened.
  bool run_one_by_one(SqliteTx& tx, Unit& unit);
  bool run_one_under_savepoint(SqliteTx& tx, Unit& unit, std::size_t i);
  /// Whether nothing but C++ throws happened in the transaction.
  bool sound(const SqliteTx& tx) const { return !tx.poisoned() && writer_.in_transaction(); }
  /// Lets go of the snapshot that inline reads share; a checkpoint cannot pass it.
  void end_inline_snapshot();
  void begin();
  void commit();
  static void roll_back(Connection& connection);
  void wal_grew(std::int64_t pages);
  void checkpoint_if_large();
  void copy_wal();
  void checkpoint(int mode);

  const Limits limits_;
  FileLock lock_;
  Connection writer_;
  std::int64_t page_bytes_;
  std::int64_t reuse_pages_;    ///< a WAL of so many pages is copied, to be written again from its start
  std::int64_t checkpoint_at_;  ///< pages at which that is tried next
  std::int64_t wal_pages_ = 0;  ///< in the WAL, those copied already included
  bool all_copied_ = true;      ///< into the database file
  MemberQueue writes_;
  MemberQueue reads_;
  std::vector<std::unique_ptr<Connection>> readers_;
  std::mutex inline_mutex_;  ///< one io thread is the rule; more take turns
  std::unique_ptr<Connection> inline_reader_;
  std::uint64_t inline_snapshot_ = 0;  ///< commits that its open transaction sees
  std::atomic<std::uint64_t> commits_{0};
  PoolGauges writing_;
  PoolGauges reading_;
  telemetry::Histogram& group_sizes_;
  telemetry::Histogram& commit_seconds_;
  std::vector<std::thread> read_threads_;
  std::thread write_thread_;
};

}  // namespace agora::sql::sqlite
