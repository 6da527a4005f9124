#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/migrations.hpp"
#include "libs/sql/tx.hpp"

namespace agora::telemetry {
class Registry;
}

namespace agora::sql {

/// Named limits of a database; every number here is a setting.
struct Limits {
  std::int64_t group_max = 64;                          ///< works and span commands in one commit
  std::chrono::microseconds group_time_max{5'000};   ///< a group is closed after this long
  std::int64_t queue_max = 4'096;                             ///< works and commands that wait; beyond: unavailable, at once
  std::int64_t readers = 2;                                   ///< read connections of the pool
  std::int64_t writers = 4;                                   ///< PostgreSQL: write connections
  std::int64_t retries_max = 8;                               ///< of 40001 and 40P01
  std::int64_t wal_bytes_max = 64 << 20;             ///< SQLite: the WAL is truncated above this
};

/// A service's own database, chosen by URL (`sqlite:DIR/order.db`, `postgresql://…`). Thread-safe.
///
/// - write(): a **work**, a synchronous function of Tx& alone. It may run more than once and on any thread, so capture ids and `now` by value.
/// - span(): for hot paths, a handler of what waited while the last commit ran.
/// - read(): a function of a read snapshot on the read pool. get(): the same for reads by primary key; SQLite runs it inline on the io thread.
///
/// Nothing answers before its commit returned. A queued work whose deadline passes is dropped (DatabaseError deadline) and did nothing;
/// once its group has started it is awaited. A throw rolls the work back alone and is rethrown to who waits.
class Database {
 public:
  /// Opens, or creates (SQLite). Throws DatabaseError unavailable, or FileInUse-like errors with the pid that holds the file.
  static std::unique_ptr<Database> open(const std::string& url, Limits limits, telemetry::Registry& metrics);
  virtual ~Database();

  virtual Engine engine() const = 0;

  /// Brings the schema up to the last of `migrations`; refuses (DatabaseError failed) when a landed one's checksum differs or the database is newer.
  virtual void migrate(std::span<const Migration> migrations) = 0;

  /// Awaits `work(Tx&)`'s commit and gives its value.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> write(Ctx ctx, Work work);
  /// Awaits `work(Tx&)` on a read snapshot.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> read(Ctx ctx, Work work);
  /// Awaits `work(Tx&)`, which reads by primary key only.
  template <class Work>
  Task<std::invoke_result_t<Work&, Tx&>> get(Ctx ctx, Work work);

  /// The same for callers that may block (start-up, tools, tests).
  template <class Work>
  std::invoke_result_t<Work&, Tx&> write_blocking(Ctx ctx, Work work);
  template <class Work>
  std::invoke_result_t<Work&, Tx&> read_blocking(Ctx ctx, Work work);

  /// Finishes what is queued, checkpoints (SQLite), closes. Writes after it throw unavailable.
  virtual void close() = 0;
};

/// A hot path: commands that wait while a commit runs are handled together in one transaction. Value; keeps a reference to its database.
///
/// The handler gets what waited, in queue order (≤ Limits::group_max), and answers each in order. It loads and locks all it needs, decides in
/// memory, writes by tx.batch(). When it throws, everything is rolled back and it runs again with each command alone: a poison command fails alone.
template <class Command, class Answer>
class Span {
 public:
  using Handler = std::function<std::vector<Answer>(Tx&, std::span<const Command>)>;

  Span(Database& database, std::string name, Handler handler);

  /// Queues the command; its answer once the commit returned.
  Task<Answer> operator()(Ctx ctx, Command command);
  /// For callers that may block.
  Answer blocking(Ctx ctx, Command command);
};

}  // namespace agora::sql
