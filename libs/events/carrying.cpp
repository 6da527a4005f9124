// A rebuild: what was applied of one log is carried over to another, or to the same log read anew.

#include <algorithm>

#include "libs/events/inbox_statements.hpp"

namespace agora::events {
namespace {

using namespace statements;

/// Said while a rebuild is under way, and after one that was interrupted.
constexpr std::string_view kRebuilding = "rebuilding: agora events rebuild was begun and is not finished; repeat it";

constexpr sql::Sql kVersionsOfLog{
    "SELECT topic, subject, version FROM inbox_versions WHERE log_id = $1 AND (topic, subject) > ($2, $3) "
    "ORDER BY topic, subject LIMIT $4"};
constexpr sql::Sql kForgetVersion{"DELETE FROM inbox_versions WHERE log_id = $1 AND topic = $2 AND subject = $3"};
constexpr sql::Sql kForgetVersions{
    "DELETE FROM inbox_versions WHERE log_id = $1 AND (topic, subject) IN "
    "(SELECT topic, subject FROM inbox_versions WHERE log_id = $1 LIMIT $2)"};
constexpr sql::Sql kForgetParked{
    "DELETE FROM parked_events WHERE (log_id, topic, subject, version) IN "
    "(SELECT log_id, topic, subject, version FROM parked_events WHERE publisher = $1 LIMIT $2)"};
constexpr sql::Sql kCarryVersion{
    "INSERT INTO inbox_versions (log_id, topic, subject, version, carried) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (log_id, topic, subject) DO UPDATE SET version = excluded.version, carried = excluded.carried"};
constexpr sql::Sql kBegin{
    "INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id, failure) VALUES ($1, $2, '', 0, '', "
    "$3) "
    "ON CONFLICT (publisher, stream) DO UPDATE SET failure = excluded.failure"};
constexpr sql::Sql kBeginAll{"UPDATE inbox_positions SET failure = $2 WHERE publisher = $1"};
constexpr sql::Sql kIsRebuilding{"SELECT 1 FROM inbox_positions WHERE publisher = $1 AND failure = $2"};
constexpr sql::Sql kForgetPositions{"DELETE FROM inbox_positions WHERE publisher = $1"};
constexpr sql::Sql kForgetTopics{"DELETE FROM inbox_topics WHERE publisher = $1"};
constexpr sql::Sql kBeginAt{
    "INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id, failure) VALUES ($1, $2, $3, $4, $5, "
    "NULL)"};
constexpr sql::Sql kCover{"INSERT INTO inbox_topics (publisher, stream, topic, birth_through) VALUES ($1, $2, $3, $4)"};

struct Kept {
  Subject subject;
  std::int64_t version = 0;
  bool lowered = false;
  bool carried = false;
};

/// What is kept of a fact that was applied up to a version.
Kept kept_of(const Told& told, const std::string& topic, const std::string& subject, std::int64_t version) {
  Kept kept{.subject = {told.log_id, topic, subject}, .version = version};
  const auto found = told.subjects.find(kept.subject);
  if (found == told.subjects.end()) {
    // It may have been trimmed, where anything was.
    kept.carried = told.trimmed_through() > 0;
    kept.lowered = !kept.carried;
    if (kept.lowered) kept.version = 0;
    return kept;
  }
  // Where the log has this version or one before it, all that follows is there too.
  kept.carried = found->second.lowest > version;
  kept.lowered = found->second.highest < version;
  kept.version = std::min(version, found->second.highest);
  return kept;
}

}  // namespace

std::vector<Subject> Inbox::to_lower(sql::Tx& tx, const Told& told) const {
  std::vector<Subject> lowered;
  for (const auto& log_id : standings(tx).logs()) {
    auto rows = tx.query(kVersionsOfLog, {log_id, "", "", INT64_MAX});
    while (rows.next()) {
      if (!is_fact(rows.text(0))) continue;
      auto kept = kept_of(told, std::string(rows.text(0)), std::string(rows.text(1)), rows.int64(2));
      if (kept.lowered) lowered.push_back(std::move(kept.subject));
    }
  }
  return lowered;
}

bool Inbox::begin_rebuild(sql::Tx& tx, const Standings& before) const {
  lock_positions(tx);
  if (standings(tx) != before) return false;
  // One that was never born has no row yet that could say so.
  if (before.streams.empty()) tx.execute(kBegin, {publisher_, "", kRebuilding});
  tx.execute(kBeginAll, {publisher_, kRebuilding});
  return true;
}

void Inbox::expect_rebuilding(sql::Tx& tx) const {
  lock_positions(tx);
  auto rows = tx.query(kIsRebuilding, {publisher_, kRebuilding});
  if (rows.next()) return;
  throw Refused({Errc::conflict, "rebuilt_meanwhile", "The consumer was rebuilt by somebody else meanwhile."});
}

std::optional<Subject> Inbox::carry(sql::Tx& tx, const std::string& from, const Told& told,
                                    const std::optional<Subject>& after, std::int64_t limit) const {
  expect_rebuilding(tx);
  std::vector<std::pair<Subject, Kept>> found;
  {
    const auto past = after.value_or(Subject{});
    auto rows = tx.query(kVersionsOfLog, {from, past.topic, past.subject, limit});
    while (rows.next()) {
      Subject subject{from, std::string(rows.text(0)), std::string(rows.text(1))};
      auto kept = kept_of(told, subject.topic, subject.subject, rows.int64(2));
      found.emplace_back(std::move(subject), std::move(kept));
    }
  }
  sql::Batch carried(kCarryVersion, 5);
  for (const auto& [subject, kept] : found) {
    if (is_fact(subject.topic) && kept.version > 0) {
      carried.add({told.log_id, subject.topic, subject.subject, kept.version, kept.carried});
    } else if (from == told.log_id) {
      tx.execute_one(kForgetVersion, {from, subject.topic, subject.subject});
    }
  }
  tx.batch(carried);
  if (static_cast<std::int64_t>(found.size()) < limit) return std::nullopt;
  return found.back().first;
}

std::int64_t Inbox::forget_parked(sql::Tx& tx, std::int64_t limit) const {
  expect_rebuilding(tx);
  return tx.execute(kForgetParked, {publisher_, limit});
}

void Inbox::finish_rebuild(sql::Tx& tx, const Told& told) const {
  expect_rebuilding(tx);
  tx.execute(kForgetPositions, {publisher_});
  tx.execute(kForgetTopics, {publisher_});
  for (const auto& [stream, standing] : told.begins) {
    const auto& at = standing.position;
    tx.execute_one(kBeginAt, {publisher_, stream, at.log_id, at.sequence, at.event_id});
    for (const auto& [topic, birth] : standing.topics) tx.execute_one(kCover, {publisher_, stream, topic, birth});
  }
}

std::int64_t Inbox::forget_versions(sql::Tx& tx, const std::string& log_id, std::int64_t limit) const {
  return tx.execute(kForgetVersions, {log_id, limit});
}

}  // namespace agora::events
