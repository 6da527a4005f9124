#include "libs/sql/lease.hpp"

#include <utility>

#include "libs/base/id.hpp"

namespace agora::sql {
namespace {

// Microseconds since 1970 by the database's clock.
#define AGORA_SQLITE_NOW "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000"
#define AGORA_POSTGRESQL_NOW "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
#define AGORA_TAKE(now)                                                                              \
  "INSERT INTO leases (name, holder, fencing, expires_at) VALUES ($1, $2, 1, " now                   \
  " + $3) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fencing = leases.fencing + 1, " \
  "expires_at = excluded.expires_at WHERE leases.expires_at <= " now " OR leases.holder = excluded.holder"
#define AGORA_RENEW(now) "UPDATE leases SET expires_at = " now " + $4 WHERE name = $1 AND holder = $2 AND fencing = $3"

constexpr Sql kTake{AGORA_TAKE(AGORA_SQLITE_NOW), AGORA_TAKE(AGORA_POSTGRESQL_NOW)};
constexpr Sql kNumber{"SELECT fencing FROM leases WHERE name = $1 AND holder = $2"};
constexpr Sql kRenew{AGORA_RENEW(AGORA_SQLITE_NOW), AGORA_RENEW(AGORA_POSTGRESQL_NOW)};
constexpr Sql kRelease{"UPDATE leases SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fencing = $3"};
// FOR SHARE: whoever takes the lease waits for this transaction, or was before it and is seen.
constexpr Sql kStands{"SELECT 1 FROM leases WHERE name = $1 AND fencing = $2",
                      "SELECT 1 FROM leases WHERE name = $1 AND fencing = $2 FOR SHARE"};

Task<telemetry::MoreWork> fenced_round(Lease& lease, const FencedJob& job, Ctx ctx) {
  auto fence = co_await lease.hold(ctx);
  if (!fence) co_return telemetry::MoreWork::no;
  co_return co_await job(std::move(ctx), *std::move(fence));
}

}  // namespace

bool stands(Tx& tx, const Fence& fence) {
  auto rows = tx.query(kStands, {fence.lease, fence.number});
  return rows.next();
}

Lease::Lease(Database& database, std::string name, std::chrono::milliseconds duration)
    : database_(database), name_(std::move(name)), holder_(new_uuid_v7(SystemClock().now())), duration_(duration) {}

Task<std::optional<Fence>> Lease::hold(Ctx ctx, Renew renew) {
  const auto asked_at = std::chrono::steady_clock::now();
  if (number_ && renew == Renew::when_due && asked_at < renew_at_) co_return Fence{name_, *number_};
  const auto had = std::exchange(number_, std::nullopt);
  auto work = [name = name_, holder = holder_, had,
               duration = std::chrono::microseconds(duration_).count()](Tx& tx) -> std::optional<std::int64_t> {
    if (had && tx.execute(kRenew, {name, holder, *had, duration}) == 1) return had;
    if (tx.execute(kTake, {name, holder, duration}) == 0) return std::nullopt;
    auto rows = tx.query(kNumber, {name, holder});
    if (!rows.next()) throw DatabaseError(DatabaseError::Kind::row_count, "a lease that was taken is not there");
    return rows.int64(0);
  };
  // What this throws leaves us without a number; the next call takes the lease anew, under a higher one.
  number_ = co_await database_.write(std::move(ctx), work);
  if (!number_) co_return std::nullopt;
  renew_at_ = asked_at + duration_ / 3;
  co_return Fence{name_, *number_};
}

Task<void> Lease::release(Ctx ctx) {
  if (!number_) co_return;
  auto work = [name = name_, holder = holder_, number = *std::exchange(number_, std::nullopt)](Tx& tx) {
    // None when another took it meanwhile.
    tx.execute(kRelease, {name, holder, number});
  };
  co_await database_.write(std::move(ctx), work);
}

telemetry::Job on_one_replica(Lease& lease, FencedJob job) {
  return [&lease, job = std::move(job)](Ctx ctx) { return fenced_round(lease, job, std::move(ctx)); };
}

const std::string_view kLeasesSchema =
    R"(-- Who does what one replica at a time does. fencing rises with each holder and is asked for in whatever a holder writes.
CREATE TABLE leases (
  name       TEXT COLLATE "C" PRIMARY KEY,
  holder     TEXT COLLATE "C" NOT NULL,
  fencing    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
)";

}  // namespace agora::sql
