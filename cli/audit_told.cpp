// I8, the writing side: events tell what the rows hold, each change once.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"
#include "libs/json/document.hpp"

namespace agora::cli {
namespace {

/// Of one event; more than its bytes allow for.
constexpr std::size_t kDataValuesMax = 1'000'000;

constexpr sql::Sql kTold{"SELECT count(*) FROM outbox WHERE topic IN ('agora.orders', 'agora.order_groups')"};
/// Events a page at a time, as each may be large; in the order of their ids.
constexpr sql::Sql kData{"SELECT event_id, data FROM outbox WHERE event_id > $1 ORDER BY event_id LIMIT 1000"};

#define AGORA_TOLD_TIMES(topic, type, id) \
  "(SELECT count(*) FROM outbox e WHERE e.topic = '" topic "' AND e.subject = " id " AND e.type = '" type "')"
#define AGORA_IS(condition) "CASE WHEN " condition " THEN 1 ELSE 0 END"
#define AGORA_PAID "payment_status IN ('captured', 'partially_refunded', 'refunded')"
/// Each change is told once; where something was trimmed (`least` is 0) it may be told no more.
#define AGORA_TOLD_ONCE(id, topic, noun, is_paid, table) \
  "SELECT " id ", 'is ' || status || ', ' || payment_status || '; its events tell placed ' || placed || "             \
  "' times, canceled ' || canceled || ', paid ' || paid FROM (SELECT a." id ", a.status, a.payment_status, "         \
  AGORA_IS("a.status = 'canceled'") " AS is_canceled, " AGORA_IS(is_paid) " AS is_paid, "                             \
  AGORA_TOLD_TIMES(topic, noun ".placed", "a." id) " AS placed, "                                                     \
  AGORA_TOLD_TIMES(topic, noun ".canceled", "a." id) " AS canceled, "                                                 \
  AGORA_TOLD_TIMES(topic, noun ".paid", "a." id) " AS paid, "                                                         \
  "(SELECT " AGORA_IS("trimmed_through = 0") " FROM event_log) AS least FROM " table " a) AS told "                   \
  "WHERE placed NOT BETWEEN least AND 1 OR canceled NOT BETWEEN is_canceled * least AND is_canceled "                 \
  "OR paid NOT BETWEEN is_paid * least AND is_paid"

#define AGORA_AMOUNTS(t) t "subtotal, " t "discount_total, " t "shipping_total, " t "tax_total, " t "total"
// Of several members SQLite makes an array, which is compared as text: ids and numbers are written alike, a SKU may be
// not.
#define AGORA_AMOUNT_PATHS "'$.subtotal', '$.discount_total', '$.shipping_total', '$.tax_total', '$.total'"
#define AGORA_AMOUNTS_IN(d) \
  d "->'subtotal', " d "->'discount_total', " d "->'shipping_total', " d "->'tax_total', " d "->'total'"
// PostgreSQL reads an event's data once: without OFFSET it would do so for each member.
#define AGORA_EVENTS "FROM outbox e CROSS JOIN LATERAL (SELECT e.data::jsonb AS d OFFSET 0) AS told "

/// Lines of an event, numbered from 1 as rows are, with the row of each.
#define AGORA_LINES_SQLITE                                                                           \
  "FROM outbox e, json_each(e.data, '$.lines') j LEFT JOIN order_lines l ON l.order_id = e.subject " \
  "AND l.position = j.key + 1 "
#define AGORA_LINES_POSTGRESQL                                                                 \
  AGORA_EVENTS                                                                                 \
  "CROSS JOIN LATERAL jsonb_array_elements(d->'lines') WITH ORDINALITY AS j (line, position) " \
  "LEFT JOIN order_lines l ON l.order_id = e.subject AND l.position = j.position "

/// Units of lines that were canceled, by all events of an order together; where one is gone they may be less than the
/// row's, and so they are where the order ended.
#define AGORA_LINES_CANCELED(line_id, quantity, lines)                                                                 \
  "SELECT t.subject, 'order.lines_canceled tells of ' || t.units || ' units of line ' || t.line_id || ', the row ' "   \
  "|| "                                                                                                                \
  "coalesce(l.canceled_quantity, 0) FROM (SELECT e.subject, " line_id " AS line_id, sum(" quantity ") AS units " lines \
  "WHERE e.type = 'order.lines_canceled' GROUP BY e.subject, " line_id                                                 \
  ") t JOIN orders o ON o.order_id = t.subject "                                                                       \
  "LEFT JOIN order_lines l ON l.order_id = t.subject AND l.line_id = t.line_id WHERE l.line_id IS NULL OR "            \
  "t.units > l.canceled_quantity OR (t.units < l.canceled_quantity AND o.status <> 'canceled' AND "                    \
  "(SELECT trimmed_through FROM event_log) = 0)"

/// Lines of which units were canceled, and no event tells so; where the order ended its end does.
#define AGORA_LINES_UNTOLD(line_id, lines)                                                                       \
  "SELECT l.order_id, 'line ' || l.line_id || ' has ' || l.canceled_quantity || ' units canceled, and no event " \
  "tells of any' FROM order_lines l JOIN orders o ON o.order_id = l.order_id WHERE l.canceled_quantity > 0 AND " \
  "o.status <> 'canceled' AND (SELECT trimmed_through FROM event_log) = 0 AND NOT EXISTS (SELECT 1 " lines       \
  "WHERE e.topic = 'agora.orders' AND e.subject = l.order_id AND e.type = 'order.lines_canceled' AND " line_id   \
  " = l.line_id)"

/// Refunds of which no event tells. One that ended its order is told by that.
#define AGORA_REFUNDS_UNTOLD(refund_id, events)                                                                        \
  "SELECT r.order_id, 'no event tells of refund ' || r.refund_id FROM refunds r JOIN orders o ON o.order_id = "        \
  "r.order_id WHERE o.canceled_at IS DISTINCT FROM r.refunded_at AND (SELECT trimmed_through FROM event_log) = 0 AND " \
  "NOT EXISTS (SELECT 1 " events                                                                                       \
  "WHERE e.topic = 'agora.orders' AND e.subject = r.order_id AND e.type = 'order.refunded' AND " refund_id             \
  " = r.refund_id)"

/// What of an order's amounts was canceled: of each line the share of its units, by largest remainder.
#define AGORA_CANCELED_TOTAL                                                                                           \
  "(SELECT CAST(sum((2 * l.total * l.canceled_quantity + l.quantity) / (2 * l.quantity)) AS BIGINT) FROM order_lines " \
  "l "                                                                                                                 \
  "WHERE l.order_id = o.order_id)"

constexpr std::array<Rule, 17> kRules{{
    {"I8", "order_id", AGORA_TOLD_ONCE("order_id", "agora.orders", "order", "a." AGORA_PAID, "orders")},
    {"I8", "group_id",
     AGORA_TOLD_ONCE("group_id", "agora.order_groups", "order_group",
                     "EXISTS (SELECT 1 FROM orders o WHERE o.group_id = a.group_id AND o." AGORA_PAID ")",
                     "order_groups")},
    {"I8",
     "order_id",
     {"SELECT o.order_id, 'order.placed tells another order than the row' FROM outbox e JOIN orders o "
      "ON o.order_id = e.subject WHERE e.type = 'order.placed' AND json_extract(e.data, '$.number', '$.user_id', "
      "'$.seller_id', '$.order_group_id', '$.currency', " AGORA_AMOUNT_PATHS
      ") IS DISTINCT FROM json_array(o.number, o.user_id, o.seller_id, o.group_id, o.currency, " AGORA_AMOUNTS(
          "o.") ")",
      "SELECT o.order_id, 'order.placed tells another order than the row' " AGORA_EVENTS
      "JOIN orders o ON o.order_id = e.subject WHERE e.type = 'order.placed' AND jsonb_build_array(d->'number', "
      "d->'user_id', d->'seller_id', d->'order_group_id', d->'currency', " AGORA_AMOUNTS_IN(
          "d") ") IS DISTINCT FROM jsonb_build_array(o.number, o.user_id, o.seller_id, o.group_id, "
               "o.currency, " AGORA_AMOUNTS("o.") ")"}},
    {"I8",
     "order_id",
     {"SELECT e.subject, e.type || ' tells of another number of lines' FROM outbox e WHERE e.type IN ('order.placed', "
      "'order.canceled', 'order.paid') AND json_array_length(e.data, '$.lines') IS DISTINCT FROM (SELECT count(*) "
      "FROM order_lines l WHERE l.order_id = e.subject)",
      "SELECT e.subject, e.type || ' tells of another number of lines' " AGORA_EVENTS
      "WHERE e.type IN ('order.placed', 'order.canceled', 'order.paid') AND jsonb_array_length(d->'lines') "
      "IS DISTINCT FROM (SELECT count(*) FROM order_lines l WHERE l.order_id = e.subject)"}},
    {"I8",
     "order_id",
     {"SELECT e.subject, 'order.placed tells another line ' || (j.key + 1) || ' than the row' " AGORA_LINES_SQLITE
      "WHERE e.type = 'order.placed' AND (json_extract(j.value, '$.sku') IS DISTINCT FROM l.sku OR "
      "json_extract(j.value, '$.line_id', '$.offer_id', '$.product_id', '$.variant_id', '$.quantity', "
      "'$.unit_price', " AGORA_AMOUNT_PATHS
      ") IS DISTINCT FROM json_array(l.line_id, l.offer_id, l.product_id, l.variant_id, l.quantity, "
      "l.unit_price, " AGORA_AMOUNTS("l.") "))",
      "SELECT e.subject, 'order.placed tells another line ' || j.position || ' than the row' " AGORA_LINES_POSTGRESQL
      "WHERE e.type = 'order.placed' AND jsonb_build_array(line->'sku', line->'line_id', line->'offer_id', "
      "line->'product_id', line->'variant_id', line->'quantity', line->'unit_price', " AGORA_AMOUNTS_IN(
          "line") ") IS DISTINCT FROM jsonb_build_array(l.sku, l.line_id, l.offer_id, l.product_id, l.variant_id, "
                  "l.quantity, "
                  "l.unit_price, " AGORA_AMOUNTS("l.") ")"}},
    {"I8",
     "order_id",
     {"SELECT o.order_id, 'order.canceled tells the reason ' || coalesce(json_extract(e.data, '$.reason'), 'none') || "
      "', the row ' || coalesce(o.cancel_reason, 'none') FROM outbox e JOIN orders o ON o.order_id = e.subject "
      "WHERE e.type = 'order.canceled' AND json_extract(e.data, '$.reason') IS DISTINCT FROM o.cancel_reason",
      "SELECT o.order_id, 'order.canceled tells the reason ' || coalesce(d->>'reason', 'none') || ', the row ' || "
      "coalesce(o.cancel_reason, 'none') " AGORA_EVENTS "JOIN orders o ON o.order_id = e.subject "
      "WHERE e.type = 'order.canceled' AND d->>'reason' IS DISTINCT FROM o.cancel_reason"}},
    {"I8",
     "order_id",
     {"SELECT e.subject, 'order.canceled tells another line ' || (j.key + 1) || ' than the row' " AGORA_LINES_SQLITE
      "WHERE e.type = 'order.canceled' AND json_extract(j.value, '$.line_id', '$.offer_id', '$.quantity') "
      "IS DISTINCT FROM json_array(l.line_id, l.offer_id, l.canceled_quantity)",
      "SELECT e.subject, 'order.canceled tells another line ' || j.position || ' than the row' " AGORA_LINES_POSTGRESQL
      "WHERE e.type = 'order.canceled' AND jsonb_build_array(line->'line_id', line->'offer_id', line->'quantity') "
      "IS DISTINCT FROM jsonb_build_array(l.line_id, l.offer_id, l.canceled_quantity)"}},
    {"I8",
     "order_id",
     {"SELECT o.order_id, 'order.paid tells another order than the row' FROM outbox e JOIN orders o "
      "ON o.order_id = e.subject WHERE e.type = 'order.paid' AND json_extract(e.data, '$.seller_id', '$.currency', "
      "'$.total') IS DISTINCT FROM json_array(o.seller_id, o.currency, o.captured_total)",
      "SELECT o.order_id, 'order.paid tells another order than the row' " AGORA_EVENTS
      "JOIN orders o ON o.order_id = e.subject WHERE e.type = 'order.paid' AND jsonb_build_array(d->'seller_id', "
      "d->'currency', d->'total') IS DISTINCT FROM jsonb_build_array(o.seller_id, o.currency, o.captured_total)"}},
    {"I8",
     "order_id",
     {AGORA_LINES_CANCELED("json_extract(j.value, '$.line_id')", "json_extract(j.value, '$.quantity')",
                           "FROM outbox e, json_each(e.data, '$.lines') j "),
      AGORA_LINES_CANCELED("line->>'line_id'", "CAST(line->>'quantity' AS BIGINT)",
                           AGORA_EVENTS "CROSS JOIN LATERAL jsonb_array_elements(d->'lines') AS j (line) ")}},
    {"I8",
     "order_id",
     {AGORA_LINES_UNTOLD("json_extract(j.value, '$.line_id')", "FROM outbox e, json_each(e.data, '$.lines') j "),
      AGORA_LINES_UNTOLD("line->>'line_id'",
                         AGORA_EVENTS "CROSS JOIN LATERAL jsonb_array_elements(d->'lines') AS j (line) ")}},
    {"I8",
     "order_id",
     {AGORA_REFUNDS_UNTOLD("json_extract(e.data, '$.refund_id')", "FROM outbox e "),
      AGORA_REFUNDS_UNTOLD("d->>'refund_id'", AGORA_EVENTS)}},
    // Of a completed order more may be given back.
    {"I8",
     "order_id",
     {"SELECT o.order_id, 'order.completed tells of other money than the row' FROM outbox e JOIN orders o "
      "ON o.order_id = e.subject WHERE e.type = 'order.completed' AND (json_extract(e.data, '$.seller_id', "
      "'$.currency', '$.total', '$.canceled_total', '$.captured_total') IS DISTINCT FROM json_array(o.seller_id, "
      "o.currency, o.total, " AGORA_CANCELED_TOTAL
      ", o.captured_total) OR (json_extract(e.data, '$.refunded_total') <= o.refunded_total) IS NOT TRUE)",
      "SELECT o.order_id, 'order.completed tells of other money than the row' " AGORA_EVENTS
      "JOIN orders o ON o.order_id = e.subject WHERE e.type = 'order.completed' AND (jsonb_build_array(d->'seller_id', "
      "d->'currency', d->'total', d->'canceled_total', d->'captured_total') IS DISTINCT FROM "
      "jsonb_build_array(o.seller_id, o.currency, o.total, " AGORA_CANCELED_TOTAL
      ", o.captured_total) OR (CAST(d->>'refunded_total' AS BIGINT) <= o.refunded_total) IS NOT TRUE)"}},
    {"I8",
     "order_id",
     {"SELECT e.subject, 'order.refunded tells another refund than the row' FROM outbox e LEFT JOIN refunds r "
      "ON r.refund_id = json_extract(e.data, '$.refund_id') WHERE e.type = 'order.refunded' AND json_extract(e.data, "
      "'$.order_id', '$.payment_id', '$.amount') IS DISTINCT FROM json_array(r.order_id, r.payment_id, r.amount)",
      "SELECT e.subject, 'order.refunded tells another refund than the row' " AGORA_EVENTS
      "LEFT JOIN refunds r ON r.refund_id = d->>'refund_id' WHERE e.type = 'order.refunded' AND "
      "jsonb_build_array(d->'order_id', d->'payment_id', d->'amount') IS DISTINCT FROM "
      "jsonb_build_array(r.order_id, r.payment_id, r.amount)"}},
    {"I8",
     "group_id",
     {"SELECT g.group_id, 'order_group.placed tells another group than the row' FROM outbox e JOIN order_groups g "
      "ON g.group_id = e.subject WHERE e.type = 'order_group.placed' AND json_extract(e.data, '$.number', "
      "'$.user_id', '$.currency', " AGORA_AMOUNT_PATHS
      ") IS DISTINCT FROM json_array(g.number, g.user_id, g.currency, " AGORA_AMOUNTS("g.") ")",
      "SELECT g.group_id, 'order_group.placed tells another group than the row' " AGORA_EVENTS
      "JOIN order_groups g ON g.group_id = e.subject WHERE e.type = 'order_group.placed' AND "
      "jsonb_build_array(d->'number', d->'user_id', d->'currency', " AGORA_AMOUNTS_IN(
          "d") ") IS DISTINCT FROM jsonb_build_array(g.number, g.user_id, g.currency, " AGORA_AMOUNTS("g.") ")"}},
    {"I8",
     "group_id",
     {"SELECT e.subject, 'order_group.placed tells of another number of orders' FROM outbox e "
      "WHERE e.type = 'order_group.placed' AND json_array_length(e.data, '$.order_ids') IS DISTINCT FROM "
      "(SELECT count(*) FROM orders o WHERE o.group_id = e.subject)",
      "SELECT e.subject, 'order_group.placed tells of another number of orders' " AGORA_EVENTS
      "WHERE e.type = 'order_group.placed' AND jsonb_array_length(d->'order_ids') IS DISTINCT FROM "
      "(SELECT count(*) FROM orders o WHERE o.group_id = e.subject)"}},
    {"I8",
     "group_id",
     {"SELECT e.subject, 'order_group.placed tells of order ' || j.value || ', which is not one of its own' "
      "FROM outbox e, json_each(e.data, '$.order_ids') j LEFT JOIN orders o ON o.order_id = j.value "
      "WHERE e.type = 'order_group.placed' AND o.group_id IS DISTINCT FROM e.subject",
      "SELECT e.subject, 'order_group.placed tells of order ' || j.id || ', which is not one of its own' " AGORA_EVENTS
      "CROSS JOIN LATERAL jsonb_array_elements_text(d->'order_ids') AS j (id) LEFT JOIN orders o ON o.order_id = j.id "
      "WHERE e.type = 'order_group.placed' AND o.group_id IS DISTINCT FROM e.subject"}},
    {"I8",
     "offer_id",
     {"SELECT s.offer_id, 'its newest event tells other quantities than the row: ' || s.on_hand || ' on hand, ' || "
      "s.reserved || ' reserved' FROM stock s JOIN outbox e ON e.topic = 'agora.stock' AND e.subject = s.offer_id "
      "AND e.version = s.version WHERE json_extract(e.data, '$.on_hand', '$.reserved', '$.available') "
      "IS DISTINCT FROM json_array(s.on_hand, s.reserved, s.on_hand - s.reserved)",
      "SELECT s.offer_id, 'its newest event tells other quantities than the row: ' || s.on_hand || ' on hand, ' || "
      "s.reserved || ' reserved' " AGORA_EVENTS "JOIN stock s ON e.topic = 'agora.stock' AND e.subject = s.offer_id "
      "AND e.version = s.version WHERE jsonb_build_array(d->'on_hand', d->'reserved', d->'available') "
      "IS DISTINCT FROM jsonb_build_array(s.on_hand, s.reserved, s.on_hand - s.reserved)"}},
}};

/// Names events whose data cannot be read. Neither engine's comparison gets past one.
std::int64_t name_unreadable(sql::Tx& tx, Report& report) {
  std::int64_t unreadable = 0;
  std::string last;
  for (bool more = true; more;) {
    auto rows = tx.query(kData, {last});
    more = false;
    while (rows.next()) {
      more = true;
      last = rows.text(0);
      if (json::Document::parse(rows.text(1), kDataValuesMax)) continue;
      ++unreadable;
      report.violated({"I8", "event_id", last, "holds data that is no JSON"});
    }
  }
  return unreadable;
}

}  // namespace

void audit_order_told(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "numbered_events") || !has_table(tx, "refunds")) return;
  if (name_unreadable(tx, report) > 0) {
    report.not_checked("I8", "what events tell, as not all of them can be read");
    return;
  }
  report.checked("I8", "events of orders and groups compared with their rows", count(tx, kTold));
  check(tx, kRules, report);
}

}  // namespace agora::cli
