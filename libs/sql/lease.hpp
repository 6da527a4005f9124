#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::sql {

/// What a holder shows when it writes: the number rises with each new holder, so an old one's says that it is old.
struct Fence {
  std::string lease{};
  std::int64_t number = 0;
};

/// Whether `fence` is still the newest of its lease. To be asked first in a transaction that its holder alone may make:
/// the lease cannot be taken until that transaction has ended, and once it was taken the answer is no for good. So of
/// two that believe to hold a lease at most one writes, however long the other slept. That the lease's time is over
/// says nothing here: as long as nobody took it, it is its last holder's.
bool stands(Tx& tx, const Fence& fence);

/// A lease: what runs on one replica at a time runs where it is held. Its time is the database's clock; who does not
/// renew it in time may lose it, without being told but by renewing, or by `stands()`. One object for each job, used on
/// one thread. Whatever a holder writes elsewhere than in this database needs a fence of that place.
class Lease {
 public:
  /// `name`: of what is done under it, `events.trim`. `duration`: until it is free, once its holder is gone.
  /// `database` must outlive it.
  Lease(Database& database, std::string name, std::chrono::milliseconds duration);

  enum class Renew { when_due, now };
  /// Takes the lease, or renews it once a third of its time is over (or at once). None while another holds it.
  /// Throws DatabaseError.
  Task<std::optional<Fence>> hold(Ctx ctx, Renew renew = Renew::when_due);
  /// Gives it back, so that nobody must wait until its time is over. Throws DatabaseError.
  Task<void> release(Ctx ctx);

 private:
  Database& database_;
  const std::string name_;
  const std::string holder_;  ///< this object: another one of the same process is another holder
  const std::chrono::milliseconds duration_;
  std::optional<std::int64_t> number_{};
  Deadline renew_at_{};
};

/// A job's round for whoever holds its lease.
using FencedJob = std::function<Task<telemetry::MoreWork>(Ctx, Fence)>;
/// Runs `job` on one replica at a time: a round without the lease does nothing. `lease` must outlive it.
telemetry::Job on_one_replica(Lease& lease, FencedJob job);

/// The table; a step of every service that has such jobs.
extern const std::string_view kLeasesSchema;

}  // namespace agora::sql
