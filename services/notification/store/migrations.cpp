#include <array>

#include "embedded/migration_0003_notifications.hpp"
#include "embedded/migration_0004_claims.hpp"
#include "embedded/migration_0006_traces.hpp"
#include "embedded/migration_0007_notification_log.hpp"
#include "libs/events/schema.hpp"
#include "libs/service/erased_users.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

std::span<const sql::Migration> migrations() {
  static const std::array<sql::Migration, 7> kMigrations{{
      {1, "0001_inbox", events::kInboxSchema},
      {2, "0002_erased_users", service::kErasedUsersSchema},
      {3, "0003_notifications", embedded::migration_0003_notifications},
      {4, "0004_claims", embedded::migration_0004_claims},
      {5, "0005_inbox_streams", events::kInboxStreamsSchema},
      {6, "0006_traces", embedded::migration_0006_traces},
      {7, "0007_notification_log", embedded::migration_0007_notification_log},
  }};
  return kMigrations;
}

}  // namespace agora::notification
