// I7 and I8, the reading side: a consumer has applied, parked or still before it whatever a publisher's log tells it;
// what it has applied, the log knows; nobody is notified twice of one thing.

#include <algorithm>

#include "cli/audit_checks.hpp"
#include "cli/sqlite_file.hpp"
#include "libs/events/event.hpp"
#include "libs/json/writer.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kFailures{"SELECT DISTINCT publisher, failure FROM inbox_positions WHERE failure IS NOT NULL"};
constexpr sql::Sql kParked{
    "SELECT event_id, publisher || ' ' || topic || ' ' || subject || ' version ' || version || ', ' || reason || ' (' "
    "|| detail || ')' || CASE WHEN dead = 1 THEN ', given up' ELSE '' END FROM parked_events "
    "ORDER BY publisher, topic, subject, version"};
constexpr sql::Sql kPosition{"SELECT log_id, sequence FROM inbox_positions WHERE publisher = $1 AND stream = ''"};
constexpr sql::Sql kLog{R"sql(
SELECT log_id, trimmed_through, (SELECT coalesce(max(seq), 0) FROM publisher.sqlite_sequence WHERE name = 'outbox')
FROM publisher.event_log)sql"};
/// $1: its position, $2: the topics it consumes.
constexpr sql::Sql kCount{R"sql(
SELECT count(*), coalesce(sum(sequence > $1), 0) FROM publisher.outbox
WHERE topic IN (SELECT value FROM json_each($2)))sql"};
/// $1: the log, $2: the topics, $3: how far it was trimmed; then a subject may have no events left to compare.
constexpr sql::Sql kAhead{R"sql(
SELECT subject, topic || ' was applied through version ' || version || ', the log has ' ||
                coalesce('version ' || newest, 'none of it')
FROM (SELECT v.topic, v.subject, v.version,
             (SELECT max(e.version) FROM publisher.outbox e WHERE e.topic = v.topic AND e.subject = v.subject) AS newest
      FROM inbox_versions v WHERE v.log_id = $1 AND v.topic IN (SELECT value FROM json_each($2)))
WHERE version > newest OR (newest IS NULL AND $3 = 0))sql"};
/// $1: the log, $2: the topics, $3: those of facts, where a parked version does not stand for those before it, $4: its
/// position.
constexpr sql::Sql kMissed{R"sql(
SELECT e.event_id, e.type || ' of ' || e.subject || ', version ' || e.version || ', was passed over: applied is ' ||
                   coalesce(v.version, 'nothing')
FROM publisher.outbox e
LEFT JOIN inbox_versions v ON v.log_id = $1 AND v.topic = e.topic AND v.subject = e.subject
WHERE e.topic IN (SELECT value FROM json_each($2)) AND e.sequence <= $4 AND e.version > coalesce(v.version, 0)
  AND NOT EXISTS (SELECT 1 FROM parked_events p WHERE p.log_id = $1 AND p.topic = e.topic AND p.subject = e.subject
                  AND (p.version = e.version
                       OR (p.version > e.version AND e.topic NOT IN (SELECT value FROM json_each($3))))))sql"};

constexpr sql::Sql kNotifications{"SELECT count(*) FROM notifications"};
constexpr std::array<Rule, 1> kNotifiedOnce{{
    {"I7", "event_id",
     "SELECT event_id, 'made ' || count(*) || ' notifications to ' || user_id || ' by ' || channel "
     "FROM notifications GROUP BY event_id, user_id, channel HAVING count(*) > 1"},
}};

/// $1: the position up to which order's log was read. A user who is gone is told nothing, and what is parked comes
/// later.
constexpr sql::Sql kTellable{R"sql(
SELECT count(*) FROM publisher.outbox e
WHERE e.type IN ('order_group.placed', 'order_group.paid', 'order_group.capture_refused') AND e.sequence <= $1
  AND json_extract(e.data, '$.user_id') IS NOT NULL)sql"};
constexpr sql::Sql kUntold{R"sql(
SELECT e.event_id, e.type || ' of ' || e.subject || ' was not told to its buyer'
FROM publisher.outbox e
WHERE e.type IN ('order_group.placed', 'order_group.paid', 'order_group.capture_refused') AND e.sequence <= $1
  AND json_extract(e.data, '$.user_id') IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.event_id = e.event_id AND n.channel = 'in_app'
                  AND n.user_id = json_extract(e.data, '$.user_id'))
  AND NOT EXISTS (SELECT 1 FROM erased_users u WHERE u.user_id = json_extract(e.data, '$.user_id'))
  AND NOT EXISTS (SELECT 1 FROM parked_events p WHERE p.event_id = e.event_id))sql"};
/// Sales that nobody was told of: their sellers may have had no members then.
constexpr sql::Sql kSalesOfNobody{R"sql(
SELECT count(*) FROM publisher.outbox e WHERE e.type = 'order.paid' AND e.sequence <= $1
  AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.event_id = e.event_id))sql"};

/// The topics of a publisher that a service consumes, as a JSON array.
std::string topics_json(std::string_view publisher, std::string_view service, bool only_facts) {
  std::string out;
  json::Writer json(out);
  json.begin_array();
  for (const auto& topic : events::topics()) {
    const bool consumes = std::find(topic.consumers.begin(), topic.consumers.end(), service) != topic.consumers.end();
    if (topic.publisher != publisher || !consumes) continue;
    if (!only_facts || topic.kind == events::Kind::fact) json.value(topic.name);
  }
  json.end_array();
  return out;
}

struct Log {
  std::string log_id;
  std::int64_t trimmed_through = 0;
  std::int64_t head = 0;
};

void audit_told_people(sql::Tx& tx, std::int64_t position, Report& report) {
  auto tellable = tx.query(kTellable, {position});
  tellable.next();
  report.checked("I7", "events that a buyer is to be told of", tellable.int64(0));
  auto rows = tx.query(kUntold, {position});
  while (rows.next()) {
    report.violated({"I7", "event_id", std::string(rows.text(0)), std::string(rows.text(1))});
  }
  auto nobody = tx.query(kSalesOfNobody, {position});
  nobody.next();
  if (nobody.int64(0) == 0) return;
  report.not_checked("I7", std::to_string(nobody.int64(0)) + " paid orders of which no member of the seller was told");
}

/// Of a consumer that stands in this very log.
void compare(sql::Tx& tx, const std::string& publisher, std::string_view service, const Log& log, std::int64_t position,
             Report& report) {
  const auto topics = topics_json(publisher, service, false);
  const auto facts = topics_json(publisher, service, true);
  {
    auto rows = tx.query(kCount, {position, topics});
    rows.next();
    report.checked("I8", publisher + " events told to it", rows.int64(0) - rows.int64(1));
    report.in_flight(publisher + " events it has not read yet", rows.int64(1));
  }
  if (position > log.head) {
    report.violated(
        {"I8", "publisher", publisher,
         "was read through event " + std::to_string(position) + ", its log ends with " + std::to_string(log.head)});
  }
  const auto violate = [&](std::string_view id_name, sql::Rows rows) {
    while (rows.next()) {
      report.violated({"I8", std::string(id_name), std::string(rows.text(0)), std::string(rows.text(1))});
    }
  };
  violate("subject", tx.query(kAhead, {log.log_id, topics, log.trimmed_through}));
  violate("event_id", tx.query(kMissed, {log.log_id, topics, facts, position}));
  if (publisher == "order" && has_table(tx, "notifications")) audit_told_people(tx, position, report);
}

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

void audit_delivery(sql::Tx& tx, const std::string& publisher, std::string_view service, HasLog has_log,
                    Report& report) {
  if (!has_table(tx, "inbox_positions")) return;
  std::optional<std::pair<std::string, std::int64_t>> position;
  {
    auto rows = tx.query(kPosition, {publisher});
    if (rows.next()) position.emplace(rows.text(0), rows.int64(1));
  }
  // It may run without that publisher: nothing is wrong with that.
  if (!position) return;
  if (has_log == HasLog::no) {
    report.not_checked("I8", "what " + publisher + " told: its database is not in this folder, or damaged");
    return;
  }
  Log log;
  {
    auto rows = tx.query(kLog);
    if (rows.next()) log = {std::string(rows.text(0)), rows.int64(1), rows.int64(2)};
  }
  if (log.log_id != position->first) {
    report.not_checked("I8", "what " + publisher +
                                 " told: its log was restored, and is to be read anew (agora events "
                                 "rebuild)");
    return;
  }
  compare(tx, publisher, service, log, position->second, report);
}

void audit_notifications(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "notifications")) return;
  report.checked("I7", "notifications", count(tx, kNotifications));
  check(tx, kNotifiedOnce, report);
}

}  // namespace agora::cli
