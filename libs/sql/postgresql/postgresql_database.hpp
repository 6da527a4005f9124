#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "libs/sql/database.hpp"
#include "libs/sql/postgresql/connection.hpp"

namespace agora::sql::postgresql {

/// PostgreSQL ≥ 15: one transaction per work or span, on N writer connections; reads on M others. libpq is waited for
/// on these threads only.
///
/// READ COMMITTED. 40001, 40P01 and a connection lost before COMMIT was sent run again with jitter, bounded. A commit
/// counts only when its tag is COMMIT; a connection lost after COMMIT was sent is unknown_commit and not run again.
/// Lost connections are made anew in the background; while there is none, whatever waits is answered unavailable at
/// once.
class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(const std::string& url, const Limits& limits, telemetry::Registry& metrics);
  ~PostgresqlDatabase() override;

  Engine engine() const override { return Engine::postgresql; }
  void migrate(std::span<const Migration> migrations) override;
  void close() override;
  void enqueue_write(Member& member) override { writers_.queue.push(member); }
  void enqueue_read(Member& member) override { readers_.queue.push(member); }
  bool run_inline(Member&) override { return false; }

 private:
  /// Connections that serve one queue, a thread each.
  struct Pool {
    Pool(std::int64_t queue_max, PoolGauges pool_gauges) : queue(queue_max), gauges(pool_gauges) {}
    MemberQueue queue;
    PoolGauges gauges;
    std::atomic<int> alive{0};
    std::atomic<bool> down{false};  ///< connecting failed, and there is no connection
    std::mutex connecting;          ///< one tries, the others answer
  };

  void write_loop(Connection& connection);
  void read_loop(Connection& connection);
  void read(Connection& connection, Member& member);
  /// Connects, as often as it takes. False: the database was closed meanwhile.
  bool stay_connected(Connection& connection, Pool& pool);
  void try_to_connect(Connection& connection, Pool& pool);

  void write(Connection& connection, Unit& unit);
  /// Runs [first, first + count) of a unit in a transaction, again where that is harmless.
  void commit(Connection& connection, Unit& unit, std::size_t first, std::size_t count);
  void commit_once(Connection& connection, Unit& unit, std::size_t first, std::size_t count, Deadline deadline);
  /// Calls `once` again after serialization failures and connections lost before COMMIT.
  void run_again(Connection& connection, Deadline deadline, const std::function<void()>& once);
  telemetry::Counter& retries(const std::string& reason);
  std::chrono::milliseconds time_left(Deadline deadline) const;
  void end_stopped_sessions(Connection& connection);

  const std::string url_;
  const Limits limits_;
  telemetry::Registry& metrics_;
  Pool writers_;
  Pool readers_;
  telemetry::Histogram& group_sizes_;
  telemetry::Histogram& commit_seconds_;
  telemetry::Counter& unknown_commits_;
  telemetry::Counter& sessions_ended_;
  std::atomic<std::int64_t> look_for_stopped_at_{0};  ///< of the monotonic clock
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::thread> threads_;
};

}  // namespace agora::sql::postgresql
