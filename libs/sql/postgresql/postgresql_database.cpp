#include "libs/sql/postgresql/postgresql_database.hpp"

#include <algorithm>
#include <random>

#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::sql::postgresql {
namespace {

constexpr std::chrono::milliseconds kWait{1'000};
constexpr std::chrono::milliseconds kTimeoutMax{30'000};
constexpr std::chrono::milliseconds kFirstBackoff{2};
constexpr std::chrono::milliseconds kBackoffMax{100};
const std::vector<double> kGroupBuckets{1, 2, 4, 8, 16, 32, 64, 128};
const std::vector<double> kCommitBuckets{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1};

/// BEGIN with what is left of the time allowed as the limit of every lock and statement: one round trip.
std::string begin_within(Deadline deadline) {
  auto left = kTimeoutMax;
  if (deadline != Deadline::max()) {
    left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    left = std::clamp(left, std::chrono::milliseconds{1}, kTimeoutMax);
  }
  const auto ms = std::to_string(left.count());
  return "BEGIN; SET LOCAL lock_timeout = " + ms + "; SET LOCAL statement_timeout = " + ms;
}

void roll_back(Connection& connection) {
  try {
    if (connection.in_transaction()) connection.exec("ROLLBACK");
  } catch (const DatabaseError&) {
    connection.drop();
  }
}

/// Half of the backoff fixed, half random: those who collided do not meet again.
std::chrono::milliseconds jittered(int attempt) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto backoff = std::min(kBackoffMax, kFirstBackoff * (1 << std::min(attempt, 10)));
  return backoff / 2 + std::chrono::milliseconds{random() % static_cast<unsigned>(backoff.count() / 2 + 1)};
}

Deadline earliest_deadline(const Unit& unit, std::size_t first, std::size_t count) {
  auto deadline = Deadline::max();
  for (std::size_t i = first; i < first + count; ++i) deadline = std::min(deadline, unit.members[i]->deadline);
  return deadline;
}

}  // namespace

PostgresqlDatabase::PostgresqlDatabase(const std::string& url, const Limits& limits, telemetry::Registry& metrics)
    : limits_(limits),
      writes_(limits.queue_max),
      reads_(limits.queue_max),
      group_sizes_(metrics.histogram("agora_sql_group_size", "Works and commands in one commit.", kGroupBuckets)),
      commit_seconds_(
          metrics.histogram("agora_sql_commit_seconds", "Time of a group from BEGIN to COMMIT.", kCommitBuckets)),
      retries_(metrics.counter("agora_sql_retries_total", "Transactions run again after a serialization failure.")) {
  const auto add_thread = [&](auto loop) {
    auto& connection = *connections_.emplace_back(std::make_unique<Connection>(url));
    threads_.emplace_back([this, loop, &connection] { (this->*loop)(connection); });
  };
  for (std::int64_t i = 0; i < limits.writers; ++i) add_thread(&PostgresqlDatabase::write_loop);
  for (std::int64_t i = 0; i < limits.readers; ++i) add_thread(&PostgresqlDatabase::read_loop);
  metrics.gauge_callback("agora_sql_waiting_writes", "Works and commands that wait for the writer.", {},
                         [this] { return writes_.size(); });
}

PostgresqlDatabase::~PostgresqlDatabase() {
  close();
}

void PostgresqlDatabase::close() {
  writes_.close();
  reads_.close();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void PostgresqlDatabase::read_loop(Connection& connection) {
  while (true) {
    const auto members = reads_.take(1, kWait);
    if (members.empty()) {
      if (reads_.closed()) return;
      continue;
    }
    auto& member = *members.front();
    try {
      // One snapshot for all statements of the read.
      connection.begin(begin_within(member.deadline) + "; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
      PostgresqlTx tx(connection);
      member.run(tx);
      connection.exec("COMMIT");
    } catch (...) {
      member.error = std::current_exception();
      roll_back(connection);
    }
    wake(members);
  }
}

void PostgresqlDatabase::write_loop(Connection& connection) {
  while (true) {
    const auto members = writes_.take_unit(limits_.group_max, kWait);
    if (members.empty()) {
      if (writes_.closed()) return;
      continue;
    }
    const auto started = std::chrono::steady_clock::now();
    auto unit = std::move(to_units(members).front());
    try {
      commit(connection, unit, 0, members.size());
    } catch (...) {
      bool run_alone = members.size() > 1;
      try {
        throw;
      } catch (const DatabaseError& error) {
        // No connection, a timeout or an unknown commit answers all; the fault of one command answers that one.
        run_alone = run_alone && !error.retry_helps();
      } catch (...) {
        // Thrown by the handler: whose command it was is found by running each alone.
      }
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (!run_alone) {
          members[i]->error = std::current_exception();
          continue;
        }
        try {
          commit(connection, unit, i, 1);
        } catch (...) {
          members[i]->error = std::current_exception();
        }
      }
    }
    commit_seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
    AGORA_CRASH_POINT("sql.after_commit");
    group_sizes_.observe(static_cast<double>(members.size()));
    wake(members);
  }
}

void PostgresqlDatabase::commit(Connection& connection, Unit& unit, std::size_t first, std::size_t count) {
  const auto deadline = earliest_deadline(unit, first, count);
  for (int attempt = 0;; ++attempt) {
    try {
      return commit_once(connection, unit, first, count);
    } catch (const DatabaseError& error) {
      const bool again = error.kind() == DatabaseError::Kind::serialization && attempt < limits_.retries_max &&
                         std::chrono::steady_clock::now() < deadline;
      if (!again) throw;
    }
    retries_.add();
    std::this_thread::sleep_for(jittered(attempt));
  }
}

void PostgresqlDatabase::commit_once(Connection& connection, Unit& unit, std::size_t first, std::size_t count) {
  try {
    connection.begin(begin_within(earliest_deadline(unit, first, count)));
    PostgresqlTx tx(connection);
    if (unit.batch) {
      unit.batch->run(tx, first, count);
    } else {
      unit.members.front()->run(tx);
    }
    AGORA_CRASH_POINT("sql.before_commit");
  } catch (...) {
    roll_back(connection);
    throw;
  }
  try {
    const auto result = connection.exec("COMMIT");
    // After an error that somebody swallowed COMMIT is answered, with another tag.
    if (std::string_view(PQcmdStatus(result.get())) != "COMMIT") {
      throw DatabaseError(DatabaseError::Kind::failed, "COMMIT rolled back: a work went on after an SQL error");
    }
    tell_committed();
  } catch (const SqlError& error) {
    if (!error.connection_lost()) throw;
    connection.drop();
    throw DatabaseError(DatabaseError::Kind::unknown_commit, "the connection was lost while committing");
  }
}

}  // namespace agora::sql::postgresql
