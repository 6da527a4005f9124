// I8, the reading side: a consumer has applied, parked or still before it whatever a publisher's log tells it; what it
// has applied, the log knows. Two databases, each on a snapshot of its own, are read side by side in the order of their
// subjects; none need be on the other's engine.

#include "cli/audit_delivery.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "cli/service_databases.hpp"
#include "libs/events/event.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kFailures{"SELECT DISTINCT publisher, failure FROM inbox_positions WHERE failure IS NOT NULL"};
constexpr sql::Sql kParked{
    "SELECT event_id, publisher || ' ' || topic || ' ' || subject || ' version ' || version || ', ' || reason || ' (' "
    "|| detail || ')' || CASE WHEN dead = 1 THEN ', given up' ELSE '' END FROM parked_events "
    "ORDER BY publisher, topic, subject, version"};
constexpr sql::Sql kLog{
    "SELECT log_id, trimmed_through, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0) FROM "
    "event_log",
    "SELECT log_id, trimmed_through, head FROM event_log"};
constexpr sql::Sql kParkedOfLog{"SELECT topic, subject, version, event_id FROM parked_events WHERE log_id = $1"};

// PostgreSQL gives a result whole; by a cursor it comes in parts.
#define AGORA_CURSOR(name, query) "DECLARE " name " NO SCROLL CURSOR FOR " query
#define AGORA_TOPICS(column) " IN (SELECT value FROM json_each(" column "))"
#define AGORA_TOPICS_PG(column) " = ANY (ARRAY(SELECT json_array_elements_text(" column "::json)))"
/// What people are told of names its reader.
#define AGORA_TOLD                                                                                               \
  "SELECT topic, subject, version, sequence, event_id, type, CASE WHEN substr(type, 1, 12) = 'order_group.' OR " \
  "type IN ('order.lines_canceled', 'order.refunded') THEN data END FROM numbered_events WHERE topic"
#define AGORA_APPLIED "SELECT topic, subject, version FROM inbox_versions WHERE log_id = $1 AND topic"
constexpr sql::Sql kTold{AGORA_TOLD AGORA_TOPICS("$1") " ORDER BY topic, subject, version",
                         AGORA_CURSOR("told", AGORA_TOLD AGORA_TOPICS_PG("$1") " ORDER BY topic, subject, version")};
constexpr sql::Sql kFetchTold{"", "FETCH 5000 FROM told"};
constexpr sql::Sql kApplied{AGORA_APPLIED AGORA_TOPICS("$2") " ORDER BY topic, subject",
                            AGORA_CURSOR("applied", AGORA_APPLIED AGORA_TOPICS_PG("$2") " ORDER BY topic, subject")};
constexpr sql::Sql kFetchApplied{"", "FETCH 5000 FROM applied"};

/// The rows of a query, on PostgreSQL in parts.
class Stream {
 public:
  Stream(sql::Tx& tx, const sql::Sql& query, const sql::Sql& fetch, std::initializer_list<sql::Value> parameters)
      : tx_(tx), fetch_(fetch) {
    if (tx.engine() == sql::Engine::sqlite) {
      rows_.emplace(tx.query(query, parameters));
    } else {
      tx.execute(query, parameters);
    }
    next();
  }
  /// Null behind the last.
  const sql::Rows* row() const { return is_row_ ? &*rows_ : nullptr; }
  void next() {
    is_row_ = rows_ && rows_->next();
    if (is_row_ || tx_.engine() == sql::Engine::sqlite) return;
    rows_.emplace(tx_.query(fetch_));
    is_row_ = rows_->next();
  }

 private:
  sql::Tx& tx_;
  const sql::Sql& fetch_;
  std::optional<sql::Rows> rows_{};
  bool is_row_ = false;
};

using Subject = std::pair<std::string, std::string>;  // topic, subject

Subject subject_of(const sql::Rows& row) {
  return {std::string(row.text(0)), std::string(row.text(1))};
}

/// What waits in the consumer's database.
struct ParkedEvents {
  std::map<Subject, std::set<std::int64_t>> versions;
  std::set<std::string> ids;

  /// A parked state stands for those before it, a fact for itself.
  bool has(const Subject& subject, std::int64_t version) const {
    const auto found = versions.find(subject);
    if (found == versions.end()) return false;
    const auto* topic = events::find_topic(subject.first);
    if (topic == nullptr || topic->kind == events::Kind::fact) return found->second.contains(version);
    return *found->second.rbegin() >= version;
  }
};

ParkedEvents parked_of(sql::Tx& tx, const std::string& log_id) {
  ParkedEvents parked;
  auto rows = tx.query(kParkedOfLog, {log_id});
  while (rows.next()) {
    parked.versions[subject_of(rows)].insert(rows.int64(2));
    parked.ids.emplace(rows.text(3));
  }
  return parked;
}

std::string topics_json(const std::string& publisher, std::string_view service) {
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& topic : events::topics()) {
    const bool consumes = std::find(topic.consumers.begin(), topic.consumers.end(), service) != topic.consumers.end();
    if (topic.publisher == publisher && consumes) json.value(topic.name);
  }
  json.end_array();
  return out;
}

PublishedLog log_of(sql::Tx& tx) {
  auto rows = tx.query(kLog);
  if (!rows.next()) throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "the event log has lost its row");
  return {std::string(rows.text(0)), rows.int64(1), rows.int64(2)};
}

/// Of a consumer that stands in this very log.
class Comparison {
 public:
  Comparison(sql::Tx& consumer, const PublishedLog& log, const ReadThrough& read, Report& report)
      : log_(log), read_(read), report_(report), parked_(parked_of(consumer, log.log_id)) {
    if (has_table(consumer, "notifications")) people_.emplace(consumer, parked_.ids, report);
  }

  void run(sql::Tx& consumer, sql::Tx& log, const std::string& publisher, std::string_view service) {
    const auto topics = topics_json(publisher, service);
    Stream applied(consumer, kApplied, kFetchApplied, {log_.log_id, topics});
    Stream told(log, kTold, kFetchTold, {topics});
    while (applied.row() != nullptr || told.row() != nullptr) one_subject(applied, told);
    report_.checked("I8", publisher + " events told to it", read_already_);
    report_.in_flight(publisher + " events it has not read yet", not_read_);
    if (people_) people_->finish();
  }

 private:
  void one_subject(Stream& applied, Stream& told) {
    const auto subject = applied.row() == nullptr ? subject_of(*told.row())
                         : told.row() == nullptr  ? subject_of(*applied.row())
                                                  : std::min(subject_of(*applied.row()), subject_of(*told.row()));
    std::int64_t last = 0;
    if (applied.row() != nullptr && subject_of(*applied.row()) == subject) {
      last = applied.row()->int64(2);
      applied.next();
    }
    std::int64_t newest = 0;
    const auto through = read_.of(subject.first, subject.second);
    for (; told.row() != nullptr && subject_of(*told.row()) == subject; told.next()) {
      newest = told.row()->int64(2);
      one_event(*told.row(), subject, last, through);
    }
    // Where something was trimmed a subject may have no events left to compare.
    if (last <= newest || (newest == 0 && log_.trimmed_through > 0)) return;
    report_.violated({"I8", "subject", subject.second,
                      subject.first + " was applied through version " + std::to_string(last) + ", the log has " +
                          (newest == 0 ? "none of it" : "version " + std::to_string(newest))});
  }

  void one_event(const sql::Rows& row, const Subject& subject, std::int64_t last, std::int64_t through) {
    if (row.int64(3) > through) {
      ++not_read_;
      return;
    }
    ++read_already_;
    if (people_) people_->take(std::string(row.text(4)), row.text(5), subject.second, row.optional_text(6));
    const auto version = row.int64(2);
    if (version <= last || parked_.has(subject, version)) return;
    report_.violated({"I8", "event_id", std::string(row.text(4)),
                      std::string(row.text(5)) + " of " + subject.second + ", version " + std::to_string(version) +
                          ", was passed over: applied is " + (last == 0 ? "nothing" : std::to_string(last))});
  }

  const PublishedLog& log_;
  const ReadThrough& read_;
  Report& report_;
  const ParkedEvents parked_;
  std::optional<ToldPeople> people_{};
  std::int64_t read_already_ = 0;
  std::int64_t not_read_ = 0;
};

}  // namespace

std::vector<std::string> publishers_for(std::string_view service) {
  std::vector<std::string> names;
  for (const auto& topic : events::topics()) {
    const bool consumes = std::find(topic.consumers.begin(), topic.consumers.end(), service) != topic.consumers.end();
    if (!consumes || std::find(names.begin(), names.end(), topic.publisher) != names.end()) continue;
    names.emplace_back(topic.publisher);
  }
  return names;
}

void audit_inbox(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "parked_events")) return;
  {
    auto rows = tx.query(kFailures);
    while (rows.next()) {
      report.not_checked("I8", std::string(rows.text(0)) + " is no longer read: " + std::string(rows.text(1)));
    }
  }
  auto rows = tx.query(kParked);
  while (rows.next()) report.parked(std::string(rows.text(0)), std::string(rows.text(1)));
}

void audit_delivery(sql::Tx& tx, sql::Tx* publishers, const std::string& publisher, std::string_view service,
                    Report& report) {
  if (!has_table(tx, "inbox_topics")) return;
  const auto streams = streams_of(tx, publisher);
  // It may run without that publisher: nothing is wrong with that.
  if (streams.empty()) return;
  if (publishers == nullptr || !has_table(*publishers, "numbered_events")) {
    report.not_checked("I8", "what " + publisher + " told: its database is not at hand, damaged, or to be migrated");
    return;
  }
  const auto log = log_of(*publishers);
  const bool is_other = std::any_of(streams.begin(), streams.end(), [&](const auto& stream) {
    return !stream.log_id.empty() && stream.log_id != log.log_id;
  });
  if (is_other) {
    report.not_checked(
        "I8", "what " + publisher + " told: its log was restored, and is to be read anew (agora events rebuild)");
    return;
  }
  const ReadThrough read(*publishers, publisher, streams, log, report);
  Comparison(tx, log, read, report).run(tx, *publishers, publisher, service);
}

}  // namespace agora::cli
