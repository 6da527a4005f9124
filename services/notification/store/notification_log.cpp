#include "services/notification/store/notification_log.hpp"

#include <unordered_map>

#include "services/notification/store/notification_rows.hpp"

namespace agora::notification {
namespace {

// SQLite has one writer, whose inserts are numbers.
constexpr sql::Sql kAdd{"INSERT INTO notification_numbers (notification_id, user_id) VALUES ($1, $2)",
                        "INSERT INTO notification_new (notification_id, user_id) VALUES ($1, $2)"};
constexpr sql::Sql kForget{"DELETE FROM notification_numbers WHERE user_id = $1"};
// What waits for its number is few, and read whole anyway.
constexpr sql::Sql kForgetNew{"DELETE FROM notification_new WHERE user_id = $1"};

constexpr sql::Sql kState{
    "SELECT log_id, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'notification_numbers'), 0) FROM "
    "notification_log",
    "SELECT log_id, head FROM notification_log"};

constexpr sql::Sql kStretch{
    "SELECT sequence, notification_id, user_id FROM notification_numbers WHERE sequence > $1 AND sequence <= $2 "
    "ORDER BY sequence"};
#define AGORA_OF_USERS(ids)            \
  "SELECT " AGORA_NOTIFICATION_COLUMNS \
  " FROM notifications n LEFT JOIN users u ON u.user_id = n.user_id WHERE n.notification_id IN (" ids ")"
constexpr sql::Sql kOfUsers{AGORA_OF_USERS("SELECT value FROM json_each($1)"),
                            AGORA_OF_USERS("SELECT json_array_elements_text($1::json)")};
constexpr sql::Sql kOfUser{
    "SELECT " AGORA_NOTIFICATION_COLUMNS
    ", l.sequence FROM notification_numbers l JOIN notifications n ON n.notification_id = l.notification_id "
    "LEFT JOIN users u ON u.user_id = n.user_id WHERE l.user_id = $1 AND l.sequence > $2 AND l.sequence <= $3 "
    "ORDER BY l.sequence LIMIT $4"};

}  // namespace

const events::NumberedLog kNotificationLog{
    "SELECT head, CASE WHEN EXISTS (SELECT 1 FROM notification_new) THEN 1 ELSE 0 END FROM notification_log",
    "WITH taken AS (DELETE FROM notification_new WHERE ctid = ANY (ARRAY(SELECT ctid FROM notification_new ORDER BY id "
    "LIMIT $1)) RETURNING id, notification_id, user_id), "
    "log AS (UPDATE notification_log SET head = head + (SELECT count(*) FROM taken) RETURNING head) "
    "INSERT INTO notification_numbers (sequence, notification_id, user_id) "
    "SELECT log.head - count(*) OVER () + row_number() OVER (ORDER BY taken.id), taken.notification_id, taken.user_id "
    "FROM taken, log"};

void add_to_log(sql::Tx& tx, const NotificationId& notification_id, const UserId& user_id) {
  tx.execute_one(kAdd, {notification_id, user_id});
}

void forget_in_log(sql::Tx& tx, const UserId& user_id) {
  if (tx.engine() == sql::Engine::postgresql) {
    // Else one that is being numbered would be in neither, or both lock what the other has.
    events::hold_numbering(tx);
    tx.execute(kForgetNew, {user_id});
  }
  tx.execute(kForget, {user_id});
}

events::LogState notification_log_state(sql::Tx& tx) {
  auto rows = tx.query(kState);
  if (!rows.next())
    throw sql::DatabaseError(sql::DatabaseError::Kind::failed, "the notifications' log has lost its row");
  return {.log_id = std::string(rows.text(0)), .head = rows.int64(1)};
}

std::vector<LoggedNotification> notifications_of_users(sql::Tx& tx, const events::Stretch& stretch,
                                                       const std::unordered_set<std::string>& user_ids) {
  std::vector<LoggedNotification> logged;
  std::string wanted = "[";
  {
    auto rows = tx.query(kStretch, {stretch.after, stretch.through});
    while (rows.next()) {
      auto user_id = rows.id<UserTag>(2);
      if (!user_ids.contains(user_id.str())) continue;
      wanted += wanted.size() > 1 ? ",\"" : "\"";
      wanted += rows.text(1);  // an id of ours: nothing to escape
      wanted += '"';
      logged.push_back({rows.int64(0), std::move(user_id), {.notification_id = rows.id<NotificationTag>(1)}});
    }
  }
  if (logged.empty()) return logged;
  wanted += ']';
  std::unordered_map<std::string, Notification> found;
  auto rows = tx.query(kOfUsers, {wanted});
  while (rows.next()) found.emplace(rows.text(0), read_notification(rows));
  // On PostgreSQL a user may have been erased between the two.
  const auto is_gone = [&](const auto& one) { return !found.contains(one.notification.notification_id.str()); };
  std::erase_if(logged, is_gone);
  for (auto& one : logged) one.notification = std::move(found.at(one.notification.notification_id.str()));
  return logged;
}

std::vector<LoggedNotification> notifications_of_user(sql::Tx& tx, const events::Stretch& stretch,
                                                      const std::string& user_id, std::int64_t limit) {
  std::vector<LoggedNotification> logged;
  auto rows = tx.query(kOfUser, {user_id, stretch.after, stretch.through, limit});
  while (rows.next()) logged.push_back({rows.int64(kNotificationColumns), UserId(user_id), read_notification(rows)});
  return logged;
}

}  // namespace agora::notification
