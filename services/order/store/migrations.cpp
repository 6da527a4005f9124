#include <array>

#include "embedded/migration_0002_orders.hpp"
#include "embedded/migration_0003_orders_clustered.hpp"
#include "embedded/migration_0007_paid_by.hpp"
#include "embedded/migration_0008_lost_order_groups.hpp"
#include "embedded/migration_0012_refused_captures.hpp"
#include "embedded/migration_0013_seller_members.hpp"
#include "embedded/migration_0014_audit_log.hpp"
#include "embedded/migration_0015_carts.hpp"
#include "embedded/migration_0016_payment_holds.hpp"
#include "embedded/migration_0017_progress.hpp"
#include "embedded/migration_0018_fulfillments.hpp"
#include "embedded/migration_0019_orders_of_seller.hpp"
#include "embedded/migration_0020_refunds.hpp"
#include "embedded/migration_0021_orders_to_ship.hpp"
#include "embedded/migration_0022_refunded_shipped.hpp"
#include "libs/events/schema.hpp"
#include "libs/service/erased_users.hpp"
#include "libs/sql/lease.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

std::span<const sql::Migration> migrations() {
  static const std::array<sql::Migration, 22> kMigrations{{
      {1, "0001_idempotency_keys", sql::kIdempotencySchema},
      {2, "0002_orders", embedded::migration_0002_orders},
      {3, "0003_orders_clustered", embedded::migration_0003_orders_clustered},
      {4, "0004_event_log", events::kLogSchema},
      {5, "0005_inbox", events::kInboxSchema},
      {6, "0006_erased_users", service::kErasedUsersSchema},
      {7, "0007_paid_by", embedded::migration_0007_paid_by},
      {8, "0008_lost_order_groups", embedded::migration_0008_lost_order_groups},
      {9, "0009_numbering", events::kNumberingSchema},
      {10, "0010_leases", sql::kLeasesSchema},
      {11, "0011_inbox_streams", events::kInboxStreamsSchema},
      {12, "0012_refused_captures", embedded::migration_0012_refused_captures},
      {13, "0013_seller_members", embedded::migration_0013_seller_members},
      {14, "0014_audit_log", embedded::migration_0014_audit_log},
      {15, "0015_carts", embedded::migration_0015_carts},
      {16, "0016_payment_holds", embedded::migration_0016_payment_holds},
      {17, "0017_progress", embedded::migration_0017_progress},
      {18, "0018_fulfillments", embedded::migration_0018_fulfillments},
      {19, "0019_orders_of_seller", embedded::migration_0019_orders_of_seller},
      {20, "0020_refunds", embedded::migration_0020_refunds},
      {21, "0021_orders_to_ship", embedded::migration_0021_orders_to_ship},
      {22, "0022_refunded_shipped", embedded::migration_0022_refunded_shipped},
  }};
  return kMigrations;
}

}  // namespace agora::order
