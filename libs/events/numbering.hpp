#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "libs/sql/database.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::events {

/// A log whose rows wait for their numbers until they have committed, on PostgreSQL.
struct NumberedLog {
  sql::Sql look;    ///< its head, and 1 when a row waits
  sql::Sql number;  ///< numbers at most $1 of them, in the order in which they were inserted
};
/// The outbox.
extern const NumberedLog kOutboxLog;

/// Until this transaction ends nothing is numbered. PostgreSQL alone.
void hold_numbering(sql::Tx& tx);

/// Gives the events that have committed since the last call their numbers, in the order in which they were inserted
/// (that of any subject's versions), at most `max`; how many it gave. Waits for whoever else is at it. PostgreSQL
/// alone: SQLite numbers on insert.
std::int64_t number_committed(sql::Tx& tx, std::int64_t max, const NumberedLog& log = kOutboxLog);

/// Named limits of numbering; every number is a setting.
struct NumberingLimits {
  std::int64_t batch_max = 10'000;            ///< events numbered in one transaction
  std::chrono::milliseconds interval{20};     ///< until a replica sees what another has numbered
  std::chrono::milliseconds deadline{5'000};  ///< of one round
};

/// Sees to it that a log grows: numbers what this process commits as soon as it has (PostgreSQL; safe with several
/// replicas), and says so when there is something new to read, whoever wrote it. Used on the io thread.
class Numbering {
 public:
  /// Begins at once: the schema must be there. `on_growth` is called on the io thread. References must outlive it.
  Numbering(asio::io_context& io, sql::Database& database, NumberingLimits limits, std::function<void()> on_growth,
            telemetry::Registry& metrics, NumberedLog log = kOutboxLog);
  ~Numbering();
  Numbering(const Numbering&) = delete;
  Numbering& operator=(const Numbering&) = delete;

  /// Returns when the round under way ended; nothing is numbered after it.
  Task<void> stop();

 private:
  void committed();
  Task<telemetry::MoreWork> round(Ctx ctx);

  asio::io_context& io_;
  sql::Database& database_;
  const NumberedLog log_;
  const NumberingLimits limits_;
  std::function<void()> on_growth_;
  std::int64_t head_ = -1;  ///< as last seen
  std::atomic<bool> wake_pending_ = false;
  std::unique_ptr<telemetry::JobLoop> loop_{};  ///< none on SQLite
};

}  // namespace agora::events
