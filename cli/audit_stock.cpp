// I4: 0 <= reserved <= on_hand; on_hand is the sum of its movements, reserved what live orders hold.

#include <array>

#include "cli/audit_checks.hpp"
#include "cli/service_databases.hpp"

namespace agora::cli {
namespace {

/// Units of a line that nobody has canceled, shipped or, before they were shipped, paid back.
#define AGORA_LEFT "l.quantity - l.canceled_quantity - l.shipped_quantity - l.refunded_quantity"
#define AGORA_HELD                                                        \
  "(SELECT l.offer_id, sum(CASE WHEN " AGORA_LEFT " > 0 THEN " AGORA_LEFT \
  " ELSE 0 END) AS held FROM order_lines l "                              \
  "JOIN orders o ON o.order_id = l.order_id WHERE o.status IN ('pending', 'confirmed') GROUP BY l.offer_id)"
#define AGORA_MOVED "(SELECT offer_id, sum(delta) AS moved FROM stock_movements GROUP BY offer_id)"

constexpr sql::Sql kStock{"SELECT count(*) FROM stock"};
constexpr sql::Sql kMovements{"SELECT count(*) FROM stock_movements"};
constexpr sql::Sql kLines{"SELECT count(*) FROM order_lines"};

constexpr std::array<Rule, 7> kRules{{
    {"I4", "offer_id",
     "SELECT offer_id, 'reserved is ' || reserved || ', on hand ' || on_hand FROM stock "
     "WHERE (0 <= reserved AND reserved <= on_hand) IS NOT TRUE"},
    {"I4", "offer_id",
     "SELECT s.offer_id, 'on hand is ' || s.on_hand || ', its movements sum to ' || coalesce(m.moved, 0) "
     "FROM stock s LEFT JOIN " AGORA_MOVED
     " m ON m.offer_id = s.offer_id WHERE s.on_hand IS DISTINCT FROM coalesce(m.moved, 0)"},
    {"I4", "offer_id",
     "SELECT s.offer_id, 'reserved is ' || s.reserved || ', live orders hold ' || coalesce(h.held, 0) "
     "FROM stock s LEFT JOIN " AGORA_HELD
     " h ON h.offer_id = s.offer_id WHERE s.reserved IS DISTINCT FROM coalesce(h.held, 0)"},
    {"I4", "offer_id",
     "SELECT m.offer_id, 'movements sum to ' || m.moved || ', and it has no stock row' FROM " AGORA_MOVED
     " m LEFT JOIN stock s ON s.offer_id = m.offer_id WHERE s.offer_id IS NULL"},
    {"I4", "offer_id",
     "SELECT h.offer_id, 'live orders hold ' || h.held || ', and it has no stock row' FROM " AGORA_HELD
     " h LEFT JOIN stock s ON s.offer_id = h.offer_id WHERE s.offer_id IS NULL"},
    {"I4", "offer_id",
     "SELECT offer_id, 'what its lines and its movements say was shipped differs by ' || sum(units) FROM (SELECT "
     "offer_id, shipped_quantity AS units FROM order_lines UNION ALL SELECT offer_id, delta AS units FROM "
     "stock_movements WHERE kind = 'shipped') AS s GROUP BY offer_id HAVING sum(units) <> 0"},
    {"I4", "order_id",
     "SELECT order_id, 'line ' || line_id || ' has ' || quantity || ' units, ' || canceled_quantity || ' canceled, ' "
     "|| "
     "shipped_quantity || ' shipped, ' || refunded_quantity || ' and, after they were shipped, ' || "
     "refunded_shipped_quantity || ' refunded' FROM order_lines WHERE canceled_quantity + shipped_quantity > quantity "
     "OR "
     "canceled_quantity + refunded_quantity + refunded_shipped_quantity > quantity OR refunded_shipped_quantity > "
     "shipped_quantity"},
}};

}  // namespace

void audit_order_stock(sql::Tx& tx, Report& report) {
  if (!has_column(tx, "order_lines", "refunded_shipped_quantity")) {
    report.not_checked("I4", "the schema is older than this program; agora migrate brings it up to date");
    return;
  }
  report.checked("I4", "stock rows", count(tx, kStock));
  report.checked("I4", "movements", count(tx, kMovements));
  report.checked("I4", "order lines", count(tx, kLines));
  check(tx, kRules, report);
}

}  // namespace agora::cli
