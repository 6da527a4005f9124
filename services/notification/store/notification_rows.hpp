#pragma once
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// A notification `n` as its user `u` reads it.
#define AGORA_NOTIFICATION_COLUMNS \
  "n.notification_id, n.kind, n.order_group_id, n.order_id, n.data, n.made_at, n.read_at, u.locale"
inline constexpr int kNotificationColumns = 8;

/// The one in the current row, whose first columns those are.
inline Notification read_notification(const sql::Rows& rows) {
  return {.notification_id = rows.id<NotificationTag>(0),
          .kind = parse_enum<Kind>(rows.text(1)).value(),
          .order_group_id = rows.optional_text(2),
          .order_id = rows.optional_text(3),
          .data = std::string(rows.text(4)),
          .made_at = rows.time(5),
          .read_at = rows.optional_time(6),
          .locale = rows.optional_text(7).value_or("")};
}

}  // namespace agora::notification
