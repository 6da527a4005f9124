#include <array>

#include "embedded/migration_0002_orders.hpp"
#include "embedded/migration_0003_orders_clustered.hpp"
#include "embedded/migration_0007_paid_by.hpp"
#include "embedded/migration_0008_lost_order_groups.hpp"
#include "embedded/migration_0012_payment_holds.hpp"
#include "embedded/migration_0013_contacts.hpp"
#include "libs/events/schema.hpp"
#include "libs/service/erased_users.hpp"
#include "libs/sql/lease.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

std::span<const sql::Migration> migrations() {
  static const std::array<sql::Migration, 13> kMigrations{{
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
      {12, "0012_payment_holds", embedded::migration_0012_payment_holds},
      {13, "0013_contacts", embedded::migration_0013_contacts},
  }};
  return kMigrations;
}

}  // namespace agora::order
