#include "cli/log_ids.hpp"

#include "cli/service_databases.hpp"
#include "libs/base/id.hpp"

namespace agora::cli {
namespace {

constexpr sql::Sql kRenewLogId{"UPDATE event_log SET log_id = $1"};
constexpr sql::Sql kRenewNotificationLog{"UPDATE notification_log SET log_id = $1"};
constexpr sql::Sql kForgetConsumers{"DELETE FROM feed_consumers"};
constexpr sql::Sql kForgetRelays{"DELETE FROM relay_cursors"};

}  // namespace

std::optional<std::string> renew_log_id(sql::Tx& tx) {
  if (has_table(tx, "notification_log")) {
    tx.execute_one(kRenewNotificationLog, {new_uuid_v7(SystemClock().now())});
  }
  if (!has_table(tx, "event_log")) return std::nullopt;
  auto log_id = new_uuid_v7(SystemClock().now());
  tx.execute_one(kRenewLogId, {log_id});
  // What they have read of the old log says nothing of this one: it is all kept for them until they say so.
  tx.execute(kForgetConsumers);
  if (has_table(tx, "relay_cursors")) tx.execute(kForgetRelays);
  return log_id;
}

}  // namespace agora::cli
