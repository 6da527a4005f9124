#include "services/notification/api/live_notifications.hpp"

#include "services/notification/api/notification_json.hpp"
#include "services/notification/store/notification_log.hpp"

namespace agora::notification {
namespace {

std::vector<events::LiveEvent> rendered(const std::vector<LoggedNotification>& logged) {
  std::vector<events::LiveEvent> events;
  events.reserve(logged.size());
  for (const auto& [sequence, user_id, notification] : logged) {
    auto data = std::make_shared<const std::string>(render_notification(notification));
    events.push_back({sequence, user_id.str(), std::string(to_string(notification.kind)), std::move(data)});
  }
  return events;
}

}  // namespace

events::LogState LiveNotifications::state(sql::Tx& tx) const {
  return notification_log_state(tx);
}

std::vector<events::LiveEvent> LiveNotifications::of_many(sql::Tx& tx, const events::Stretch& stretch,
                                                          const Subjects& user_ids) const {
  return rendered(notifications_of_users(tx, stretch, user_ids));
}

std::vector<events::LiveEvent> LiveNotifications::of_one(sql::Tx& tx, const events::Stretch& stretch,
                                                         const std::string& user_id, std::int64_t limit) const {
  return rendered(notifications_of_user(tx, stretch, user_id, limit));
}

}  // namespace agora::notification
