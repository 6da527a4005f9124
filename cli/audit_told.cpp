// I8, the writing side: events tell what the rows hold, each change once.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/sqlite_file.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kTold{"SELECT count(*) FROM outbox WHERE topic IN ('agora.orders', 'agora.order_groups')"};
constexpr sql::Sql kUnreadable{"SELECT count(*) FROM outbox WHERE NOT json_valid(data)"};

constexpr std::array<Rule, 1> kReadable{{
    {"I8", "event_id", "SELECT event_id, 'holds data that is no JSON' FROM outbox WHERE NOT json_valid(data)"},
}};

/// Each change is told once; where something was trimmed (`least` is 0) it may be told no more. Of several members
/// json_extract makes an array, which is compared as text: ids and numbers are written alike, a SKU may be not.
constexpr std::array<Rule, 12> kRules{{
    {"I8", "order_id", R"sql(
SELECT order_id, 'is ' || status || ', ' || payment_status || '; its events tell placed ' || placed ||
                 ' times, canceled ' || canceled || ', paid ' || paid
FROM (SELECT o.order_id, o.status, o.payment_status, o.status = 'canceled' AS is_canceled,
             o.payment_status IN ('captured', 'partially_refunded', 'refunded') AS is_paid,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.orders' AND e.subject = o.order_id AND e.type = 'order.placed') AS placed,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.orders' AND e.subject = o.order_id AND e.type = 'order.canceled') AS canceled,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.orders' AND e.subject = o.order_id AND e.type = 'order.paid') AS paid,
             (SELECT trimmed_through FROM event_log) = 0 AS least
      FROM orders o)
WHERE placed NOT BETWEEN least AND 1 OR canceled NOT BETWEEN is_canceled * least AND is_canceled
   OR paid NOT BETWEEN is_paid * least AND is_paid)sql"},
    {"I8", "group_id", R"sql(
SELECT group_id, 'is ' || status || ', ' || payment_status || '; its events tell placed ' || placed ||
                 ' times, canceled ' || canceled || ', paid ' || paid
FROM (SELECT g.group_id, g.status, g.payment_status, g.status = 'canceled' AS is_canceled,
             EXISTS (SELECT 1 FROM orders o WHERE o.group_id = g.group_id
                     AND o.payment_status IN ('captured', 'partially_refunded', 'refunded')) AS is_paid,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.order_groups' AND e.subject = g.group_id AND e.type = 'order_group.placed') AS placed,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.order_groups' AND e.subject = g.group_id AND e.type = 'order_group.canceled') AS canceled,
             (SELECT count(*) FROM outbox e
              WHERE e.topic = 'agora.order_groups' AND e.subject = g.group_id AND e.type = 'order_group.paid') AS paid,
             (SELECT trimmed_through FROM event_log) = 0 AS least
      FROM order_groups g)
WHERE placed NOT BETWEEN least AND 1 OR canceled NOT BETWEEN is_canceled * least AND is_canceled
   OR paid NOT BETWEEN is_paid * least AND is_paid)sql"},
    {"I8", "order_id", R"sql(
SELECT o.order_id, 'order.placed tells another order than the row'
FROM outbox e JOIN orders o ON o.order_id = e.subject
WHERE e.type = 'order.placed'
  AND json_extract(e.data, '$.number', '$.user_id', '$.seller_id', '$.order_group_id', '$.currency',
                   '$.subtotal', '$.discount_total', '$.shipping_total', '$.tax_total', '$.total')
      IS NOT json_array(o.number, o.user_id, o.seller_id, o.group_id, o.currency,
                        o.subtotal, o.discount_total, o.shipping_total, o.tax_total, o.total))sql"},
    {"I8", "order_id", R"sql(
SELECT e.subject, e.type || ' tells of another number of lines'
FROM outbox e
WHERE e.type IN ('order.placed', 'order.canceled', 'order.paid')
  AND json_array_length(e.data, '$.lines') IS NOT (SELECT count(*) FROM order_lines l WHERE l.order_id = e.subject))sql"},
    {"I8", "order_id", R"sql(
SELECT e.subject, 'order.placed tells another line ' || (j.key + 1) || ' than the row'
FROM outbox e, json_each(e.data, '$.lines') j
LEFT JOIN order_lines l ON l.order_id = e.subject AND l.position = j.key + 1
WHERE e.type = 'order.placed' AND (json_extract(j.value, '$.sku') IS NOT l.sku
  OR json_extract(j.value, '$.line_id', '$.offer_id', '$.product_id', '$.variant_id', '$.quantity', '$.unit_price',
                  '$.subtotal', '$.discount_total', '$.shipping_total', '$.tax_total', '$.total')
     IS NOT json_array(l.line_id, l.offer_id, l.product_id, l.variant_id, l.quantity, l.unit_price,
                       l.subtotal, l.discount_total, l.shipping_total, l.tax_total, l.total)))sql"},
    {"I8", "order_id", R"sql(
SELECT o.order_id, 'order.canceled tells the reason ' || coalesce(json_extract(e.data, '$.reason'), 'none') ||
                   ', the row ' || coalesce(o.cancel_reason, 'none')
FROM outbox e JOIN orders o ON o.order_id = e.subject
WHERE e.type = 'order.canceled' AND json_extract(e.data, '$.reason') IS NOT o.cancel_reason)sql"},
    {"I8", "order_id", R"sql(
SELECT e.subject, 'order.canceled tells another line ' || (j.key + 1) || ' than the row'
FROM outbox e, json_each(e.data, '$.lines') j
LEFT JOIN order_lines l ON l.order_id = e.subject AND l.position = j.key + 1
WHERE e.type = 'order.canceled' AND json_extract(j.value, '$.line_id', '$.offer_id', '$.quantity')
  IS NOT json_array(l.line_id, l.offer_id, l.canceled_quantity))sql"},
    {"I8", "order_id", R"sql(
SELECT o.order_id, 'order.paid tells another order than the row'
FROM outbox e JOIN orders o ON o.order_id = e.subject
WHERE e.type = 'order.paid' AND json_extract(e.data, '$.seller_id', '$.currency', '$.total')
  IS NOT json_array(o.seller_id, o.currency, o.total))sql"},
    {"I8", "group_id", R"sql(
SELECT g.group_id, 'order_group.placed tells another group than the row'
FROM outbox e JOIN order_groups g ON g.group_id = e.subject
WHERE e.type = 'order_group.placed'
  AND json_extract(e.data, '$.number', '$.user_id', '$.currency',
                   '$.subtotal', '$.discount_total', '$.shipping_total', '$.tax_total', '$.total')
      IS NOT json_array(g.number, g.user_id, g.currency,
                        g.subtotal, g.discount_total, g.shipping_total, g.tax_total, g.total))sql"},
    {"I8", "group_id", R"sql(
SELECT e.subject, 'order_group.placed tells of another number of orders'
FROM outbox e
WHERE e.type = 'order_group.placed' AND json_array_length(e.data, '$.order_ids')
  IS NOT (SELECT count(*) FROM orders o WHERE o.group_id = e.subject))sql"},
    {"I8", "group_id", R"sql(
SELECT e.subject, 'order_group.placed tells of order ' || j.value || ', which is not one of its own'
FROM outbox e, json_each(e.data, '$.order_ids') j LEFT JOIN orders o ON o.order_id = j.value
WHERE e.type = 'order_group.placed' AND o.group_id IS NOT e.subject)sql"},
    {"I8", "offer_id", R"sql(
SELECT s.offer_id, 'its newest event tells other quantities than the row: ' || s.on_hand || ' on hand, ' ||
                   s.reserved || ' reserved'
FROM stock s JOIN outbox e ON e.topic = 'agora.stock' AND e.subject = s.offer_id AND e.version = s.version
WHERE json_extract(e.data, '$.on_hand', '$.reserved', '$.available')
  IS NOT json_array(s.on_hand, s.reserved, s.on_hand - s.reserved))sql"},
}};

}  // namespace

void audit_order_told(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "event_log")) return;
  check(tx, kReadable, report);
  if (count(tx, kUnreadable) > 0) {
    report.not_checked("I8", "what events tell, as not all of them can be read");
    return;
  }
  report.checked("I8", "events of orders and groups compared with their rows", count(tx, kTold));
  check(tx, kRules, report);
}

}  // namespace agora::cli
