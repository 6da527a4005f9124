#include "libs/events/numbering.hpp"

#include <utility>

#include <boost/asio/post.hpp>

#include "libs/sql/faults.hpp"

namespace agora::events {
namespace {

// A statement of its own: the next one's snapshot then has all that whoever held it has numbered.
constexpr sql::Sql kLock{"SELECT pg_advisory_xact_lock(4702111234474983746)"};
// What is new is taken by one DELETE: what commits between a read and a delete would be lost. By ctid, as the table has
// no index to keep up; nobody but who holds the lock deletes.
constexpr sql::Sql kNumberOutbox{
    "WITH taken AS (DELETE FROM outbox_new WHERE ctid = ANY (ARRAY(SELECT ctid FROM outbox_new ORDER BY id LIMIT $1)) "
    "RETURNING id), "
    "log AS (UPDATE event_log SET head = head + (SELECT count(*) FROM taken) RETURNING head) "
    "INSERT INTO outbox_numbers (sequence, id) "
    "SELECT log.head - count(*) OVER () + row_number() OVER (ORDER BY taken.id), taken.id FROM taken, log"};
constexpr sql::Sql kLookAtOutbox{
    "SELECT head, CASE WHEN EXISTS (SELECT 1 FROM outbox_new) THEN 1 ELSE 0 END FROM event_log"};

/// What a look at the log finds.
struct Look {
  std::int64_t head = 0;
  bool is_new = false;  ///< something waits for its number
};

}  // namespace

const NumberedLog kOutboxLog{kLookAtOutbox, kNumberOutbox};

void hold_numbering(sql::Tx& tx) {
  auto locked = tx.query(kLock);
  locked.next();
}

std::int64_t number_committed(sql::Tx& tx, std::int64_t max, const NumberedLog& log) {
  hold_numbering(tx);
  const auto count = tx.execute(log.number, {max});
  AGORA_CRASH_POINT("events.numbering.numbered");
  return count;
}

Numbering::Numbering(asio::io_context& io, sql::Database& database, NumberingLimits limits,
                     std::function<void()> on_growth, telemetry::Registry& metrics, NumberedLog log)
    : io_(io), database_(database), log_(log), limits_(limits), on_growth_(std::move(on_growth)) {
  if (database_.engine() == sql::Engine::postgresql) {
    const auto job = [this](Ctx ctx) { return round(std::move(ctx)); };
    loop_ =
        std::make_unique<telemetry::JobLoop>(io_, "events.numbering", limits_.interval, limits_.deadline, job, metrics);
  }
  database_.on_commit([this] { committed(); });
}

Numbering::~Numbering() {
  database_.on_commit({});
}

void Numbering::committed() {
  // One that is under way finds all that was committed until it runs.
  if (wake_pending_.exchange(true)) return;
  asio::post(io_, [this] {
    wake_pending_ = false;
    if (loop_) {
      loop_->wake();
    } else {
      on_growth_();
    }
  });
}

Task<telemetry::MoreWork> Numbering::round(Ctx ctx) {
  // A read first: a write that finds nothing is a commit too, and would wake us for ever.
  auto look = [this](sql::Tx& tx) {
    auto rows = tx.query(log_.look);
    if (!rows.next()) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "the event log has lost its row");
    return Look{rows.int64(0), rows.boolean(1)};
  };
  const auto seen = co_await database_.read(ctx, look);
  auto head = seen.head;
  std::int64_t numbered = 0;
  if (seen.is_new) {
    auto work = [this](sql::Tx& tx) { return number_committed(tx, limits_.batch_max, log_); };
    numbered = co_await database_.write(std::move(ctx), work);
    head += numbered;
  }
  // Others may have numbered between the two: then the next look sees another head once more, and wakes in vain.
  if (std::exchange(head_, head) != head) on_growth_();
  co_return numbered == limits_.batch_max ? telemetry::MoreWork::yes : telemetry::MoreWork::no;
}

Task<void> Numbering::stop() {
  if (loop_) co_await loop_->stop();
}

}  // namespace agora::events
