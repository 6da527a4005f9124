#pragma once
#include <string>
#include <vector>

#include "services/notification/store/notification_store.hpp"

namespace agora::notification {

/// A notification as GET /notifications and PATCH answer it, in its user's language.
std::string render_notification(const Notification& notification);
/// A page of them; `next_cursor`: empty on the last.
std::string render_notification_page(const std::vector<Notification>& notifications, const std::string& next_cursor);
/// A page of mails that were given up.
std::string render_dead_mail_page(const std::vector<DeadMail>& mails, const std::string& next_cursor);

}  // namespace agora::notification
