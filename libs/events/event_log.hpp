#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libs/events/event.hpp"
#include "libs/sql/tx.hpp"

namespace agora::events {

/// Named limits of a log; every number is a setting.
struct LogLimits {
  std::int64_t page_events_max = 1'000;
  std::int64_t page_bytes_max = 4 << 20;                            ///< a page ends after the event that passes this
  std::chrono::milliseconds keep{std::chrono::hours{7 * 24}};       ///< events are kept this long, acknowledged or not
  std::chrono::milliseconds keep_max{std::chrono::hours{30 * 24}};  ///< and no longer than this for a slow consumer
  std::int64_t keep_rows_max = 50'000'000;                          ///< nor beyond so many rows
  std::chrono::milliseconds compaction_lag{std::chrono::minutes{10}};  ///< older versions of a state stay this long
  std::int64_t trim_rows_max = 1'000;                                  ///< in one transaction
  std::chrono::milliseconds trim_lease{60'000};  ///< until another replica trims, once the one that did is gone
};

/// What there is to know of a log.
struct LogState {
  std::string log_id{};
  std::int64_t head = 0;             ///< the last number given
  std::int64_t trimmed_through = 0;  ///< positions up to here are no longer known
};

/// What a consumer asks for.
struct ReadRequest {
  std::vector<std::string> topics{};
  std::optional<Position> after{};              ///< none: a consumer that is born
  std::optional<std::int64_t> birth_through{};  ///< `trimmed_through` when it was born, while it is below that
  std::int64_t limit = 0;                       ///< 0: as many as a page has
  bool traced = false;                          ///< wants to know the events' traces
};

/// Events and where to go on. `next` is also past events of topics that were not asked for.
struct Page {
  struct Trace {
    std::string event_id{};
    std::string topic{};
    std::string traceparent{};
  };
  LogState log{};
  Position next{};
  std::string events{};  ///< JSON array of CloudEvents
  std::int64_t count = 0;
  std::vector<Trace> traces{};  ///< of the events that have one, where they were asked for
};

/// Numbers of a log, not all of which need have a row.
struct Stretch {
  std::int64_t after = 0;    ///< begins behind it
  std::int64_t through = 0;  ///< ends with it
};

/// The outbox as a log that others read: what was numbered of it (numbering.hpp). Functions of a transaction, no state
/// of its own but settings: thread-safe.
class EventLog {
 public:
  /// `publisher`: the service, `order`; its events' source is `/agora/order`. `relay`: what its consumers read it from,
  /// `kafka`; trimming then waits for that relay's cursor. Empty: they read the feed, and trimming waits for them.
  EventLog(std::string publisher, LogLimits limits, std::string relay = {})
      : publisher_(std::move(publisher)), limits_(limits), relay_(std::move(relay)) {}

  LogState state(sql::Tx& tx) const;

  /// The events after a position, in order. Best asked in a read snapshot.
  /// "No" (HTTP 410): failed_precondition `log_changed` (another log_id), `position_lost` (trimmed, or another event
  /// stands there: this log was put back from a copy).
  Result<Page> read_after(sql::Tx& tx, const ReadRequest& request) const;

  /// The next rows after a number, at most `length` of them, none beyond `head`; none when there are none. Rows are
  /// asked for by stretches, never by LIMIT alone: before its first statistics of a table PostgreSQL expects so few
  /// rows that it sorts all that come after (300,000 of them: 930 ms instead of 3).
  std::optional<Stretch> next_stretch(sql::Tx& tx, std::int64_t after, std::int64_t head, std::int64_t length) const;

  /// How far the relay has published.
  std::int64_t relayed_through(sql::Tx& tx) const;
  /// Notes that the relay, which stood at `from`, has published through `to`. Asked where its fence stands.
  void set_relayed(sql::Tx& tx, std::int64_t from, std::int64_t to) const;

  /// Remembers that a consumer committed all up to `acked`. "No" (HTTP 410): `consumer_dropped`.
  Result<void> acknowledge(sql::Tx& tx, const std::string& consumer, std::int64_t acked, Timestamp now) const;
  /// How far each consumer that ever acknowledged has: names and positions.
  std::map<std::string, std::int64_t> acknowledged(sql::Tx& tx) const;
  /// Whether it held the log up for too long.
  bool is_dropped(sql::Tx& tx, const std::string& consumer) const;
  /// Lets a dropped consumer begin again.
  void forget(sql::Tx& tx, const std::string& consumer) const;

  /// What a round of trimming did.
  struct Trimmed {
    std::int64_t compacted = 0;          ///< older versions of states
    std::int64_t trimmed = 0;            ///< facts
    std::vector<std::string> dropped{};  ///< consumers that held the log up for too long
    bool more = false;                   ///< there is more to do
  };
  /// Compacts states and trims facts, at most trim_rows_max of each. One at a time: under a lease.
  Trimmed trim(sql::Tx& tx, Timestamp now) const;

  const std::string& publisher() const { return publisher_; }
  /// Services whose acknowledgement its trimming waits for; none where a relay brings it elsewhere.
  std::vector<std::string> consumers() const;
  const std::string& relay() const { return relay_; }
  const LogLimits& limits() const { return limits_; }

 private:
  /// The event at a number, whether it is kept, compacted or the one trimmed last; none when nobody knows.
  std::optional<std::string> event_at(sql::Tx& tx, std::int64_t sequence) const;
  /// How many rows it looked at, and the last of them.
  struct Compacted {
    std::int64_t rows = 0;
    std::int64_t through = 0;
    bool more = false;
  };
  Compacted compact(sql::Tx& tx, Timestamp now) const;
  /// Whether more rows than may be are kept after what a consumer acknowledged. What was compacted is not kept.
  bool holds_too_many(sql::Tx& tx, std::int64_t acked, std::int64_t head) const;
  std::int64_t safe_to_trim(sql::Tx& tx, Timestamp now, std::vector<std::string>& dropped) const;

  std::string publisher_;
  LogLimits limits_;
  std::string relay_;
};

}  // namespace agora::events
