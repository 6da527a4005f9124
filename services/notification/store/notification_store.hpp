#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/notification/core/delivery.hpp"
#include "services/notification/core/types.hpp"

namespace agora::notification {

/// Something to tell, whoever hears of it.
struct Message {
  std::string event_id;  ///< what happened; nobody is told of it twice by one channel
  Kind kind;
  std::optional<std::string> order_group_id{};
  std::optional<std::string> order_id{};
  std::string data{};  ///< what the templates say, a JSON object
  Timestamp made_at{};
  std::string traceparent{};  ///< of what happened, as it is worked on; empty: none
};

/// Writes a row per user and channel, in a consumer's transaction. Rows that are there stay as they are; erased users
/// get none.
void notify(sql::Tx& tx, const Message& message, const std::vector<UserId>& users, std::span<const Channel> channels);
/// Whether a seller's members were told that an order is theirs to ship.
bool was_told_of_sale(sql::Tx& tx, const std::string& order_id);

/// A notification as its user reads it.
struct Notification {
  NotificationId notification_id;
  Kind kind = Kind::welcome;
  std::optional<std::string> order_group_id{};
  std::optional<std::string> order_id{};
  std::string data{};
  Timestamp made_at{};
  std::optional<Timestamp> read_at{};
  std::string locale{};  ///< of the user; empty: not known
};

/// Where a page starts: after this one.
struct NotificationPosition {
  Timestamp made_at;
  NotificationId notification_id;
};
struct NotificationPage {
  std::vector<Notification> notifications;
  bool has_more = false;
};

/// A mail that is to be delivered now, and to whom.
struct DueMail {
  NotificationId notification_id;
  std::string event_id;
  UserId user_id;
  Kind kind = Kind::welcome;
  std::optional<std::string> order_group_id{};
  std::string data{};
  Timestamp made_at{};
  std::int64_t attempts = 0;
  bool user_is_known = false;  ///< else auth has not told of them yet
  std::string email{};         ///< empty: none
  std::string display_name{};
  std::string locale{};
  std::string traceparent{};  ///< empty: none
};

/// Mails that nobody delivers just now, and the claims on all others.
struct DueMails {
  std::vector<DueMail> mails;
  std::vector<ClaimId> claims;
};

/// What became of it.
struct Delivery {
  NotificationId notification_id;
  Outcome outcome;
};

/// A mail that was given up, as support sees it.
struct DeadMail {
  NotificationId notification_id;
  UserId user_id;
  Kind kind = Kind::welcome;
  std::int64_t attempts = 0;
  std::string failure{};
  Timestamp made_at{};
};
struct DeadMailPage {
  std::vector<DeadMail> mails;
  bool has_more = false;
};

/// What people were told, and what is still to be delivered. Thread-safe. `database` must outlive it.
class NotificationStore {
 public:
  explicit NotificationStore(sql::Database& database) : database_(database) {}

  /// A user's own, by the channel in_app, newest first: at most `limit` after `after`.
  Task<NotificationPage> list(Ctx ctx, UserId user_id, bool unread_only, std::optional<NotificationPosition> after,
                              int limit);
  /// Marks one as read (the first time counts) or unread; none when this user has no such one.
  Task<std::optional<Notification>> mark(Ctx ctx, UserId user_id, NotificationId notification_id, bool read,
                                         Timestamp now);

  /// Mails whose time has come and that nobody has claimed, the longest overdue first.
  Task<DueMails> due(Ctx ctx, Timestamp now, int limit);
  struct MailCounts {
    std::int64_t pending = 0;
    std::int64_t dead = 0;
  };
  Task<MailCounts> mail_counts(Ctx ctx);
  /// Claims mails that are due, and gives those that it got: others may have come first.
  Task<std::vector<NotificationId>> claim(Ctx ctx, ClaimId claim, std::vector<NotificationId> mails, Timestamp now);
  /// Lets go of what is claimed so.
  Task<void> release(Ctx ctx, std::vector<ClaimId> claims);
  /// Notes what became of mails, all at once, and lets go of all that is claimed so. A "yes" counts whoever brings it;
  /// any other outcome only while the claim stands: else somebody else is trying.
  Task<void> record(Ctx ctx, ClaimId claim, std::vector<Delivery> deliveries, Timestamp now);
  /// Mails that were given up, oldest first.
  Task<DeadMailPage> dead(Ctx ctx, std::optional<NotificationPosition> after, int limit);
  /// Has one that was given up, or suppressed, tried again from now on; false when there is none.
  Task<bool> retry(Ctx ctx, NotificationId notification_id, Timestamp now);

 private:
  sql::Database& database_;
};

/// The schema, in steps.
std::span<const sql::Migration> migrations();

}  // namespace agora::notification
