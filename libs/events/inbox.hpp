#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/events/source.hpp"
#include "libs/sql/tx.hpp"

namespace agora::events {

/// What a service does with events, inside the transaction that remembers them. One implementation per consuming
/// service.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Locks all that the events will touch, in the one lock order, before the first of them is applied.
  virtual void lock(sql::Tx& tx, const std::vector<Event>& events) = 0;
  /// Applies one; that its version is the right one is known. A type it does not know is nothing to do: success.
  /// "No" parks the event: failed_precondition `missing_dependency` (what it names is not here yet), anything else
  /// (the event cannot be applied as it is). Whatever it wrote before saying so is rolled back. Throws as stores do.
  virtual Result<void> apply(sql::Tx& tx, const Event& event) = 0;
};

/// Where a consumer stands in all streams of a log, and whether it goes on.
struct Standings {
  std::optional<std::string> failure{};  ///< degraded: why
  std::map<std::string, Standing> streams{};
  /// The logs that its streams are of.
  std::set<std::string> logs() const;
  friend bool operator==(const Standings&, const Standings&) = default;
};

/// An event that waits.
struct Parked {
  std::string publisher{};
  std::string log_id{};
  std::string topic{};
  std::string subject{};
  std::int64_t version = 0;
  std::string event_id{};
  std::string event{};   ///< CloudEvents JSON
  std::string reason{};  ///< `gap`, `dependency`, `failed`
  std::string detail{};
  std::int64_t attempts = 0;
  Timestamp parked_at{};
  Timestamp retry_at{};
  bool dead = false;
  std::optional<Timestamp> failed_at{};  ///< since when its handler fails
};

/// A subject of a topic of a log.
struct Subject {
  std::string log_id{};
  std::string topic{};
  std::string subject{};
  friend auto operator<=>(const Subject&, const Subject&) = default;
};

/// What a whole log tells, for a rebuild.
struct Told {
  struct Versions {
    std::int64_t lowest = 0;
    std::int64_t highest = 0;
  };
  std::string log_id{};
  std::map<std::string, Standing> begins{};  ///< where each stream is read from anew
  std::map<Subject, Versions> subjects{};    ///< of this log alone

  std::int64_t trimmed_through() const;  ///< the furthest of all streams
};

/// Named limits of parking; every number is a setting.
struct ParkingLimits {
  std::chrono::milliseconds retry_first{1'000};
  std::chrono::milliseconds retry_max{std::chrono::minutes{5}};
  std::chrono::milliseconds dead_after{std::chrono::hours{24}};     ///< a head whose handler fails for so long
  std::chrono::milliseconds accept_after{std::chrono::minutes{1}};  ///< a gap over what was trimmed before birth
};

/// Thrown out of a transaction when the handler refused an event, so that what it wrote is rolled back.
class Refused : public std::runtime_error {
 public:
  explicit Refused(Error why) : std::runtime_error(why.message), error(std::move(why)) {}
  Error error;
};

/// What a consumer remembers, in its own database: positions, versions, parked events. Rules of data.md: a fact topic
/// applies version by version, a state topic any higher one; the position moves in the effect's transaction. Functions
/// of a transaction, no state: thread-safe. inbox.cpp: what comes; parking.cpp: what waits; carrying.cpp: rebuilds.
class Inbox {
 public:
  explicit Inbox(std::string publisher, ParkingLimits limits = {})
      : publisher_(std::move(publisher)), limits_(limits) {}

  Standings standings(sql::Tx& tx) const;
  /// A stream is read for the first time, from its beginning, for these topics.
  void be_born(sql::Tx& tx, const std::string& stream, const LogState& log,
               const std::vector<std::string>& topics) const;
  /// The position of a stream covers just these topics now; those that are new to it were read up to it.
  void cover(sql::Tx& tx, const std::string& stream, const std::vector<std::string>& topics,
             std::int64_t trimmed_through) const;
  /// Stops the consumer where it stands: it is degraded until it is rebuilt. Nothing when one of these streams (with
  /// its standing; none: it was not born) moved meanwhile.
  void fail(sql::Tx& tx, const std::map<std::string, std::optional<Standing>>& at, const std::string& why) const;

  struct Applied {
    bool ours = true;  ///< false: the position had moved; nothing was done
    std::int64_t applied = 0;
    std::int64_t skipped = 0;
    std::int64_t parked = 0;
    std::vector<Subject> drainable{};  ///< subjects whose next version waits
  };
  /// Applies a batch of a stream read from `from` and moves to `to`. Throws Refused when the handler refuses one; then
  /// each is applied alone, and park() takes those it refuses.
  Applied apply(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to,
                const std::vector<Event>& events, Handler& handler, Timestamp now) const;
  /// Moves past one event that its handler refused and keeps it.
  Applied park(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to, const Event& event,
               const Error& why, Timestamp now) const;

  /// Tries the parked event that is next for a subject.
  enum class Tried {
    nothing,       ///< none is parked, or the consumer is degraded
    applied,       ///< it was, and there may be another
    accepted_gap,  ///< it was, though versions before it were trimmed before this consumer was born
    waits,         ///< for a version before it
  };
  /// Throws Refused when the handler refuses it; then defer() notes that.
  Tried apply_parked(sql::Tx& tx, const Subject& subject, Handler& handler, Timestamp now) const;
  /// Has the parked event that is next tried later; `why`: none while it waits for a gap. Gives the event when it is
  /// given up with this: its handler fails for too long.
  std::optional<Parked> defer(sql::Tx& tx, const Subject& subject, const std::optional<Error>& why,
                              Timestamp now) const;
  /// Subjects with a parked event that is due to be tried; none while degraded.
  std::vector<Subject> due(sql::Tx& tx, Timestamp now, std::int64_t limit) const;
  /// Parked events of this consumer, oldest first, after one of them.
  std::vector<Parked> list(sql::Tx& tx, const std::optional<Parked>& after, std::int64_t limit) const;
  struct Counts {
    std::int64_t parked = 0;
    std::int64_t dead = 0;
    std::optional<Timestamp> waits_since{};  ///< parked_at of the oldest that waits for others
  };
  Counts counts(sql::Tx& tx) const;

  /// Has a subject's parked events tried again now, dead ones too. How many there are.
  std::int64_t replay(sql::Tx& tx, const Subject& subject, Timestamp now) const;
  /// Passes over the first parked event of a subject, or over the gap before it. None when nothing is parked.
  std::optional<std::int64_t> skip(sql::Tx& tx, const Subject& subject, Timestamp now) const;

  // A rebuild, in transactions of bounded size; from begin_rebuild() to finish_rebuild() the consumer is degraded, so
  // nothing else changes what they work on. One that was interrupted is repeated from the start.

  /// Facts that were applied and that the log does not have: their versions must be lowered.
  std::vector<Subject> to_lower(sql::Tx& tx, const Told& told) const;
  /// False, and nothing is done: the consumer no longer stands where it did.
  bool begin_rebuild(sql::Tx& tx, const Standings& before) const;
  /// Takes the next versions of the log `from` over to the one that is told, at most `limit`: facts as far as the log
  /// has them, states not at all. Gives the last subject; none when all are done.
  std::optional<Subject> carry(sql::Tx& tx, const std::string& from, const Told& told,
                               const std::optional<Subject>& after, std::int64_t limit) const;
  /// Forgets parked events, at most `limit`. How many.
  std::int64_t forget_parked(sql::Tx& tx, std::int64_t limit) const;
  /// All streams stand at their beginnings; the consumer goes on.
  void finish_rebuild(sql::Tx& tx, const Told& told) const;
  /// Forgets versions of a log that is read no more, at most `limit`. How many.
  std::int64_t forget_versions(sql::Tx& tx, const std::string& log_id, std::int64_t limit) const;

  /// Last version applied; 0: none.
  std::int64_t version_of(sql::Tx& tx, const Subject& subject) const;

  const std::string& publisher() const { return publisher_; }

 private:
  using Versions = std::map<Subject, std::int64_t>;
  Versions versions_of(sql::Tx& tx, const std::vector<Event>& events) const;
  /// Of the events' subjects, those that have parked events.
  std::set<Subject> parked_of(sql::Tx& tx, const std::vector<Event>& events) const;
  bool move(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to) const;
  void insert_parked(sql::Tx& tx, const Event& event, std::string_view reason, const std::string& detail,
                     Timestamp now) const;
  std::optional<Parked> head_of(sql::Tx& tx, const Subject& subject) const;
  /// Whether what a subject lacks may have been trimmed before the consumer was born or rebuilt.
  bool may_be_trimmed(sql::Tx& tx, const Subject& subject, std::int64_t last) const;
  /// Waits for batches, rebuilds and other tries of this consumer. False: it is degraded.
  bool lock_positions(sql::Tx& tx) const;
  void expect_rebuilding(sql::Tx& tx) const;

  std::string publisher_;
  ParkingLimits limits_;
};

/// The subject an event is of.
Subject subject_of(const Event& event);
bool is_fact(std::string_view topic);
/// Applies one, or throws Refused: also when it cannot be read.
void apply_or_refuse(sql::Tx& tx, Handler& handler, const Event& event);

}  // namespace agora::events
