#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "libs/base/clock.hpp"
#include "libs/sql/tx.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::sql {

/// What waits for a database: parts that Database's templates and the engines share. Not for services.

/// Wakes whoever waits for a member: a coroutine on its executor, or a blocked thread.
class Waiter {
 public:
  virtual ~Waiter() = default;
  /// Where wake() must be called; null: anywhere.
  virtual const boost::asio::any_io_executor* executor() const = 0;
  virtual void wake() = 0;
};

class SpanCore;

/// One work, or one command of a span, from when it is queued until its waiter was woken. Lives with its waiter.
class Member {
 public:
  virtual ~Member() = default;
  /// Runs a lone work (never a span's command) and keeps its value.
  virtual void run(Tx& tx) = 0;

  SpanCore* span = nullptr;
  Deadline deadline = Deadline::max();
  std::unique_ptr<Waiter> waiter{};
  std::exception_ptr error{};
  // For whoever traces it:
  Deadline taken{};             ///< when it came out of the queue
  std::int64_t group_size = 0;  ///< how many committed together; 0: it never began
};

/// Commands of one span that are handled together.
class SpanBatch {
 public:
  virtual ~SpanBatch() = default;
  /// Calls the handler with commands [first, first + count) and keeps their answers.
  virtual void run(Tx& tx, std::size_t first, std::size_t count) = 0;

  std::vector<Member*> members;
};

/// A span's untyped side.
class SpanCore {
 public:
  explicit SpanCore(std::string name) : name_(std::move(name)) {}
  virtual ~SpanCore() = default;
  /// Takes the commands out of their members.
  virtual std::unique_ptr<SpanBatch> gather(std::vector<Member*> members) = 0;
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// A lone work or a batch: what is rolled back together when it throws.
struct Unit {
  std::vector<Member*> members;
  std::unique_ptr<SpanBatch> batch;  ///< null for a lone work

  /// Runs all of it, or one of its commands.
  void run(Tx& tx) { batch ? batch->run(tx, 0, members.size()) : members.front()->run(tx); }
  void run_one(Tx& tx, std::size_t i) { batch ? batch->run(tx, i, 1) : members.front()->run(tx); }
};

/// Sorts members into units: commands of one span together, where its first stands.
std::vector<Unit> to_units(const std::vector<Member*>& members);

/// Wakes the waiters of members that are done, with one post per executor.
void wake(const std::vector<Member*>& members);

/// Counts a connection as busy while it lives.
class Busy {
 public:
  explicit Busy(telemetry::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Busy() { gauge_.add(-1); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  telemetry::Gauge& gauge_;
};

/// What a pool of connections says of itself, for both engines under the same names.
struct PoolGauges {
  /// `pool`: `writers`, `readers`.
  PoolGauges(telemetry::Registry& metrics, const std::string& pool)
      : connections(metrics.gauge("agora_sql_connections", "Connections to the database.", {{"pool", pool}})),
        busy(metrics.gauge("agora_sql_busy_connections", "Connections with a transaction.", {{"pool", pool}})) {}
  telemetry::Gauge& connections;
  telemetry::Gauge& busy;
};

/// Members in order of arrival, bounded. Thread-safe.
class MemberQueue {
 public:
  explicit MemberQueue(std::int64_t max) : max_(max) {}

  /// DatabaseError unavailable when it is full or closed.
  void push(Member& member);
  /// Puts back what a group had no time for, in front.
  void push_front(const std::vector<Member*>& members);
  /// Up to `max` members; none when closed and empty, or when nothing came within `wait`.
  /// Those whose deadline has passed are woken with DatabaseError deadline instead: they did nothing.
  std::vector<Member*> take(std::int64_t max, std::chrono::milliseconds wait);
  /// Up to `max` members: the first, and if it is a span's command, the others of that span.
  std::vector<Member*> take_unit(std::int64_t max, std::chrono::milliseconds wait);
  void close();
  bool closed() const;
  /// Closed and empty: nothing will come any more. What ends a loop of take(), as one that only asked closed() could
  /// leave behind what came between the two.
  bool drained() const;
  /// Waits until it is closed, at most so long.
  void wait_closed(std::chrono::milliseconds wait) const;
  std::int64_t size() const;

 private:
  template <class Wanted>
  std::vector<Member*> take_if(std::int64_t max, std::chrono::milliseconds wait, Wanted wanted);

  const std::int64_t max_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  mutable std::condition_variable closing_;
  std::deque<Member*> members_;
  bool closed_ = false;
};

}  // namespace agora::sql
