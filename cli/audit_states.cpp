// I9: legal states that agree with each other, for orders and for the groups that roll them up.

#include <array>

#include "cli/audit_checks.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kOrders{"SELECT count(*) FROM orders"};
constexpr sql::Sql kGroups{"SELECT count(*) FROM order_groups"};
constexpr sql::Sql kPending{"SELECT count(*) FROM orders WHERE status = 'pending'"};

#define AGORA_STATUSES "('pending', 'confirmed', 'completed', 'canceled')"
#define AGORA_PAYMENT_STATUSES                                                                        \
  "('not_paid', 'awaiting', 'authorized', 'captured', 'partially_refunded', 'refunded', 'canceled', " \
  "'requires_action')"
#define AGORA_FULFILLMENT_STATUSES                                                                                \
  "('not_fulfilled', 'partially_fulfilled', 'fulfilled', 'partially_shipped', 'shipped', 'partially_delivered', " \
  "'delivered', 'canceled')"
#define AGORA_NAMES "'is ' || status || ', paid ' || payment_status || ', fulfilled ' || fulfillment_status"
#define AGORA_ILLEGAL                                                                 \
  "status NOT IN " AGORA_STATUSES " OR payment_status NOT IN " AGORA_PAYMENT_STATUSES \
  " OR fulfillment_status NOT IN " AGORA_FULFILLMENT_STATUSES
#define AGORA_RANK "CASE status WHEN 'pending' THEN 0 WHEN 'confirmed' THEN 1 WHEN 'completed' THEN 2 ELSE 3 END"
#define AGORA_OF_RANK \
  "CASE rank WHEN 0 THEN 'pending' WHEN 1 THEN 'confirmed' WHEN 2 THEN 'completed' ELSE 'canceled' END"

constexpr std::array<Rule, 13> kRules{{
    {"I9", "order_id", "SELECT order_id, " AGORA_NAMES " FROM orders WHERE " AGORA_ILLEGAL},
    {"I9", "group_id", "SELECT group_id, " AGORA_NAMES " FROM order_groups WHERE " AGORA_ILLEGAL},
    {"I9", "order_id",
     "SELECT order_id, 'is ' || status || ' with the cancel reason ' || coalesce(cancel_reason, 'none') FROM orders "
     "WHERE (status = 'canceled') <> (cancel_reason IS NOT NULL) OR (status = 'canceled') <> (canceled_at IS NOT NULL) "
     "OR cancel_reason NOT IN ('expired', 'buyer', 'seller', 'support', 'out_of_stock', 'fraud', 'not_shipped')"},
    {"I9", "order_id",
     "SELECT order_id, 'is ' || status || CASE WHEN pay_by IS NULL THEN ' without' ELSE ' with' END || "
     "' a time to pay by' FROM orders WHERE (status = 'pending') <> (pay_by IS NOT NULL)"},
    {"I9", "group_id",
     "SELECT group_id, 'is ' || status || CASE WHEN pay_by IS NULL THEN ' without' ELSE ' with' END || "
     "' a time to pay by' FROM order_groups WHERE (status = 'pending') <> (pay_by IS NOT NULL)"},
    // Nobody pays for what is confirmed, and what waits for its payment has none.
    {"I9", "order_id",
     "SELECT order_id, " AGORA_NAMES
     " FROM orders WHERE (status = 'pending' AND payment_status IN ('captured', 'partially_refunded', 'refunded')) OR "
     "(status IN ('confirmed', 'completed') AND payment_status NOT IN ('captured', 'partially_refunded', 'refunded'))"},
    {"I9", "order_id",
     "SELECT o.order_id, 'is to be shipped, and all of its money was given back before anything was' FROM orders o "
     "WHERE o.status = 'confirmed' AND o.payment_status = 'refunded' AND NOT EXISTS (SELECT 1 FROM order_lines l WHERE "
     "l.order_id = o.order_id AND l.shipped_quantity > 0) AND EXISTS (SELECT 1 FROM order_lines l WHERE "
     "l.order_id = o.order_id AND l.total > 0 AND l.quantity > l.canceled_quantity + l.refunded_quantity)"},
    {"I9", "order_id",
     "SELECT o.order_id, 'its group ' || o.group_id || ' is not there' FROM orders o LEFT JOIN order_groups g "
     "ON g.group_id = o.group_id WHERE g.group_id IS NULL"},
    {"I9", "order_id",
     "SELECT o.order_id, 'its group belongs to another user or has another currency' FROM orders o "
     "JOIN order_groups g ON g.group_id = o.group_id WHERE (o.user_id, o.currency) IS DISTINCT FROM (g.user_id, "
     "g.currency)"},
    {"I9", "order_id",
     "SELECT o.order_id, 'has no lines' FROM orders o WHERE NOT EXISTS "
     "(SELECT 1 FROM order_lines l WHERE l.order_id = o.order_id)"},
    {"I9", "order_id",
     "SELECT DISTINCT l.order_id, 'has lines, and is not there' FROM order_lines l WHERE NOT EXISTS "
     "(SELECT 1 FROM orders o WHERE o.order_id = l.order_id)"},
    {"I9", "group_id",
     "SELECT g.group_id, 'has no orders' FROM order_groups g WHERE NOT EXISTS "
     "(SELECT 1 FROM orders o WHERE o.group_id = g.group_id)"},
    // The least advanced of its orders that are not canceled; canceled when all are.
    {"I9", "group_id",
     "SELECT group_id, 'is ' || status || ', the least advanced of its orders is ' || " AGORA_OF_RANK
     " FROM (SELECT g.group_id, g.status, (SELECT min(" AGORA_RANK
     ") FROM orders o WHERE o.group_id = g.group_id) AS rank FROM order_groups g) AS t WHERE status <> " AGORA_OF_RANK},
}};

}  // namespace

void audit_order_states(sql::Tx& tx, Report& report) {
  report.checked("I9", "orders", count(tx, kOrders));
  report.checked("I9", "groups", count(tx, kGroups));
  report.in_flight("pending orders", count(tx, kPending));
  check(tx, kRules, report);
}

}  // namespace agora::cli
