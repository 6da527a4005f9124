// I9: fulfilments are where they say, hold what their orders' lines say, and orders and groups say of the whole what
// these do. I8: each that went on was told once.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kFulfillments{"SELECT count(*) FROM fulfillments"};

#define AGORA_UNITS(of)                                                                               \
  "coalesce((SELECT CAST(sum(x.quantity) AS BIGINT) FROM fulfillments f JOIN fulfillment_lines x ON " \
  "x.fulfillment_id = f.fulfillment_id WHERE f.order_id = l.order_id AND x.line_id = l.line_id AND " of "), 0)"

// Units that are to reach the buyer: neither canceled nor paid back before they were shipped.
#define AGORA_DUE                                                                                                 \
  "quantity - canceled_quantity - CASE WHEN refunded_quantity < quantity - canceled_quantity - shipped_quantity " \
  "THEN refunded_quantity ELSE quantity - canceled_quantity - shipped_quantity END"
// Of what a fulfilment holds some may be due no more.
#define AGORA_SUMS                                                                              \
  "(SELECT order_id, sum(" AGORA_DUE ") AS due, sum(CASE WHEN fulfilled_quantity < (" AGORA_DUE \
  ") THEN fulfilled_quantity ELSE (" AGORA_DUE                                                  \
  ") END) AS fulfilled, sum(shipped_quantity) AS "                                              \
  "shipped, sum(delivered_quantity) AS delivered FROM order_lines GROUP BY order_id)"
#define AGORA_PROGRESS                                                                                             \
  "CASE WHEN s.delivered > 0 THEN CASE WHEN s.delivered >= s.due THEN 'delivered' ELSE 'partially_delivered' END " \
  "WHEN s.shipped > 0 THEN CASE WHEN s.shipped >= s.due THEN 'shipped' ELSE 'partially_shipped' END "              \
  "WHEN s.fulfilled > 0 THEN CASE WHEN s.fulfilled >= s.due THEN 'fulfilled' ELSE 'partially_fulfilled' END "      \
  "ELSE 'not_fulfilled' END"

// Where something was trimmed it may be told no more.
#define AGORA_TOLD_AS_OFTEN(type, times)                                                          \
  "SELECT order_id, 'went ' || expected || ' times through " type                                 \
  ", and told ' || told FROM (SELECT o.order_id, "                                                \
  "(" times                                                                                       \
  ") AS expected, (SELECT count(*) FROM outbox e WHERE e.topic = 'agora.orders' AND e.subject = " \
  "o.order_id AND e.type = '" type                                                                \
  "') AS told FROM orders o) AS t WHERE told > expected OR (told < expected AND "                 \
  "(SELECT trimmed_through FROM event_log) = 0)"
#define AGORA_FULFILLMENTS_IN(states) \
  "SELECT count(*) FROM fulfillments f WHERE f.order_id = o.order_id AND f.status IN (" states ")"

constexpr std::array<Rule, 12> kRules{{
    {"I9", "fulfillment_id",
     "SELECT fulfillment_id, 'is ' || status || ', and its times say otherwise' FROM fulfillments WHERE status NOT IN "
     "('packed', 'shipped', 'delivered', 'canceled') OR (status IN ('shipped', 'delivered')) <> (shipped_at IS NOT "
     "NULL) OR (status = 'delivered') <> (delivered_at IS NOT NULL) OR (status = 'canceled') <> (canceled_at IS NOT "
     "NULL)"},
    {"I9", "fulfillment_id",
     "SELECT f.fulfillment_id, 'its order ' || f.order_id || ' is not there' FROM fulfillments f WHERE NOT EXISTS "
     "(SELECT 1 FROM orders o WHERE o.order_id = f.order_id)"},
    {"I9", "fulfillment_id",
     "SELECT x.fulfillment_id, 'holds units of ' || x.line_id || ', which is no line of its order' FROM "
     "fulfillment_lines x LEFT JOIN fulfillments f ON f.fulfillment_id = x.fulfillment_id WHERE NOT EXISTS (SELECT 1 "
     "FROM order_lines l WHERE l.order_id = f.order_id AND l.line_id = x.line_id)"},
    {"I9", "order_id",
     "SELECT l.order_id, 'line ' || l.line_id || ' has other units fulfilled, shipped or delivered than its "
     "fulfilments' FROM order_lines l WHERE l.fulfilled_quantity <> " AGORA_UNITS(
         "f.status <> 'canceled'") " OR l.shipped_quantity <> " AGORA_UNITS("f.status IN ('shipped', "
                                                                            "'delivered')") " OR l.delivered_quantity "
                                                                                            "<> " AGORA_UNITS(
                                                                                                "f.status = "
                                                                                                "'delivered'")},
    {"I9", "order_id",
     "SELECT order_id, 'line ' || line_id || ' has more units on their way than it has' FROM order_lines WHERE NOT "
     "(0 <= delivered_quantity AND delivered_quantity <= shipped_quantity AND shipped_quantity <= fulfilled_quantity "
     "AND shipped_quantity + canceled_quantity <= quantity)"},
    {"I9", "order_id",
     "SELECT o.order_id, 'is ' || o.fulfillment_status || ', and its lines are ' || " AGORA_PROGRESS
     " FROM orders o JOIN " AGORA_SUMS " s ON s.order_id = o.order_id WHERE o.status <> 'canceled' AND "
     "o.fulfillment_status <> " AGORA_PROGRESS},
    {"I9", "order_id",
     "SELECT order_id, 'is ' || status || ' and ' || fulfillment_status || ', and its times say otherwise' FROM orders "
     "WHERE (status = 'completed') <> (completed_at IS NOT NULL) OR (fulfillment_status = 'delivered') <> "
     "(delivered_at IS NOT NULL) OR (status = 'completed' AND fulfillment_status <> 'delivered') OR (status = "
     "'pending' AND ship_by IS NOT NULL)"},
    {"I9", "order_id",
     "SELECT o.order_id, 'is ' || o.status || ', and a fulfilment goes on' FROM orders o WHERE o.status IN "
     "('completed', 'canceled') AND EXISTS "
     "(SELECT 1 FROM fulfillments f WHERE f.order_id = o.order_id AND f.status = 'packed')"},
    // Two orders that went on at once must both be seen.
    {"I9", "group_id",
     "SELECT g.group_id, 'is ' || g.fulfillment_status || ', and all its living orders are ' || o.one FROM "
     "order_groups "
     "g JOIN (SELECT group_id, min(fulfillment_status) AS one, max(fulfillment_status) AS other FROM orders WHERE "
     "status <> 'canceled' GROUP BY group_id) AS o ON o.group_id = g.group_id WHERE o.one = o.other AND "
     "g.fulfillment_status <> o.one"},
    {"I8", "order_id", AGORA_TOLD_AS_OFTEN("order.shipped", AGORA_FULFILLMENTS_IN("'shipped', 'delivered'"))},
    {"I8", "order_id", AGORA_TOLD_AS_OFTEN("order.delivered", AGORA_FULFILLMENTS_IN("'delivered'"))},
    {"I8", "order_id", AGORA_TOLD_AS_OFTEN("order.completed", "CASE WHEN o.status = 'completed' THEN 1 ELSE 0 END")},
}};

}  // namespace

void audit_order_fulfillments(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "fulfillments")) return;
  report.checked("I9", "fulfilments", count(tx, kFulfillments));
  check(tx, kRules, report);
}

}  // namespace agora::cli
