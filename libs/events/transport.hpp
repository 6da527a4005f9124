#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"

namespace agora::events {

/// An event as it stands in its publisher's log.
struct LoggedEvent {
  std::int64_t sequence = 0;
  std::string event_id{};
  std::string topic{};
  std::string type{};
  std::string subject{};
  std::int64_t version = 0;
  Timestamp time{};
  std::string traceparent{};  ///< empty: none
  std::string data{};         ///< JSON object
};

/// Events that follow each other in one log.
struct LoggedEvents {
  std::string publisher{};  ///< service; the events' source is `/agora/<publisher>`
  std::string log_id{};
  std::vector<LoggedEvent> events{};
};

/// Where a relay publishes a log: another system, by transactions of its own. All calls come from one relay, one at a
/// time; it is init(), then publish() and commit() for each batch, with abort() in place of what is left after a "no".
///
/// "No" of each: failed_precondition `transport_fenced` (another relay of this log has begun since our init()),
/// unavailable `transport_unavailable` (anything else; later may work). After any "no" nothing counts as published but
/// what commit() said yes to, and everything past that is published again, in order. Each heeds ctx.deadline.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Makes this the one publisher of the log: what any other has begun and not committed is aborted, and it is fenced
  /// from now on. Also after a "no", to begin anew.
  virtual Task<Result<void>> init(Ctx ctx) = 0;
  /// Begins a transaction and hands all these over, in this order.
  virtual Task<Result<void>> publish(Ctx ctx, LoggedEvents events) = 0;
  /// Readers see all of the transaction once it says yes. After a "no" they may or may not.
  virtual Task<Result<void>> commit(Ctx ctx) = 0;
  /// Gives the open transaction up, with whatever of it still waits to be sent.
  virtual Task<Result<void>> abort(Ctx ctx) = 0;
};

}  // namespace agora::events
