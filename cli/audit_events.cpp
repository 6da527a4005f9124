// I8, the writing side: the log has no holes but what was trimmed or compacted, versions of a subject are 1, 2, 3…, and
// each row's version is that of its newest event.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/sqlite_file.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kEvents{"SELECT count(*) FROM outbox"};
constexpr sql::Sql kSubjects{"SELECT count(*) FROM (SELECT DISTINCT topic, subject FROM outbox)"};
constexpr sql::Sql kCompacted{"SELECT count(*) FROM outbox_compacted"};
constexpr sql::Sql kTrimmed{"SELECT trimmed_through FROM event_log"};

constexpr std::array<Rule, 11> kRules{{
    {"I8", "event_id", R"sql(
SELECT event_id, 'is a ' || type || ' in ' || topic
FROM outbox
WHERE topic IS NOT CASE WHEN type GLOB 'order.*' THEN 'agora.orders'
                        WHEN type GLOB 'order_group.*' THEN 'agora.order_groups'
                        WHEN type GLOB 'stock.*' THEN 'agora.stock' END)sql"},
    {"I8", "subject", R"sql(
SELECT subject, topic || ' has its version ' || version || ' after ' || previous
FROM (SELECT topic, subject, version, lag(version) OVER (PARTITION BY topic, subject ORDER BY version) AS previous
      FROM outbox)
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
      FROM outbox WINDOW versions AS (PARTITION BY topic, subject ORDER BY version))
WHERE sequence < written)sql"},
    // Numbers are given and rolled back with their rows: one that is gone was taken away.
    {"I8", "sequence", R"sql(
WITH numbers AS (SELECT sequence FROM outbox UNION ALL SELECT sequence FROM outbox_compacted
                 UNION ALL SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'outbox'),
     trimmed AS (SELECT trimmed_through AS through FROM event_log)
SELECT previous + 1, 'the log has no events from ' || (previous + 1) || ' through ' || (sequence - 1) ||
                     ', and they were neither compacted nor trimmed'
FROM (SELECT sequence, lag(sequence, 1, through) OVER (ORDER BY sequence) AS previous
      FROM numbers, trimmed WHERE sequence > through)
WHERE sequence <> previous + 1)sql"},
    // Where something was trimmed, all events of a fact may be; of a state the newest is always kept.
    {"I8", "order_id", R"sql(
SELECT order_id, 'has version ' || version || ', its newest event ' || coalesce(newest, 'is not there')
FROM (SELECT order_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.orders' AND e.subject = order_id) AS newest
      FROM orders)
WHERE newest IS NOT version AND (newest IS NOT NULL OR (SELECT trimmed_through FROM event_log) = 0))sql"},
    {"I8", "group_id", R"sql(
SELECT group_id, 'has version ' || version || ', its newest event ' || coalesce(newest, 'is not there')
FROM (SELECT group_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.order_groups' AND e.subject = group_id) AS newest
      FROM order_groups)
WHERE newest IS NOT version AND (newest IS NOT NULL OR (SELECT trimmed_through FROM event_log) = 0))sql"},
    {"I8", "offer_id", R"sql(
SELECT offer_id, 'has version ' || version || ', its newest event ' || coalesce(newest, 'is not there')
FROM (SELECT offer_id, version,
             (SELECT max(e.version) FROM outbox e WHERE e.topic = 'agora.stock' AND e.subject = offer_id) AS newest
      FROM stock)
WHERE newest IS NOT version)sql"},
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
  if (!has_table(tx, "event_log")) {
    report.not_checked("I8", "the schema is older than the event log; agora migrate brings it up to date");
    return;
  }
  report.checked("I8", "events", count(tx, kEvents));
  report.checked("I8", "subjects", count(tx, kSubjects));
  report.checked("I8", "compacted events", count(tx, kCompacted));
  const auto trimmed = count(tx, kTrimmed);
  if (trimmed > 0) report.not_checked("I8", "events up to number " + std::to_string(trimmed) + ", which were trimmed");
  check(tx, kRules, report);
}

}  // namespace agora::cli
