#pragma once
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "libs/events/event_log.hpp"
#include "libs/events/numbering.hpp"
#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// Notifications in the app as a log: each has a number, in the order in which they committed. A user's end takes
/// theirs out of it.

/// For Numbering.
extern const events::NumberedLog kNotificationLog;
/// Adds one, in the transaction that writes it.
void add_to_log(sql::Tx& tx, const NotificationId& notification_id, const UserId& user_id);
/// Takes a user's out.
void forget_in_log(sql::Tx& tx, const UserId& user_id);

/// Nothing of it is trimmed.
events::LogState notification_log_state(sql::Tx& tx);

struct LoggedNotification {
  std::int64_t sequence = 0;
  UserId user_id{};
  Notification notification{};
};
/// What a stretch of the log holds for these users, in order.
std::vector<LoggedNotification> notifications_of_users(sql::Tx& tx, const events::Stretch& stretch,
                                                       const std::unordered_set<std::string>& user_ids);
/// What it holds for one, in order: the first `limit`.
std::vector<LoggedNotification> notifications_of_user(sql::Tx& tx, const events::Stretch& stretch,
                                                      const std::string& user_id, std::int64_t limit);

}  // namespace agora::notification
