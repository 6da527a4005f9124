// I10: whole minor units; lines make orders, orders make groups, and every total is what its parts make.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kLines{"SELECT count(*) FROM order_lines"};
constexpr sql::Sql kOrders{"SELECT count(*) FROM orders"};
constexpr sql::Sql kGroups{"SELECT count(*) FROM order_groups"};
constexpr sql::Sql kRefunds{"SELECT count(*) FROM refunds"};

#define AGORA_PARTS "subtotal - discount_total + shipping_total + tax_total"
#define AGORA_SUMS                                                                                            \
  "sum(subtotal) AS subtotal, sum(discount_total) AS discount_total, sum(shipping_total) AS shipping_total, " \
  "sum(tax_total) AS tax_total, sum(total) AS total"
#define AGORA_AMOUNTS_OF(t) t ".subtotal, " t ".discount_total, " t ".shipping_total, " t ".tax_total, " t ".total"
#define AGORA_NOT_WHOLE                                                                                \
  "typeof(subtotal) <> 'integer' OR typeof(discount_total) <> 'integer' OR typeof(shipping_total) <> " \
  "'integer' OR typeof(tax_total) <> 'integer' OR typeof(total) <> 'integer'"

/// A column of SQLite takes what it is given; PostgreSQL's are whole by their type.
constexpr std::array<Rule, 3> kWhole{{
    {"I10", "order_id",
     "SELECT order_id, 'line ' || line_id || ' holds an amount that is no whole number' FROM order_lines WHERE "
     "typeof(unit_price) <> 'integer' OR typeof(quantity) <> 'integer' OR " AGORA_NOT_WHOLE},
    {"I10", "order_id",
     "SELECT order_id, 'holds an amount that is no whole number' FROM orders WHERE " AGORA_NOT_WHOLE},
    {"I10", "group_id",
     "SELECT group_id, 'holds an amount that is no whole number' FROM order_groups WHERE " AGORA_NOT_WHOLE},
}};

constexpr std::array<Rule, 9> kRules{{
    {"I10", "order_id",
     "SELECT order_id, 'line ' || line_id || ' has the subtotal ' || subtotal || ', not ' || quantity || ' times ' || "
     "unit_price FROM order_lines WHERE subtotal IS DISTINCT FROM unit_price * quantity"},
    {"I10", "order_id",
     "SELECT order_id, 'line ' || line_id || ' has the total ' || total || ', its parts make ' || (" AGORA_PARTS
     ") FROM order_lines WHERE total IS DISTINCT FROM " AGORA_PARTS},
    {"I10", "order_id",
     "SELECT order_id, 'has the total ' || total || ', its parts make ' || (" AGORA_PARTS
     ") FROM orders WHERE total IS DISTINCT FROM " AGORA_PARTS},
    {"I10", "group_id",
     "SELECT group_id, 'has the total ' || total || ', its parts make ' || (" AGORA_PARTS
     ") FROM order_groups WHERE total IS DISTINCT FROM " AGORA_PARTS},
    {"I10", "order_id",
     "SELECT o.order_id, 'has the total ' || o.total || ', its lines sum to ' || coalesce(l.total, 0) || "
     "CASE WHEN o.total IS DISTINCT FROM l.total THEN '' ELSE ', and another amount differs' END FROM orders o "
     "LEFT JOIN (SELECT order_id, " AGORA_SUMS " FROM order_lines GROUP BY order_id) l ON l.order_id = o.order_id "
     "WHERE (" AGORA_AMOUNTS_OF("o") ") IS DISTINCT FROM (" AGORA_AMOUNTS_OF("l") ")"},
    {"I10", "group_id",
     "SELECT g.group_id, 'has the total ' || g.total || ', its orders sum to ' || coalesce(o.total, 0) || "
     "CASE WHEN g.total IS DISTINCT FROM o.total THEN '' ELSE ', and another amount differs' END FROM order_groups g "
     "LEFT JOIN (SELECT group_id, " AGORA_SUMS " FROM orders GROUP BY group_id) o ON o.group_id = g.group_id "
     "WHERE (" AGORA_AMOUNTS_OF("g") ") IS DISTINCT FROM (" AGORA_AMOUNTS_OF("o") ")"},
    {"I10", "order_id",
     "SELECT order_id, 'is ' || payment_status || '; of its ' || total || ' there was taken ' || captured_total || "
     "', given back ' || refunded_total FROM orders WHERE captured_total > total OR refunded_total > captured_total OR "
     "NOT CASE payment_status WHEN 'captured' THEN refunded_total = 0 WHEN 'partially_refunded' THEN 0 < "
     "refunded_total "
     "AND refunded_total < captured_total WHEN 'refunded' THEN refunded_total = captured_total ELSE captured_total = 0 "
     "END"},
    {"I10", "order_id",
     "SELECT o.order_id, 'was given back ' || o.refunded_total || ', its refunds sum to ' || coalesce(r.amount, 0) "
     "FROM orders o LEFT JOIN (SELECT order_id, sum(amount) AS amount FROM refunds GROUP BY order_id) r "
     "ON r.order_id = o.order_id WHERE o.refunded_total IS DISTINCT FROM coalesce(r.amount, 0)"},
    {"I10", "refund_id",
     "SELECT refund_id, 'is of order ' || order_id || ', which is not there' FROM refunds r WHERE NOT EXISTS "
     "(SELECT 1 FROM orders o WHERE o.order_id = r.order_id)"},
}};

}  // namespace

void audit_order_amounts(sql::Tx& tx, Report& report) {
  if (!has_table(tx, "refunds")) {
    report.not_checked("I10", "the schema is older than this program; agora migrate brings it up to date");
    return;
  }
  report.checked("I10", "lines", count(tx, kLines));
  report.checked("I10", "orders", count(tx, kOrders));
  report.checked("I10", "groups", count(tx, kGroups));
  report.checked("I10", "refunds", count(tx, kRefunds));
  if (tx.engine() == sql::Engine::sqlite) check(tx, kWhole, report);
  check(tx, kRules, report);
}

}  // namespace agora::cli
