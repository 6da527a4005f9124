// Events that wait: for a version before them, for what they name, or because their handler failed.

#include <algorithm>

#include "libs/events/inbox_statements.hpp"

namespace agora::events {
namespace {

using namespace statements;

constexpr sql::Sql kLockPositions{
    "SELECT failure FROM inbox_positions WHERE publisher = $1 ORDER BY stream",
    "SELECT failure FROM inbox_positions WHERE publisher = $1 ORDER BY stream FOR UPDATE"};
constexpr sql::Sql kVersion{"SELECT version FROM inbox_versions WHERE log_id = $1 AND topic = $2 AND subject = $3"};
constexpr sql::Sql kIsCarried{
    "SELECT 1 FROM inbox_versions WHERE log_id = $1 AND topic = $2 AND subject = $3 AND carried = 1"};
constexpr sql::Sql kTrimmedBefore{
    "SELECT 1 FROM inbox_topics WHERE publisher = $1 AND topic = $2 AND birth_through > 0 LIMIT 1"};

#define AGORA_PARKED_COLUMNS                                                                                     \
  "publisher, log_id, topic, subject, version, event_id, event, reason, detail, attempts, parked_at, retry_at, " \
  "dead, failed_at"

constexpr sql::Sql kHead{
    "SELECT " AGORA_PARKED_COLUMNS
    " FROM parked_events WHERE log_id = $1 AND topic = $2 AND subject = $3 ORDER BY version LIMIT 1"};
constexpr sql::Sql kDefer{
    "UPDATE parked_events SET reason = $5, detail = $6, attempts = attempts + 1, retry_at = $7, dead = $8, "
    "failed_at = $9 WHERE log_id = $1 AND topic = $2 AND subject = $3 AND version = $4"};
constexpr sql::Sql kDue{
    "SELECT log_id, topic, subject FROM parked_events p WHERE retry_at <= $1 AND dead = 0 AND publisher = $2 "
    "AND NOT EXISTS (SELECT 1 FROM parked_events e WHERE e.log_id = p.log_id AND e.topic = p.topic "
    "AND e.subject = p.subject AND e.version < p.version) "
    "AND NOT EXISTS (SELECT 1 FROM inbox_positions WHERE publisher = $2 AND failure IS NOT NULL) "
    "ORDER BY retry_at LIMIT $3"};
constexpr sql::Sql kList{
    "SELECT " AGORA_PARKED_COLUMNS
    " FROM parked_events WHERE publisher = $1 AND (parked_at, log_id, topic, subject, version) > ($2, $3, $4, $5, $6) "
    "ORDER BY parked_at, log_id, topic, subject, version LIMIT $7"};
constexpr sql::Sql kCounts{
    "SELECT (SELECT count(*) FROM parked_events WHERE publisher = $1), "
    "(SELECT count(*) FROM parked_events WHERE publisher = $1 AND dead = 1), "
    "(SELECT parked_at FROM parked_events WHERE publisher = $1 AND reason <> 'failed' ORDER BY parked_at LIMIT 1)"};
constexpr sql::Sql kReplay{
    "UPDATE parked_events SET retry_at = $4, dead = 0, failed_at = NULL "
    "WHERE log_id = $1 AND topic = $2 AND subject = $3"};

Parked read_parked(const sql::Rows& row) {
  return {.publisher = std::string(row.text(0)),
          .log_id = std::string(row.text(1)),
          .topic = std::string(row.text(2)),
          .subject = std::string(row.text(3)),
          .version = row.int64(4),
          .event_id = std::string(row.text(5)),
          .event = std::string(row.text(6)),
          .reason = std::string(row.text(7)),
          .detail = std::string(row.text(8)),
          .attempts = row.int64(9),
          .parked_at = row.time(10),
          .retry_at = row.time(11),
          .dead = row.boolean(12),
          .failed_at = row.optional_time(13)};
}

}  // namespace

std::optional<Parked> Inbox::head_of(sql::Tx& tx, const Subject& subject) const {
  auto rows = tx.query(kHead, {subject.log_id, subject.topic, subject.subject});
  if (!rows.next()) return std::nullopt;
  return read_parked(rows);
}

std::int64_t Inbox::version_of(sql::Tx& tx, const Subject& subject) const {
  auto rows = tx.query(kVersion, {subject.log_id, subject.topic, subject.subject});
  return rows.next() ? rows.int64(0) : 0;
}

bool Inbox::lock_positions(sql::Tx& tx) const {
  auto rows = tx.query(kLockPositions, {publisher_});
  bool goes_on = true;
  while (rows.next()) goes_on &= rows.is_null(0);
  return goes_on;
}

bool Inbox::may_be_trimmed(sql::Tx& tx, const Subject& subject, std::int64_t last) const {
  {
    auto trimmed = tx.query(kTrimmedBefore, {publisher_, subject.topic});
    if (!trimmed.next()) return false;
  }
  if (last == 0) return true;
  // What was applied since then stands above what was trimmed, and so does all that follows it.
  auto carried = tx.query(kIsCarried, {subject.log_id, subject.topic, subject.subject});
  return carried.next();
}

Inbox::Tried Inbox::apply_parked(sql::Tx& tx, const Subject& subject, Handler& handler, Timestamp now) const {
  // Two at once would apply one head twice.
  if (!lock_positions(tx)) return Tried::nothing;
  const auto last = version_of(tx, subject);
  tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, last});
  const auto head = head_of(tx, subject);
  if (!head) return Tried::nothing;
  auto outcome = Tried::applied;
  if (is_fact(subject.topic) && head->version != last + 1) {
    const bool is_old = now - head->parked_at >= limits_.accept_after;
    if (!is_old || !may_be_trimmed(tx, subject, last)) return Tried::waits;
    outcome = Tried::accepted_gap;
  }
  auto event = read_event(head->event);
  if (!event) throw Refused(event.error());
  handler.lock(tx, {*event});
  apply_or_refuse(tx, handler, *event);
  tx.execute(kSetVersion, {subject.log_id, subject.topic, subject.subject, head->version});
  tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, head->version});
  return outcome;
}

std::optional<Parked> Inbox::defer(sql::Tx& tx, const Subject& subject, const std::optional<Error>& why,
                                   Timestamp now) const {
  auto head = head_of(tx, subject);
  if (!head) return std::nullopt;
  // Doubles with each attempt.
  const auto exponent = std::min<std::int64_t>(head->attempts, 20);
  const auto wait = std::min(limits_.retry_max, limits_.retry_first * (std::int64_t{1} << exponent));
  head->reason = why ? reason_for(*why) : "gap";
  if (why) head->detail = why->code + ": " + why->message;
  // What waits for others is never given up; what fails by itself is, until somebody replays or skips it. How long it
  // had waited before says nothing.
  const bool fails = head->reason == kFailed;
  head->failed_at = fails ? std::optional(head->failed_at.value_or(now)) : std::nullopt;
  head->dead = fails && now - *head->failed_at >= limits_.dead_after;
  tx.execute(kDefer, {subject.log_id, subject.topic, subject.subject, head->version, head->reason, head->detail,
                      now + wait, head->dead, head->failed_at ? sql::Value(*head->failed_at) : sql::Value(nullptr)});
  return head->dead ? head : std::nullopt;
}

std::vector<Subject> Inbox::due(sql::Tx& tx, Timestamp now, std::int64_t limit) const {
  std::vector<Subject> subjects;
  auto rows = tx.query(kDue, {now, publisher_, limit});
  while (rows.next()) {
    subjects.push_back({std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))});
  }
  return subjects;
}

std::vector<Parked> Inbox::list(sql::Tx& tx, const std::optional<Parked>& after, std::int64_t limit) const {
  std::vector<Parked> parked;
  const auto from = after.value_or(Parked{.parked_at = Timestamp::min()});
  auto rows = tx.query(kList, {publisher_, from.parked_at, from.log_id, from.topic, from.subject, from.version, limit});
  while (rows.next()) parked.push_back(read_parked(rows));
  return parked;
}

Inbox::Counts Inbox::counts(sql::Tx& tx) const {
  auto rows = tx.query(kCounts, {publisher_});
  rows.next();
  return {.parked = rows.int64(0), .dead = rows.int64(1), .waits_since = rows.optional_time(2)};
}

std::int64_t Inbox::replay(sql::Tx& tx, const Subject& subject, Timestamp now) const {
  return tx.execute(kReplay, {subject.log_id, subject.topic, subject.subject, now});
}

std::optional<std::int64_t> Inbox::skip(sql::Tx& tx, const Subject& subject, Timestamp now) const {
  const auto head = head_of(tx, subject);
  if (!head) return std::nullopt;
  const auto last = version_of(tx, subject);
  // A gap before it is passed over first; what then stands next is tried before it is passed over too.
  const auto through = is_fact(subject.topic) && head->version > last + 1 ? head->version - 1 : head->version;
  tx.execute(kSetVersion, {subject.log_id, subject.topic, subject.subject, through});
  tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, through});
  tx.execute(kReplay, {subject.log_id, subject.topic, subject.subject, now});
  return through;
}

}  // namespace agora::events
