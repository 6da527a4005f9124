// I8, the writing side: the log has no holes but what was trimmed or compacted, versions of a subject are 1, 2, 3…, and
// each row's version is that of its newest event. Events are looked at by what was written (`outbox`), their order by
// the numbers that readers see (`numbered_events`); on PostgreSQL the second may be behind the first.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kEvents{"SELECT count(*) FROM outbox"};
constexpr sql::Sql kSubjects{"SELECT count(*) FROM (SELECT DISTINCT topic, subject FROM outbox) AS subjects"};
constexpr sql::Sql kCompacted{"SELECT count(*) FROM outbox_compacted"};
constexpr sql::Sql kUnnumbered{"SELECT count(*) FROM outbox_new"};
/// Of a relay: what is past its cursor, numbered or not. None where consumers read the feed.
constexpr sql::Sql kUnpublished{
    "SELECT relay, (SELECT count(*) FROM numbered_events e WHERE e.sequence > c.sequence) FROM relay_cursors c",
    "SELECT relay, (SELECT count(*) FROM numbered_events e WHERE e.sequence > c.sequence) + "
    "(SELECT count(*) FROM outbox_new) FROM relay_cursors c"};
constexpr sql::Sql kTrimmed{"SELECT trimmed_through FROM event_log"};

#define AGORA_HOLES(end)                                                                                         \
  "WITH numbers AS (SELECT sequence FROM numbered_events UNION ALL SELECT sequence FROM outbox_compacted "       \
  "UNION ALL " end                                                                                               \
  "), trimmed AS (SELECT trimmed_through AS through FROM event_log) "                                            \
  "SELECT previous + 1, 'the log has no events from ' || (previous + 1) || ' through ' || (sequence - 1) || "    \
  "', and they were neither compacted nor trimmed' "                                                             \
  "FROM (SELECT sequence, lag(sequence, 1, through) OVER (ORDER BY sequence) AS previous FROM numbers, trimmed " \
  "WHERE sequence > through) AS t WHERE sequence <> previous + 1"

/// On PostgreSQL an event waits for its number or has it.
constexpr std::array<Rule, 2> kNumbered{{
    {"I8",
     "event_id",
     {"",
      "SELECT event_id, 'has no number, and does not wait for one' FROM outbox o "
      "WHERE NOT EXISTS (SELECT 1 FROM outbox_numbers n WHERE n.id = o.id) "
      "AND NOT EXISTS (SELECT 1 FROM outbox_new w WHERE w.id = o.id)"}},
    {"I8",
     "id",
     {"",
      "SELECT id, 'waits for its number, and is not there' FROM outbox_new w "
      "WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = w.id)"}},
}};

constexpr std::array<Rule, 11> kRules{{
    {"I8", "event_id", R"sql(
SELECT event_id, 'is a ' || type || ' in ' || topic
FROM outbox
WHERE topic IS DISTINCT FROM CASE WHEN substr(type, 1, 6) = 'order.' THEN 'agora.orders'
                                  WHEN substr(type, 1, 12) = 'order_group.' THEN 'agora.order_groups'
                                  WHEN substr(type, 1, 6) = 'stock.' THEN 'agora.stock' END)sql"},
    {"I8", "subject", R"sql(
SELECT subject, topic || ' has its version ' || version || ' after ' || previous
FROM (SELECT topic, subject, version, lag(version) OVER (PARTITION BY topic, subject ORDER BY version) AS previous
      FROM outbox) AS versions
WHERE version <> previous + 1)sql"},
    // What the first version was is known where nothing is gone; the numbers below tell of holes in any case.
    {"I8", "subject", R"sql(
SELECT subject, topic || ' begins with version ' || min(version)
FROM outbox GROUP BY topic, subject
HAVING min(version) < 1 OR (min(version) > 1 AND (SELECT trimmed_through FROM event_log) = 0
                            AND (topic <> 'agora.stock' OR (SELECT compacted_through FROM event_log) = 0)))sql"},
    {"I8", "event_id", R"sql(
SELECT event_id, 'version ' || version || ' of ' || subject || ' was written before ' || previous
FROM (SELECT event_id, subject, version, sequence,
             lag(sequence) OVER versions AS written, lag(version) OVER versions AS previous
      FROM numbered_events WINDOW versions AS (PARTITION BY topic, subject ORDER BY version)) AS t
WHERE sequence < written)sql"},
    // Numbers are given and rolled back with their rows: one that is gone was taken away.
    {"I8",
     "sequence",
     {AGORA_HOLES("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'outbox'"),
      AGORA_HOLES("SELECT head + 1 FROM event_log")}},
    // Where something was trimmed, all events of a fact may be; of a state the newest is always kept.
    {"I8", "order_id", R"sql(
SELECT order_id, 'has version ' || version || ', its newest event ' || coalesce(CAST(newest AS TEXT), 'is not there')
FROM (SELECT order_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.orders' AND e.subject = order_id) AS newest
      FROM orders) AS newest_of
WHERE newest IS DISTINCT FROM version AND (newest IS NOT NULL OR (SELECT trimmed_through FROM event_log) = 0))sql"},
    {"I8", "group_id", R"sql(
SELECT group_id, 'has version ' || version || ', its newest event ' || coalesce(CAST(newest AS TEXT), 'is not there')
FROM (SELECT group_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.order_groups' AND e.subject = group_id) AS newest
      FROM order_groups) AS newest_of
WHERE newest IS DISTINCT FROM version AND (newest IS NOT NULL OR (SELECT trimmed_through FROM event_log) = 0))sql"},
    {"I8", "offer_id", R"sql(
SELECT offer_id, 'has version ' || version || ', its newest event ' || coalesce(CAST(newest AS TEXT), 'is not there')
FROM (SELECT offer_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.stock' AND e.subject = offer_id) AS newest
      FROM stock) AS newest_of
WHERE newest IS DISTINCT FROM version)sql"},
    {"I8", "order_id", R"sql(
SELECT DISTINCT subject, 'has events, and is not there' FROM outbox
WHERE topic = 'agora.orders' AND NOT EXISTS (SELECT 1 FROM orders WHERE order_id = subject))sql"},
    {"I8", "group_id", R"sql(
SELECT DISTINCT subject, 'has events, and is not there' FROM outbox
WHERE topic = 'agora.order_groups' AND NOT EXISTS (SELECT 1 FROM order_groups WHERE group_id = subject))sql"},
    {"I8", "offer_id", R"sql(
SELECT DISTINCT subject, 'has events, and is not there' FROM outbox
WHERE topic = 'agora.stock' AND NOT EXISTS (SELECT 1 FROM stock WHERE offer_id = subject))sql"},
}};

}  // namespace

void audit_order_events(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "numbered_events")) {
    report.not_checked("I8", "the schema is older than this program; agora migrate brings it up to date");
    return;
  }
  report.checked("I8", "events", count(tx, kEvents));
  report.checked("I8", "subjects", count(tx, kSubjects));
  report.checked("I8", "compacted events", count(tx, kCompacted));
  const auto trimmed = count(tx, kTrimmed);
  if (trimmed > 0) report.not_checked("I8", "events up to number " + std::to_string(trimmed) + ", which were trimmed");
  check(tx, kRules, report);
  if (tx.engine() == sql::Engine::postgresql) {
    report.in_flight("events that wait for their number", count(tx, kUnnumbered));
    check(tx, kNumbered, report);
  }
  auto relays = tx.query(kUnpublished);
  while (relays.next()) {
    report.in_flight("events not published by " + std::string(relays.text(0)) + " yet", relays.int64(1));
  }
}

}  // namespace agora::cli
