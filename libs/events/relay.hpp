#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "libs/events/event_log.hpp"
#include "libs/events/transport.hpp"
#include "libs/sql/database.hpp"
#include "libs/sql/lease.hpp"
#include "libs/telemetry/job_loop.hpp"

namespace agora::events {

/// Named limits of a relay; every number is a setting.
struct RelayLimits {
  std::int64_t batch_events_max = 1'000;    ///< in one transaction of the transport
  std::int64_t batch_bytes_max = 4 << 20;   ///< a batch ends after the event that passes this
  std::chrono::milliseconds lease{10'000};  ///< until another replica goes on, once this one is gone
};

/// Brings a log to a transport: at least once, in order, from one replica at a time. Used on its io thread.
///
/// The cursor is the end of the last committed transaction. A round takes the lease, and where it begins: init()s the
/// transport and asks for the lease again (whoever took it meanwhile must not find us as the newest publisher). Then it
/// reads the cursor and what is past it, publishes, commits, and moves the cursor if its fence still stands. After any
/// failure the transaction is aborted, and the next round publishes from the cursor; a fenced one begins anew, but only
/// if the lease is ours.
class Relay {
 public:
  /// `log`: one that names its relay. All references must outlive it.
  Relay(sql::Database& database, EventLog log, Transport& transport, RelayLimits limits, const Clock& clock,
        telemetry::Registry& metrics);

  /// For a JobLoop that is woken when the log grows (Numbering). A round that fails throws Unavailable: its loop tells
  /// of it and comes back.
  telemetry::Job job();
  /// Gives the lease back, once the job has stopped: another replica goes on at once.
  Task<void> release(Ctx ctx);

 private:
  Task<telemetry::MoreWork> round(Ctx ctx);
  /// True once the transport is ours under this fence.
  Task<bool> begin(Ctx ctx, sql::Fence fence);
  Task<telemetry::MoreWork> publish_next(Ctx ctx, sql::Fence fence);
  /// Gives up the open transaction and throws.
  Task<void> give_up(Ctx ctx, Error error);
  Task<void> measure(Ctx ctx);

  sql::Database& database_;
  EventLog log_;
  Transport& transport_;
  RelayLimits limits_;
  const Clock& clock_;
  sql::Lease lease_;
  telemetry::Tracer& tracer_;
  telemetry::Gauge& age_;
  telemetry::Gauge& backlog_;
  telemetry::Counter& published_;
  std::optional<std::int64_t> begun_{};  ///< the fence under which the transport is ours
  Deadline measure_at_{};
};

}  // namespace agora::events
