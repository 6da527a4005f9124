#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/events/event_log.hpp"
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

/// Where a consumer stands, and whether it goes on.
struct Standing {
  Position position{};
  std::int64_t birth_through = 0;        ///< what had been trimmed before it was born
  std::optional<std::string> failure{};  ///< degraded: why
  bool rebuilt = false;                  ///< then a gap over what was trimmed may follow what it applied before
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
};

/// A subject of a topic of a log.
struct Subject {
  std::string log_id{};
  std::string topic{};
  std::string subject{};
  friend auto operator<=>(const Subject&, const Subject&) = default;
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
/// of a transaction, no state: thread-safe.
class Inbox {
 public:
  explicit Inbox(std::string publisher, ParkingLimits limits = {})
      : publisher_(std::move(publisher)), limits_(limits) {}

  std::optional<Standing> standing(sql::Tx& tx) const;
  /// A consumer is born at the beginning of a log.
  void be_born(sql::Tx& tx, const std::string& log_id, std::int64_t trimmed_through) const;
  /// Stops it where it stands: it is degraded until it is rebuilt. Nothing when it moved meanwhile.
  void fail(sql::Tx& tx, const Position& at, const std::string& why) const;
  /// Begins anew at the start of a log: forgets the versions of its state topics; keeps those of its fact topics, each
  /// no higher than `highest` has it (all of the log that is kept). Gives the subjects that are lowered; writes nothing
  /// when there are any, or anything was trimmed, unless `accept_gap`.
  std::vector<Subject> rebuild(sql::Tx& tx, const LogState& log, const std::map<Subject, std::int64_t>& highest,
                               bool accept_gap) const;

  struct Applied {
    bool ours = true;  ///< false: the position had moved; nothing was done
    std::int64_t applied = 0;
    std::int64_t skipped = 0;
    std::int64_t parked = 0;
    std::vector<Subject> drainable{};  ///< subjects whose next version waits
  };
  /// Applies a batch read from `from` and moves to `to`. Throws Refused when the handler refuses one; then each is
  /// applied alone, and park() takes those it refuses.
  Applied apply(sql::Tx& tx, const Position& from, const Position& to, const std::vector<Event>& events,
                Handler& handler, Timestamp now) const;
  /// Moves past one event that its handler refused and keeps it.
  Applied park(sql::Tx& tx, const Position& from, const Position& to, const Event& event, const Error& why,
               Timestamp now) const;

  /// Tries the parked event that is next for a subject.
  enum class Tried {
    nothing,       ///< none is parked
    applied,       ///< it was, and there may be another
    accepted_gap,  ///< it was, though versions before it were trimmed before this consumer was born
    waits,         ///< for a version before it
  };
  /// Throws Refused when the handler refuses it; then defer() notes that.
  Tried apply_parked(sql::Tx& tx, const Subject& subject, Handler& handler, Timestamp now) const;
  /// Has the parked event that is next tried later; `why`: none while it waits for a gap.
  void defer(sql::Tx& tx, const Subject& subject, const std::optional<Error>& why, Timestamp now) const;
  /// Subjects with a parked event that is due to be tried.
  std::vector<Subject> due(sql::Tx& tx, Timestamp now, std::int64_t limit) const;
  /// Parked events of this consumer, oldest first.
  std::vector<Parked> list(sql::Tx& tx, std::int64_t limit) const;

  /// Has a subject's parked events tried again now, dead ones too. How many there are.
  std::int64_t replay(sql::Tx& tx, const Subject& subject, Timestamp now) const;
  /// Passes over the first parked event of a subject, or over the gap before it. None when nothing is parked.
  std::optional<std::int64_t> skip(sql::Tx& tx, const Subject& subject, Timestamp now) const;

  /// Last version applied; 0: none.
  std::int64_t version_of(sql::Tx& tx, const Subject& subject) const;

  const std::string& publisher() const { return publisher_; }

 private:
  using Versions = std::map<Subject, std::int64_t>;
  Versions versions_of(sql::Tx& tx, const std::vector<Event>& events) const;
  /// Of the events' subjects, those that have parked events.
  std::set<Subject> parked_of(sql::Tx& tx, const std::vector<Event>& events) const;
  bool move(sql::Tx& tx, const Position& from, const Position& to) const;
  void insert_parked(sql::Tx& tx, const Event& event, std::string_view reason, const std::string& detail,
                     Timestamp now) const;
  std::optional<Parked> head_of(sql::Tx& tx, const Subject& subject) const;

  std::string publisher_;
  ParkingLimits limits_;
};

/// The subject an event is of.
Subject subject_of(const Event& event);

}  // namespace agora::events
