#include "libs/events/inbox.hpp"

#include <algorithm>

#include "libs/json/writer.hpp"

namespace agora::events {
namespace {

constexpr sql::Sql kStanding{
    "SELECT log_id, sequence, event_id, birth_through, failure, rebuilt FROM inbox_positions WHERE publisher = $1"};
constexpr sql::Sql kBeBorn{
    "INSERT INTO inbox_positions (publisher, log_id, sequence, event_id, birth_through, failure, rebuilt) "
    "VALUES ($1, $2, 0, '', $3, NULL, 0) ON CONFLICT (publisher) DO NOTHING"};
constexpr sql::Sql kFail{
    "UPDATE inbox_positions SET failure = $2 WHERE publisher = $1 AND failure IS NULL AND log_id = $3 "
    "AND sequence = $4 AND event_id = $5"};
constexpr sql::Sql kBeginAnew{
    "INSERT INTO inbox_positions (publisher, log_id, sequence, event_id, birth_through, failure, rebuilt) "
    "VALUES ($1, $2, 0, '', $3, NULL, 1) ON CONFLICT (publisher) DO UPDATE SET log_id = excluded.log_id, sequence = 0, "
    "event_id = '', birth_through = excluded.birth_through, failure = NULL, rebuilt = 1"};
constexpr sql::Sql kVersionsOfLog{"SELECT topic, subject, version FROM inbox_versions WHERE log_id = $1"};
constexpr sql::Sql kForgetVersions{"DELETE FROM inbox_versions WHERE log_id = $1"};
constexpr sql::Sql kForgetParked{"DELETE FROM parked_events WHERE log_id = $1"};
constexpr sql::Sql kLockPosition{"SELECT 1 FROM inbox_positions WHERE publisher = $1",
                                 "SELECT 1 FROM inbox_positions WHERE publisher = $1 FOR UPDATE"};
constexpr sql::Sql kMove{
    "UPDATE inbox_positions SET sequence = $1, event_id = $2 "
    "WHERE publisher = $3 AND log_id = $4 AND sequence = $5 AND event_id = $6 AND failure IS NULL"};

// CROSS JOIN: SQLite must not begin with the table, which has a row for every subject ever heard of.
constexpr sql::Sql kVersions{
    "SELECT v.topic, v.subject, v.version FROM json_each($2) j CROSS JOIN inbox_versions v ON v.log_id = $1 "
    "AND v.topic = json_extract(j.value, '$[0]') AND v.subject = json_extract(j.value, '$[1]')",
    "SELECT v.topic, v.subject, v.version FROM inbox_versions v WHERE v.log_id = $1 AND (v.topic, v.subject) IN "
    "(SELECT j->>0, j->>1 FROM json_array_elements($2::json) j) ORDER BY v.topic, v.subject FOR UPDATE"};
constexpr sql::Sql kVersion{"SELECT version FROM inbox_versions WHERE log_id = $1 AND topic = $2 AND subject = $3"};
constexpr sql::Sql kSetVersion{
    "INSERT INTO inbox_versions (log_id, topic, subject, version) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (log_id, topic, subject) DO UPDATE SET version = excluded.version"};

#define AGORA_PARKED_COLUMNS \
  "publisher, log_id, topic, subject, version, event_id, event, reason, detail, attempts, parked_at, retry_at, dead"

constexpr sql::Sql kAnyParked{"SELECT 1 FROM parked_events WHERE log_id = $1 LIMIT 1"};
constexpr sql::Sql kParkedOf{
    "SELECT DISTINCT p.topic, p.subject FROM json_each($2) j CROSS JOIN parked_events p ON p.log_id = $1 "
    "AND p.topic = json_extract(j.value, '$[0]') AND p.subject = json_extract(j.value, '$[1]')",
    "SELECT DISTINCT p.topic, p.subject FROM parked_events p WHERE p.log_id = $1 AND (p.topic, p.subject) IN "
    "(SELECT j->>0, j->>1 FROM json_array_elements($2::json) j)"};
constexpr sql::Sql kInsertParked{"INSERT INTO parked_events (" AGORA_PARKED_COLUMNS
                                 ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, 0) "
                                 "ON CONFLICT (log_id, topic, subject, version) DO NOTHING"};
constexpr sql::Sql kDeleteParked{
    "DELETE FROM parked_events WHERE log_id = $1 AND topic = $2 AND subject = $3 AND version <= $4"};
constexpr sql::Sql kHead{
    "SELECT " AGORA_PARKED_COLUMNS
    " FROM parked_events WHERE log_id = $1 AND topic = $2 AND subject = $3 ORDER BY version LIMIT 1"};
constexpr sql::Sql kDefer{
    "UPDATE parked_events SET reason = $5, detail = $6, attempts = attempts + 1, retry_at = $7, dead = $8 "
    "WHERE log_id = $1 AND topic = $2 AND subject = $3 AND version = $4"};
constexpr sql::Sql kDue{
    "SELECT log_id, topic, subject FROM parked_events p WHERE retry_at <= $1 AND dead = 0 AND publisher = $2 "
    "AND NOT EXISTS (SELECT 1 FROM parked_events e WHERE e.log_id = p.log_id AND e.topic = p.topic "
    "AND e.subject = p.subject AND e.version < p.version) ORDER BY retry_at LIMIT $3"};
constexpr sql::Sql kList{
    "SELECT " AGORA_PARKED_COLUMNS
    " FROM parked_events WHERE publisher = $1 ORDER BY parked_at, topic, subject, version LIMIT $2"};
constexpr sql::Sql kReplay{
    "UPDATE parked_events SET retry_at = $4, dead = 0 WHERE log_id = $1 AND topic = $2 AND subject = $3"};

/// `[["agora.orders","o1"],…]`, each subject once.
std::string subjects_json(const std::vector<Event>& events) {
  std::set<std::pair<std::string_view, std::string_view>> subjects;
  for (const auto& event : events) subjects.emplace(event.topic, event.subject);
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& [topic, subject] : subjects) {
    json.begin_array().value(topic).value(subject).end_array();
  }
  json.end_array();
  return out;
}

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
          .dead = row.boolean(12)};
}

bool is_fact(std::string_view topic) {
  const auto* found = find_topic(topic);
  return found == nullptr || found->kind == Kind::fact;
}

std::string_view reason_of(const Error& why) {
  return why.code == "missing_dependency" ? "dependency" : "failed";
}

}  // namespace

Subject subject_of(const Event& event) {
  return {event.log_id, event.topic, event.subject};
}

std::optional<Standing> Inbox::standing(sql::Tx& tx) const {
  auto rows = tx.query(kStanding, {publisher_});
  if (!rows.next()) return std::nullopt;
  return Standing{.position = {std::string(rows.text(0)), rows.int64(1), std::string(rows.text(2))},
                  .birth_through = rows.int64(3),
                  .failure = rows.optional_text(4),
                  .rebuilt = rows.boolean(5)};
}

void Inbox::be_born(sql::Tx& tx, const std::string& log_id, std::int64_t trimmed_through) const {
  tx.execute(kBeBorn, {publisher_, log_id, trimmed_through});
}

void Inbox::fail(sql::Tx& tx, const Position& at, const std::string& why) const {
  tx.execute(kFail, {publisher_, why, at.log_id, at.sequence, at.event_id});
}

std::vector<Subject> Inbox::rebuild(sql::Tx& tx, const LogState& log, const std::map<Subject, std::int64_t>& highest,
                                    bool accept_gap) const {
  std::vector<Subject> lowered;
  std::vector<std::pair<Subject, std::int64_t>> kept;
  const auto where = standing(tx);
  if (where) {
    auto rows = tx.query(kVersionsOfLog, {where->position.log_id});
    while (rows.next()) {
      Subject subject{log.log_id, std::string(rows.text(0)), std::string(rows.text(1))};
      if (!is_fact(subject.topic)) continue;
      auto version = rows.int64(2);
      const auto found = highest.find(subject);
      // What the log no longer has any event of may have been trimmed, where anything was.
      const bool comparable = found != highest.end() || log.trimmed_through == 0;
      const auto told = found == highest.end() ? 0 : found->second;
      if (comparable && told < version) {
        lowered.push_back(subject);
        version = told;
      }
      kept.emplace_back(std::move(subject), version);
    }
  }
  if ((!lowered.empty() || log.trimmed_through > 0) && !accept_gap) return lowered;
  if (where) {
    tx.execute(kForgetVersions, {where->position.log_id});
    tx.execute(kForgetParked, {where->position.log_id});
  }
  sql::Batch batch(kSetVersion, 4);
  for (const auto& [subject, version] : kept) {
    if (version > 0) batch.add({subject.log_id, subject.topic, subject.subject, version});
  }
  tx.batch(batch);
  tx.execute(kBeginAnew, {publisher_, log.log_id, log.trimmed_through});
  return lowered;
}

bool Inbox::move(sql::Tx& tx, const Position& from, const Position& to) const {
  return tx.execute(kMove, {to.sequence, to.event_id, publisher_, from.log_id, from.sequence, from.event_id}) == 1;
}

Inbox::Versions Inbox::versions_of(sql::Tx& tx, const std::vector<Event>& events) const {
  Versions versions;
  if (events.empty()) return versions;
  const auto& log_id = events.front().log_id;
  const auto wanted = subjects_json(events);
  auto rows = tx.query(kVersions, {log_id, wanted});
  while (rows.next()) {
    versions[{log_id, std::string(rows.text(0)), std::string(rows.text(1))}] = rows.int64(2);
  }
  return versions;
}

std::set<Subject> Inbox::parked_of(sql::Tx& tx, const std::vector<Event>& events) const {
  std::set<Subject> parked;
  if (events.empty()) return parked;
  const auto& log_id = events.front().log_id;
  {
    auto any = tx.query(kAnyParked, {log_id});
    if (!any.next()) return parked;
  }
  const auto wanted = subjects_json(events);
  auto rows = tx.query(kParkedOf, {log_id, wanted});
  while (rows.next()) parked.insert({log_id, std::string(rows.text(0)), std::string(rows.text(1))});
  return parked;
}

Inbox::Applied Inbox::apply(sql::Tx& tx, const Position& from, const Position& to, const std::vector<Event>& events,
                            Handler& handler, Timestamp now) const {
  Applied done;
  // First of all: whoever finds the position moved has nothing to do here. Checked before and written after, two would
  // both find it unmoved.
  if (!move(tx, from, to)) {
    done.ours = false;
    return done;
  }
  auto versions = versions_of(tx, events);
  auto parked = parked_of(tx, events);
  handler.lock(tx, events);
  std::set<Subject> changed;
  for (const auto& event : events) {
    const auto subject = subject_of(event);
    auto& last = versions[subject];
    if (event.version <= last) {
      ++done.skipped;
      continue;
    }
    if (is_fact(event.topic) && event.version > last + 1) {
      insert_parked(tx, event, "gap", "waits for version " + std::to_string(last + 1), now);
      parked.insert(subject);
      ++done.parked;
      continue;
    }
    auto applied = handler.apply(tx, event);
    if (!applied) throw Refused(applied.error());
    last = event.version;
    changed.insert(subject);
    ++done.applied;
  }
  sql::Batch batch(kSetVersion, 4);
  for (const auto& subject : changed) batch.add({subject.log_id, subject.topic, subject.subject, versions[subject]});
  tx.batch(batch);
  for (const auto& subject : changed) {
    if (!parked.contains(subject)) continue;
    tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, versions[subject]});
    done.drainable.push_back(subject);
  }
  return done;
}

Inbox::Applied Inbox::park(sql::Tx& tx, const Position& from, const Position& to, const Event& event, const Error& why,
                           Timestamp now) const {
  Applied done;
  if (!move(tx, from, to)) {
    done.ours = false;
    return done;
  }
  // A state topic parks one: the newest takes the place of what failed before it.
  if (!is_fact(event.topic)) tx.execute(kDeleteParked, {event.log_id, event.topic, event.subject, event.version});
  insert_parked(tx, event, reason_of(why), why.code + ": " + why.message, now);
  done.parked = 1;
  return done;
}

void Inbox::insert_parked(sql::Tx& tx, const Event& event, std::string_view reason, const std::string& detail,
                          Timestamp now) const {
  const auto text = event.text();
  tx.execute(kInsertParked, {publisher_, event.log_id, event.topic, event.subject, event.version, event.id, text,
                             reason, detail, now, now + limits_.retry_first});
}

std::optional<Parked> Inbox::head_of(sql::Tx& tx, const Subject& subject) const {
  auto rows = tx.query(kHead, {subject.log_id, subject.topic, subject.subject});
  if (!rows.next()) return std::nullopt;
  return read_parked(rows);
}

std::int64_t Inbox::version_of(sql::Tx& tx, const Subject& subject) const {
  auto rows = tx.query(kVersion, {subject.log_id, subject.topic, subject.subject});
  return rows.next() ? rows.int64(0) : 0;
}

Inbox::Tried Inbox::apply_parked(sql::Tx& tx, const Subject& subject, Handler& handler, Timestamp now) const {
  // Batches and other tries of this consumer wait here: two of them would apply one head twice.
  tx.query(kLockPosition, {publisher_}).next();
  const auto last = version_of(tx, subject);
  tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, last});
  const auto head = head_of(tx, subject);
  if (!head) return Tried::nothing;
  auto outcome = Tried::applied;
  if (is_fact(subject.topic) && head->version != last + 1) {
    // Only where the beginning of the log was gone before this consumer was born will nobody ever fill the gap.
    const auto where = standing(tx);
    const bool never_filled = where && where->birth_through > 0 && (last == 0 || where->rebuilt) &&
                              now - head->parked_at >= limits_.accept_after;
    if (!never_filled) return Tried::waits;
    outcome = Tried::accepted_gap;
  }
  auto event = read_event(head->event);
  if (!event) throw Refused(event.error());
  handler.lock(tx, {*event});
  auto applied = handler.apply(tx, *event);
  if (!applied) throw Refused(applied.error());
  tx.execute(kSetVersion, {subject.log_id, subject.topic, subject.subject, head->version});
  tx.execute(kDeleteParked, {subject.log_id, subject.topic, subject.subject, head->version});
  return outcome;
}

void Inbox::defer(sql::Tx& tx, const Subject& subject, const std::optional<Error>& why, Timestamp now) const {
  const auto head = head_of(tx, subject);
  if (!head) return;
  // Doubles with each attempt.
  const auto exponent = std::min<std::int64_t>(head->attempts, 20);
  const auto wait = std::min(limits_.retry_max, limits_.retry_first * (std::int64_t{1} << exponent));
  const std::string reason(why ? reason_of(*why) : "gap");
  const auto detail = why ? why->code + ": " + why->message : head->detail;
  // What waits for others is never given up; what fails by itself is, until somebody replays or skips it.
  const bool dead = reason == "failed" && now - head->parked_at >= limits_.dead_after;
  tx.execute(kDefer, {subject.log_id, subject.topic, subject.subject, head->version, reason, detail, now + wait, dead});
}

std::vector<Subject> Inbox::due(sql::Tx& tx, Timestamp now, std::int64_t limit) const {
  std::vector<Subject> subjects;
  auto rows = tx.query(kDue, {now, publisher_, limit});
  while (rows.next()) {
    subjects.push_back({std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2))});
  }
  return subjects;
}

std::vector<Parked> Inbox::list(sql::Tx& tx, std::int64_t limit) const {
  std::vector<Parked> parked;
  auto rows = tx.query(kList, {publisher_, limit});
  while (rows.next()) parked.push_back(read_parked(rows));
  return parked;
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
