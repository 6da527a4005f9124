#include "services/notification/api/notification_json.hpp"

#include "libs/json/writer.hpp"
#include "services/notification/api/messages.hpp"

namespace agora::notification {
namespace {

void write(json::Writer& json, const Notification& notification) {
  const auto words = words_of(notification.kind, notification.locale, notification.data, "");
  json.begin_object()
      .member("notification_id", notification.notification_id)
      .member("kind", to_string(notification.kind))
      .member("title", words.subject)
      .member("text", words.text)
      .member("order_group_id", notification.order_group_id)
      .member("order_id", notification.order_id)
      .member("created_at", notification.made_at)
      .member("read_at", notification.read_at)
      .end_object();
}

void write(json::Writer& json, const DeadMail& mail) {
  json.begin_object()
      .member("notification_id", mail.notification_id)
      .member("user_id", mail.user_id)
      .member("kind", to_string(mail.kind))
      .member("channel", to_string(Channel::mail))
      .member("status", to_string(DeliveryStatus::dead))
      .member("attempts", mail.attempts)
      .member("failure", mail.failure)
      .member("created_at", mail.made_at)
      .end_object();
}

template <class Item>
std::string render_page(const std::vector<Item>& items, const std::string& next_cursor) {
  std::string out;
  json::Writer json(out);
  json.begin_object().key("items").begin_array();
  for (const auto& item : items) write(json, item);
  json.end_array().key("next_cursor");
  if (next_cursor.empty()) {
    json.value(nullptr);
  } else {
    json.value(next_cursor);
  }
  json.member("has_more", !next_cursor.empty()).end_object();
  return out;
}

}  // namespace

std::string render_notification(const Notification& notification) {
  std::string out;
  json::Writer json(out);
  write(json, notification);
  return out;
}

std::string render_notification_page(const std::vector<Notification>& notifications, const std::string& next_cursor) {
  return render_page(notifications, next_cursor);
}

std::string render_dead_mail_page(const std::vector<DeadMail>& mails, const std::string& next_cursor) {
  return render_page(mails, next_cursor);
}

}  // namespace agora::notification
