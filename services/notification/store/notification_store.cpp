#include "services/notification/store/notification_store.hpp"

#include <algorithm>

#include "libs/service/erased_users.hpp"
#include "services/notification/store/notification_log.hpp"
#include "services/notification/store/notification_rows.hpp"

namespace agora::notification {
namespace {

constexpr sql::Sql kInsert{
    "INSERT INTO notifications (notification_id, event_id, user_id, channel, kind, order_group_id, order_id, data, "
    "made_at, status, attempts, next_attempt_at, traceparent) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) "
    "ON CONFLICT (event_id, user_id, channel) DO NOTHING"};
constexpr sql::Sql kWasToldOfSale{"SELECT 1 FROM notifications WHERE order_id = $1 AND kind = 'sale_paid' LIMIT 1"};

// Newest first, after the one made at $2 with id $3; $4 = 1: unread ones alone.
constexpr sql::Sql kList{
    "SELECT " AGORA_NOTIFICATION_COLUMNS
    " FROM notifications n LEFT JOIN users u ON u.user_id = n.user_id WHERE n.user_id = $1 AND n.channel = 'in_app' "
    "AND (n.made_at, n.notification_id) < ($2, $3) AND ($4 = 0 OR n.read_at IS NULL) "
    "ORDER BY n.made_at DESC, n.notification_id DESC LIMIT $5"};
constexpr sql::Sql kMark{
    "UPDATE notifications SET read_at = CASE WHEN $4 = 0 THEN NULL ELSE COALESCE(read_at, $3) END "
    "WHERE notification_id = $1 AND user_id = $2 AND channel = 'in_app'"};
constexpr sql::Sql kFind{"SELECT " AGORA_NOTIFICATION_COLUMNS
                         " FROM notifications n LEFT JOIN users u ON u.user_id = n.user_id "
                         "WHERE n.notification_id = $1"};

constexpr sql::Sql kDue{
    "SELECT n.notification_id, n.event_id, n.user_id, n.kind, n.data, n.made_at, n.attempts, u.user_id, u.email, "
    "u.display_name, u.locale, n.order_group_id, n.traceparent FROM notifications n "
    "LEFT JOIN users u ON u.user_id = n.user_id "
    "WHERE n.status = 'pending' AND n.next_attempt_at <= $1 AND n.claim IS NULL ORDER BY n.next_attempt_at LIMIT $2"};
constexpr sql::Sql kMailCounts{
    "SELECT (SELECT count(*) FROM notifications WHERE status = 'pending'), "
    "(SELECT count(*) FROM notifications WHERE status = 'dead')"};
constexpr sql::Sql kClaims{"SELECT DISTINCT claim FROM notifications WHERE claim IS NOT NULL"};
constexpr sql::Sql kClaim{
    "UPDATE notifications SET claim = $2 WHERE notification_id = $1 AND status = 'pending' AND next_attempt_at <= $3 "
    "AND claim IS NULL"};
// Who holds one of them is noting it.
constexpr sql::Sql kRelease{
    "UPDATE notifications SET claim = NULL WHERE claim = $1",
    "UPDATE notifications SET claim = NULL WHERE notification_id IN (SELECT notification_id FROM notifications "
    "WHERE claim = $1 ORDER BY notification_id FOR UPDATE SKIP LOCKED)"};
// A user may have been erased while their mail was under way: then there is no row, and nothing to note.
constexpr sql::Sql kRecord{
    "UPDATE notifications SET status = $2, attempts = $3, next_attempt_at = $4, sent_at = $5, failure = $6, "
    "claim = NULL WHERE notification_id = $1 AND status = 'pending' AND ($7 = 1 OR claim = $8)"};
constexpr sql::Sql kDead{
    "SELECT notification_id, user_id, kind, attempts, failure, made_at FROM notifications WHERE status = 'dead' "
    "AND (made_at, notification_id) > ($1, $2) ORDER BY made_at, notification_id LIMIT $3"};
constexpr sql::Sql kRetry{
    "UPDATE notifications SET status = 'pending', attempts = 0, made_at = $2, next_attempt_at = $2 "
    "WHERE notification_id = $1 AND status IN ('dead', 'suppressed')"};

constexpr Timestamp kFarFuture{std::chrono::microseconds(INT64_MAX)};

}  // namespace

void notify(sql::Tx& tx, const Message& message, const std::vector<UserId>& users, std::span<const Channel> channels) {
  for (const auto& user_id : users) {
    if (service::is_erased(tx, user_id.str())) continue;
    for (const auto channel : channels) {
      const bool is_mail = channel == Channel::mail;
      const auto notification_id = new_id<NotificationTag>(message.made_at);
      const auto told =
          tx.execute(kInsert, {notification_id, message.event_id, user_id, to_string(channel), to_string(message.kind),
                               message.order_group_id, message.order_id, message.data, message.made_at,
                               is_mail ? sql::Value(to_string(DeliveryStatus::pending)) : nullptr,
                               is_mail ? sql::Value(0) : nullptr, is_mail ? sql::Value(message.made_at) : nullptr,
                               message.traceparent.empty() ? nullptr : sql::Value(message.traceparent)});
      if (channel == Channel::in_app && told == 1) add_to_log(tx, notification_id, user_id);
    }
  }
}

bool was_told_of_sale(sql::Tx& tx, const std::string& order_id) {
  auto rows = tx.query(kWasToldOfSale, {order_id});
  return rows.next();
}

Task<NotificationPage> NotificationStore::list(Ctx ctx, UserId user_id, bool unread_only,
                                               std::optional<NotificationPosition> after, int limit) {
  auto work = [user_id = std::move(user_id), unread_only,
               after = std::move(after).value_or(NotificationPosition{kFarFuture, {}}), limit](sql::Tx& tx) {
    NotificationPage page;
    auto rows = tx.query(kList, {user_id, after.made_at, after.notification_id, unread_only, limit + 1});
    while (rows.next()) page.notifications.push_back(read_notification(rows));
    page.has_more = static_cast<int>(page.notifications.size()) > limit;
    if (page.has_more) page.notifications.pop_back();
    return page;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<std::optional<Notification>> NotificationStore::mark(Ctx ctx, UserId user_id, NotificationId notification_id,
                                                          bool read, Timestamp now) {
  auto work = [user_id = std::move(user_id), id = std::move(notification_id), read,
               now](sql::Tx& tx) -> std::optional<Notification> {
    if (tx.execute(kMark, {id, user_id, now, read}) == 0) return std::nullopt;
    auto rows = tx.query(kFind, {id});
    rows.next();
    return read_notification(rows);
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<DueMails> NotificationStore::due(Ctx ctx, Timestamp now, int limit) {
  auto work = [now, limit](sql::Tx& tx) {
    DueMails due;
    {
      auto rows = tx.query(kClaims);
      while (rows.next()) due.claims.push_back(rows.id<ClaimTag>(0));
    }
    auto rows = tx.query(kDue, {now, limit});
    while (rows.next()) {
      due.mails.push_back({.notification_id = rows.id<NotificationTag>(0),
                           .event_id = std::string(rows.text(1)),
                           .user_id = rows.id<UserTag>(2),
                           .kind = parse_enum<Kind>(rows.text(3)).value(),
                           .order_group_id = rows.optional_text(11),
                           .data = std::string(rows.text(4)),
                           .made_at = rows.time(5),
                           .attempts = rows.int64(6),
                           .user_is_known = !rows.is_null(7),
                           .email = rows.optional_text(8).value_or(""),
                           .display_name = rows.optional_text(9).value_or(""),
                           .locale = rows.optional_text(10).value_or(""),
                           .traceparent = rows.optional_text(12).value_or("")});
    }
    return due;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<NotificationStore::MailCounts> NotificationStore::mail_counts(Ctx ctx) {
  auto work = [](sql::Tx& tx) {
    auto rows = tx.query(kMailCounts);
    rows.next();
    return MailCounts{.pending = rows.int64(0), .dead = rows.int64(1)};
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<std::vector<NotificationId>> NotificationStore::claim(Ctx ctx, ClaimId claim, std::vector<NotificationId> mails,
                                                           Timestamp now) {
  std::sort(mails.begin(), mails.end());
  auto work = [claim = std::move(claim), mails = std::move(mails), now](sql::Tx& tx) {
    sql::Batch batch(kClaim, 3);
    for (const auto& id : mails) batch.add({id, claim, now});
    const auto counts = tx.batch_counts(batch);
    std::vector<NotificationId> got;
    for (std::size_t i = 0; i < mails.size(); ++i) {
      if (counts[i] == 1) got.push_back(mails[i]);
    }
    return got;
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<void> NotificationStore::release(Ctx ctx, std::vector<ClaimId> claims) {
  auto work = [claims = std::move(claims)](sql::Tx& tx) {
    for (const auto& claim : claims) tx.execute(kRelease, {claim});
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<void> NotificationStore::record(Ctx ctx, ClaimId claim, std::vector<Delivery> deliveries, Timestamp now) {
  // In the order in which others lock them.
  std::sort(deliveries.begin(), deliveries.end(),
            [](const auto& a, const auto& b) { return a.notification_id < b.notification_id; });
  auto work = [claim = std::move(claim), deliveries = std::move(deliveries), now](sql::Tx& tx) {
    for (const auto& [id, outcome] : deliveries) {
      const bool pending = outcome.status == DeliveryStatus::pending;
      const bool sent = outcome.status == DeliveryStatus::sent;
      tx.execute(kRecord, {id, to_string(outcome.status), outcome.attempts,
                           pending ? sql::Value(outcome.next_attempt_at) : nullptr, sent ? sql::Value(now) : nullptr,
                           outcome.failure.empty() ? nullptr : sql::Value(outcome.failure), sent, claim});
    }
    tx.execute(kRelease, {claim});
  };
  return database_.write(std::move(ctx), std::move(work));
}

Task<DeadMailPage> NotificationStore::dead(Ctx ctx, std::optional<NotificationPosition> after, int limit) {
  auto work = [after = std::move(after).value_or(NotificationPosition{{}, {}}), limit](sql::Tx& tx) {
    DeadMailPage page;
    auto rows = tx.query(kDead, {after.made_at, after.notification_id, limit + 1});
    while (rows.next()) {
      page.mails.push_back({.notification_id = rows.id<NotificationTag>(0),
                            .user_id = rows.id<UserTag>(1),
                            .kind = parse_enum<Kind>(rows.text(2)).value(),
                            .attempts = rows.int64(3),
                            .failure = rows.optional_text(4).value_or(""),
                            .made_at = rows.time(5)});
    }
    page.has_more = static_cast<int>(page.mails.size()) > limit;
    if (page.has_more) page.mails.pop_back();
    return page;
  };
  return database_.read(std::move(ctx), std::move(work));
}

Task<bool> NotificationStore::retry(Ctx ctx, NotificationId notification_id, Timestamp now) {
  auto work = [id = std::move(notification_id), now](sql::Tx& tx) { return tx.execute(kRetry, {id, now}) > 0; };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::notification
