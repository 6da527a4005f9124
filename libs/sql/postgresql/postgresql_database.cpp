#include "libs/sql/postgresql/postgresql_database.hpp"

#include <algorithm>
#include <random>

#include "libs/log/log.hpp"
#include "libs/sql/faults.hpp"
#include "libs/sql/postgresql/postgresql_tx.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::sql::postgresql {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kWait{250};
constexpr Milliseconds kFirstBackoff{2};
constexpr Milliseconds kBackoffMax{100};
constexpr const char* kBegin = "BEGIN";
// One snapshot for all statements of a read.
constexpr const char* kBeginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The server itself ends what is idle in a transaction, but each session for itself, and the next one of the same
/// stopped process may get the lock then; and between the messages of a pipeline its timeouts do not run at all. So the
/// others look for processes that stopped, and end all that these have open. state_change moves with every message.
constexpr Sql kEndStopped{
    "",
    "WITH ours AS (SELECT * FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user AND "
    "application_name LIKE '%/%' AND xact_start IS NOT NULL AND pid <> pg_backend_pid() AND "
    "split_part(application_name, '/', 1) = split_part(current_setting('application_name'), '/', 1)) "
    "SELECT count(pg_terminate_backend(pid)) FROM ours WHERE application_name IN (SELECT application_name FROM ours "
    "WHERE wait_event = 'ClientRead' AND state_change < clock_timestamp() - $1::bigint * interval '1 millisecond')"};
constexpr Sql kTryLock{"", "SELECT pg_try_advisory_xact_lock(4702111234474983745)::int"};
constexpr Sql kLock{"", "SELECT pg_advisory_xact_lock(4702111234474983745)"};
constexpr Sql kLockTimeout{"", "SELECT set_config('lock_timeout', $1, true)"};
const std::vector<double> kGroupBuckets{1, 2, 4, 8, 16, 32, 64, 128};
const std::vector<double> kCommitBuckets{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1};

/// Half of the backoff fixed, half random: those who collided do not meet again.
Milliseconds jittered(int attempt, Milliseconds first, Milliseconds max) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto backoff = std::min(max, first * (1 << std::min(attempt, 10)));
  return backoff / 2 + Milliseconds{random() % static_cast<unsigned>(backoff.count() / 2 + 1)};
}

/// Once a span has started its commands are awaited, also those whose time is over: what it may take is what the most
/// patient of them allows. The impatient would else have all of them fail.
Deadline latest_deadline(const Unit& unit) {
  auto deadline = Deadline::min();
  for (const auto* member : unit.members) deadline = std::max(deadline, member->deadline);
  return deadline;
}

void refuse(const std::vector<Member*>& members, const std::exception_ptr& error) {
  for (auto* member : members) member->error = error;
  wake(members);
}

/// Of an error after which nothing has happened and the same may succeed: what its retry is counted under. Else none.
std::optional<std::string> reason_to_run_again(const DatabaseError& error) {
  const auto* said = dynamic_cast<const SqlError*>(&error);
  if (said != nullptr && said->connection_lost()) return "connection";
  if (error.kind() != DatabaseError::Kind::serialization) return std::nullopt;
  return said == nullptr ? "none" : said->state();
}

}  // namespace

PostgresqlDatabase::PostgresqlDatabase(const std::string& url, const Limits& limits, telemetry::Registry& metrics)
    : Database(metrics),
      url_(url),
      limits_(limits),
      metrics_(metrics),
      writers_(limits.queue_max, PoolGauges(metrics, "writers")),
      readers_(limits.queue_max, PoolGauges(metrics, "readers")),
      group_sizes_(metrics.histogram("agora_sql_group_size", "Works and commands in one commit.", kGroupBuckets)),
      commit_seconds_(
          metrics.histogram("agora_sql_commit_seconds", "Time of a group from BEGIN to COMMIT.", kCommitBuckets)),
      unknown_commits_(metrics.counter("agora_sql_unknown_commits_total",
                                       "Connections lost while COMMIT was under way: done or not, the key tells.")),
      sessions_ended_(metrics.counter("agora_sql_stopped_sessions_ended_total",
                                      "Sessions of stopped processes, ended because they may hold locks.")) {
  check_url(url);
  // There before any happens: a counter that begins at 1 has not risen.
  for (const auto* reason : {"40001", "40P01", "connection"}) retries(reason);
  const auto add_thread = [&](auto loop) {
    auto& connection = *connections_.emplace_back(std::make_unique<Connection>(url, limits.idle_in_transaction_max));
    threads_.emplace_back([this, loop, &connection] { (this->*loop)(connection); });
  };
  for (std::int64_t i = 0; i < limits.writers; ++i) add_thread(&PostgresqlDatabase::write_loop);
  for (std::int64_t i = 0; i < limits.readers; ++i) add_thread(&PostgresqlDatabase::read_loop);
  metrics.gauge_callback("agora_sql_waiting_writes", "Works and commands that wait for the writer.", {},
                         [this] { return writers_.queue.size(); });
  metrics.gauge_callback("agora_sql_waiting_reads", "Reads that wait for a connection.", {},
                         [this] { return readers_.queue.size(); });
}

PostgresqlDatabase::~PostgresqlDatabase() {
  close();
}

void PostgresqlDatabase::close() {
  writers_.queue.close();
  readers_.queue.close();
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void PostgresqlDatabase::migrate(std::span<const Migration> migrations) {
  // A connection of its own: steps may take long, and whoever else starts waits for us just as long.
  Connection connection(url_, limits_.idle_in_transaction_max);
  connection.connect();
  connection.begin(kBegin, Milliseconds{0});
  PostgresqlTx tx(connection);
  const auto free = [&tx] {
    auto rows = tx.query(kTryLock);
    return rows.next() && rows.boolean(0);
  }();
  if (!free) {
    log::info({}, "another process migrates the database; waiting for it");
    tx.query(kLock);
  }
  // A step that waits for a table has everybody wait who comes after it.
  tx.query(kLockTimeout, {std::to_string(limits_.migration_lock_wait_max.count())});
  apply_migrations(tx, migrations);
  connection.settle();
  connection.commit();
}

void PostgresqlDatabase::try_to_connect(Connection& connection, Pool& pool) {
  std::unique_lock turn(pool.connecting, std::defer_lock);
  if (pool.down) {
    if (!turn.try_lock()) return;
  } else {
    turn.lock();
    // The one before us has just failed.
    if (pool.down) return;
  }
  try {
    connection.connect();
  } catch (const DatabaseError& error) {
    const bool first = pool.alive == 0 && !pool.down.exchange(true);
    if (first) log::error({}, "the database cannot be reached", {{"reason", error.what()}});
    return;
  }
  ++pool.alive;
  pool.gauges.connections.add(1);
  if (pool.down.exchange(false)) log::info({}, "the database can be reached again");
}

bool PostgresqlDatabase::stay_connected(Connection& connection, Pool& pool) {
  if (connection.alive()) return true;
  static const auto away =
      std::make_exception_ptr(DatabaseError(DatabaseError::Kind::unavailable, "the database cannot be reached"));
  for (int attempt = 0;; ++attempt) {
    try_to_connect(connection, pool);
    if (connection.alive()) return true;
    const auto next = std::chrono::steady_clock::now() + jittered(attempt, kFirstBackoff, limits_.reconnect_wait_max);
    while (true) {
      const auto left = std::chrono::duration_cast<Milliseconds>(next - std::chrono::steady_clock::now());
      if (pool.queue.closed()) break;
      if (left.count() <= 0) break;
      if (pool.down) {
        refuse(pool.queue.take(limits_.queue_max, left), away);
      } else {
        pool.queue.wait_closed(left);
      }
    }
    if (pool.queue.closed()) {
      if (pool.alive == 0) refuse(pool.queue.take(limits_.queue_max, Milliseconds{0}), away);
      return false;
    }
  }
}

Milliseconds PostgresqlDatabase::time_left(Deadline deadline) const {
  if (deadline == Deadline::max()) return limits_.statement_time_max;
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::clamp(left, Milliseconds{1}, limits_.statement_time_max);
}

telemetry::Counter& PostgresqlDatabase::retries(const std::string& reason) {
  return metrics_.counter("agora_sql_retries_total", "Transactions run again, by the SQLSTATE that ended them.",
                          {{"sqlstate", reason}});
}

void PostgresqlDatabase::run_again(Connection& connection, Deadline deadline, const std::function<void()>& once) {
  for (int attempt = 0;; ++attempt) {
    try {
      connection.connect();
      return once();
    } catch (const DatabaseError& error) {
      const auto reason = reason_to_run_again(error);
      if (!reason || attempt >= limits_.retries_max || std::chrono::steady_clock::now() >= deadline) throw;
      retries(*reason).add();
    }
    std::this_thread::sleep_for(jittered(attempt, kFirstBackoff, kBackoffMax));
  }
}

void PostgresqlDatabase::read_loop(Connection& connection) {
  while (stay_connected(connection, readers_)) {
    end_stopped_sessions(connection);
    const auto members = readers_.queue.take(1, kWait);
    if (!members.empty()) {
      read(connection, *members.front());
    } else if (readers_.queue.drained()) {
      return;
    }
    if (!connection.alive()) {
      --readers_.alive;
      readers_.gauges.connections.add(-1);
    }
  }
}

void PostgresqlDatabase::read(Connection& connection, Member& member) {
  const Busy busy(readers_.gauges.busy);
  try {
    run_again(connection, member.deadline, [&] {
      connection.begin(kBeginRead, time_left(member.deadline));
      PostgresqlTx tx(connection);
      try {
        member.run(tx);
      } catch (...) {
        connection.roll_back();
        throw;
      }
    });
  } catch (...) {
    member.error = std::current_exception();
  }
  // What was read is true however the transaction ends.
  wake({&member});
  connection.roll_back();
}

void PostgresqlDatabase::write_loop(Connection& connection) {
  while (stay_connected(connection, writers_)) {
    const auto members = writers_.queue.take_unit(limits_.group_max, kWait);
    if (!members.empty()) {
      auto unit = std::move(to_units(members).front());
      write(connection, unit);
    } else if (writers_.queue.drained()) {
      return;
    }
    if (!connection.alive()) {
      --writers_.alive;
      writers_.gauges.connections.add(-1);
    }
  }
}

void PostgresqlDatabase::write(Connection& connection, Unit& unit) {
  const Busy busy(writers_.gauges.busy);
  const auto started = std::chrono::steady_clock::now();
  const auto& members = unit.members;
  try {
    commit(connection, unit, 0, members.size());
  } catch (...) {
    bool one_by_one = members.size() > 1;
    try {
      throw;
    } catch (const DatabaseError& error) {
      // No connection, a timeout or an unknown commit answers all; the fault of one command answers that one.
      one_by_one = one_by_one && !error.retry_helps();
    } catch (...) {
      // Thrown by the handler: whose command it was is found by running each alone.
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
      members[i]->error = std::current_exception();
      if (!one_by_one) continue;
      try {
        commit(connection, unit, i, 1);
        members[i]->error = nullptr;
      } catch (...) {
        members[i]->error = std::current_exception();
      }
    }
  }
  commit_seconds_.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
  AGORA_CRASH_POINT("sql.after_commit");
  group_sizes_.observe(static_cast<double>(members.size()));
  for (auto* member : members) member->group_size = static_cast<std::int64_t>(members.size());
  wake(members);
}

void PostgresqlDatabase::commit(Connection& connection, Unit& unit, std::size_t first, std::size_t count) {
  const auto deadline = latest_deadline(unit);
  run_again(connection, deadline, [&] { commit_once(connection, unit, first, count, deadline); });
}

void PostgresqlDatabase::commit_once(Connection& connection, Unit& unit, std::size_t first, std::size_t count,
                                     Deadline deadline) {
  try {
    connection.begin(kBegin, time_left(deadline));
    PostgresqlTx tx(connection);
    if (unit.batch) {
      unit.batch->run(tx, first, count);
    } else {
      unit.members.front()->run(tx);
    }
    connection.settle();
    AGORA_CRASH_POINT("sql.before_commit");
    if (connection.was_ended()) {
      throw SqlError(DatabaseError::Kind::unavailable, "", true, "the connection was lost before COMMIT was sent");
    }
  } catch (...) {
    connection.roll_back();
    throw;
  }
  try {
    connection.commit();
  } catch (const SqlError& error) {
    if (!error.connection_lost()) throw;
    unknown_commits_.add();
    throw DatabaseError(DatabaseError::Kind::unknown_commit, "the connection was lost while committing");
  }
  tell_committed();
}

void PostgresqlDatabase::end_stopped_sessions(Connection& connection) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  auto due = look_for_stopped_at_.load();
  const auto next = now + kWait;
  if (now.count() < due || !look_for_stopped_at_.compare_exchange_strong(due, next.count())) return;
  try {
    connection.begin(kBegin, limits_.idle_in_transaction_max);
    PostgresqlTx tx(connection);
    auto rows = tx.query(kEndStopped, {std::int64_t{limits_.idle_in_transaction_max.count() / 2}});
    const auto ended = rows.next() ? rows.int64(0) : 0;
    sessions_ended_.add(static_cast<std::uint64_t>(ended));
    if (ended > 0) log::warn({}, "sessions of a stopped process were ended", {{"sessions", ended}});
  } catch (const DatabaseError&) {
    // The next round asks again; whoever waits for the locks has his own time limit.
  }
  connection.roll_back();
}

}  // namespace agora::sql::postgresql
