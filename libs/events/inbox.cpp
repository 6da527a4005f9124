#include "libs/events/inbox.hpp"

#include <algorithm>

#include "libs/events/inbox_statements.hpp"
#include "libs/json/writer.hpp"

namespace agora::events {
namespace {

using namespace statements;

constexpr sql::Sql kPositions{
    "SELECT stream, log_id, sequence, event_id, failure FROM inbox_positions WHERE publisher = $1"};
constexpr sql::Sql kTopics{"SELECT stream, topic, birth_through FROM inbox_topics WHERE publisher = $1"};
constexpr sql::Sql kBeBorn{
    "INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id, failure) "
    "VALUES ($1, $2, $3, 0, '', (SELECT max(failure) FROM inbox_positions WHERE publisher = $1)) "
    "ON CONFLICT (publisher, stream) DO NOTHING"};
constexpr sql::Sql kCover{
    "INSERT INTO inbox_topics (publisher, stream, topic, birth_through) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (publisher, stream, topic) DO NOTHING"};
constexpr sql::Sql kUncover{"DELETE FROM inbox_topics WHERE publisher = $1 AND stream = $2 AND topic = $3"};
constexpr sql::Sql kFail{"UPDATE inbox_positions SET failure = $2 WHERE publisher = $1 AND failure IS NULL"};
constexpr sql::Sql kMove{
    "UPDATE inbox_positions SET log_id = $1, sequence = $2, event_id = $3 "
    "WHERE publisher = $4 AND stream = $5 AND log_id = $6 AND sequence = $7 AND event_id = $8 AND failure IS NULL"};

// CROSS JOIN: SQLite must not begin with the table, which has a row for every subject ever heard of.
constexpr sql::Sql kVersions{
    "SELECT v.topic, v.subject, v.version FROM json_each($2) j CROSS JOIN inbox_versions v ON v.log_id = $1 "
    "AND v.topic = json_extract(j.value, '$[0]') AND v.subject = json_extract(j.value, '$[1]')",
    "SELECT v.topic, v.subject, v.version FROM inbox_versions v WHERE v.log_id = $1 AND (v.topic, v.subject) IN "
    "(SELECT j->>0, j->>1 FROM json_array_elements($2::json) j) ORDER BY v.topic, v.subject FOR UPDATE"};
constexpr sql::Sql kAnyParked{"SELECT 1 FROM parked_events WHERE log_id = $1 LIMIT 1"};
constexpr sql::Sql kParkedOf{
    "SELECT DISTINCT p.topic, p.subject FROM json_each($2) j CROSS JOIN parked_events p ON p.log_id = $1 "
    "AND p.topic = json_extract(j.value, '$[0]') AND p.subject = json_extract(j.value, '$[1]')",
    "SELECT DISTINCT p.topic, p.subject FROM parked_events p WHERE p.log_id = $1 AND (p.topic, p.subject) IN "
    "(SELECT j->>0, j->>1 FROM json_array_elements($2::json) j)"};

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

}  // namespace

std::int64_t Standing::birth_through() const {
  std::int64_t through = 0;
  for (const auto& [topic, trimmed] : topics) through = std::max(through, trimmed);
  return through;
}

std::set<std::string> Standings::logs() const {
  std::set<std::string> logs;
  for (const auto& [stream, standing] : streams) {
    if (!standing.position.log_id.empty()) logs.insert(standing.position.log_id);
  }
  return logs;
}

std::int64_t Told::trimmed_through() const {
  std::int64_t through = 0;
  for (const auto& [stream, standing] : begins) through = std::max(through, standing.birth_through());
  return through;
}

Subject subject_of(const Event& event) {
  return {event.log_id, event.topic, event.subject};
}

bool is_fact(std::string_view topic) {
  const auto* found = find_topic(topic);
  return found == nullptr || found->kind == Kind::fact;
}

void apply_or_refuse(sql::Tx& tx, Handler& handler, const Event& event) {
  if (event.unreadable) throw Refused(*event.unreadable);
  auto applied = handler.apply(tx, event);
  if (!applied) throw Refused(applied.error());
}

Standings Inbox::standings(sql::Tx& tx) const {
  Standings all;
  {
    auto rows = tx.query(kPositions, {publisher_});
    while (rows.next()) {
      if (!rows.is_null(4)) all.failure = rows.text(4);
      all.streams[std::string(rows.text(0))].position = {std::string(rows.text(1)), rows.int64(2),
                                                         std::string(rows.text(3))};
    }
  }
  auto rows = tx.query(kTopics, {publisher_});
  while (rows.next()) {
    const auto found = all.streams.find(std::string(rows.text(0)));
    if (found != all.streams.end()) found->second.topics[std::string(rows.text(1))] = rows.int64(2);
  }
  return all;
}

void Inbox::be_born(sql::Tx& tx, const std::string& stream, const LogState& log,
                    const std::vector<std::string>& topics) const {
  // Whoever was first covers the topics as it read them.
  if (tx.execute(kBeBorn, {publisher_, stream, log.log_id}) == 0) return;
  cover(tx, stream, topics, log.trimmed_through);
}

void Inbox::cover(sql::Tx& tx, const std::string& stream, const std::vector<std::string>& topics,
                  std::int64_t trimmed_through) const {
  const auto now = standings(tx);
  const auto found = now.streams.find(stream);
  if (found == now.streams.end()) return;
  for (const auto& [topic, birth] : found->second.topics) {
    const bool stays = std::find(topics.begin(), topics.end(), topic) != topics.end();
    if (!stays) tx.execute(kUncover, {publisher_, stream, topic});
  }
  for (const auto& topic : topics) tx.execute(kCover, {publisher_, stream, topic, trimmed_through});
}

void Inbox::fail(sql::Tx& tx, const std::map<std::string, std::optional<Standing>>& at, const std::string& why) const {
  lock_positions(tx);
  const auto now = standings(tx);
  for (const auto& [stream, standing] : at) {
    const auto found = now.streams.find(stream);
    const bool is_there = found != now.streams.end();
    if (standing ? !is_there || found->second.position != standing->position : is_there) return;
    // One that was never born has no row yet to say why.
    if (!standing) tx.execute(kBeBorn, {publisher_, stream, ""});
  }
  if (at.empty() && now.streams.empty()) tx.execute(kBeBorn, {publisher_, "", ""});
  tx.execute(kFail, {publisher_, why});
}

bool Inbox::move(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to) const {
  return tx.execute(kMove, {to.log_id, to.sequence, to.event_id, publisher_, stream, from.log_id, from.sequence,
                            from.event_id}) == 1;
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

Inbox::Applied Inbox::apply(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to,
                            const std::vector<Event>& events, Handler& handler, Timestamp now) const {
  Applied done;
  // First of all: whoever finds the position moved has nothing to do here. Checked before and written after, two would
  // both find it unmoved.
  if (!move(tx, stream, from, to)) {
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
    apply_or_refuse(tx, handler, event);
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

Inbox::Applied Inbox::park(sql::Tx& tx, const std::string& stream, const Position& from, const Position& to,
                           const Event& event, const Error& why, Timestamp now) const {
  Applied done;
  if (!move(tx, stream, from, to)) {
    done.ours = false;
    return done;
  }
  // A state topic parks one: the newest takes the place of what failed before it.
  if (!is_fact(event.topic)) tx.execute(kDeleteParked, {event.log_id, event.topic, event.subject, event.version});
  insert_parked(tx, event, reason_for(why), why.code + ": " + why.message, now);
  done.parked = 1;
  return done;
}

void Inbox::insert_parked(sql::Tx& tx, const Event& event, std::string_view reason, const std::string& detail,
                          Timestamp now) const {
  const auto text = event.text();
  const auto failed_at = reason == kFailed ? sql::Value(now) : sql::Value(nullptr);
  tx.execute(kInsertParked, {publisher_, event.log_id, event.topic, event.subject, event.version, event.id, text,
                             reason, detail, now, now + limits_.retry_first, failed_at});
}

}  // namespace agora::events
