#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "libs/sql/database.hpp"
#include "libs/sql/postgresql/connection.hpp"

namespace agora::telemetry {
class Counter;
class Histogram;
}  // namespace agora::telemetry

namespace agora::sql::postgresql {

/// PostgreSQL ≥ 15: one transaction per work or span, on N writer connections; reads on M others. libpq blocks on these
/// threads only.
///
/// READ COMMITTED. 40001 and 40P01 run again with jitter, bounded. A commit counts only when its tag is COMMIT; a
/// connection lost after COMMIT was sent is unknown_commit and not run again. A lost connection is made anew by the
/// next work.
class PostgresqlDatabase final : public Database {
 public:
  PostgresqlDatabase(const std::string& url, const Limits& limits, telemetry::Registry& metrics);
  ~PostgresqlDatabase() override;

  Engine engine() const override { return Engine::postgresql; }
  void close() override;
  void enqueue_write(Member& member) override { writes_.push(member); }
  void enqueue_read(Member& member) override { reads_.push(member); }
  bool run_inline(Member&) override { return false; }

 private:
  void write_loop(Connection& connection);
  void read_loop(Connection& connection);
  /// Runs [first, first + count) of a unit in a transaction, again after serialization failures.
  void commit(Connection& connection, Unit& unit, std::size_t first, std::size_t count);
  void commit_once(Connection& connection, Unit& unit, std::size_t first, std::size_t count);

  const Limits limits_;
  MemberQueue writes_;
  MemberQueue reads_;
  telemetry::Histogram& group_sizes_;
  telemetry::Histogram& commit_seconds_;
  telemetry::Counter& retries_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::thread> threads_;
};

}  // namespace agora::sql::postgresql
