#include "services/notification/store/replicas.hpp"

#include "libs/service/erased_users.hpp"
#include "services/notification/store/notification_log.hpp"

namespace agora::notification {
namespace {

constexpr sql::Sql kApplyUser{
    "INSERT INTO users (user_id, email, display_name, locale, log_id, version) VALUES ($1,$2,$3,$4,$5,$6) "
    "ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, display_name = excluded.display_name, "
    "locale = excluded.locale, log_id = excluded.log_id, version = excluded.version "
    "WHERE $7 = 1 OR (users.log_id = excluded.log_id AND users.version < excluded.version)"};
constexpr sql::Sql kApplySeller{
    "INSERT INTO sellers (seller_id, name, log_id, version) VALUES ($1,$2,$3,$4) "
    "ON CONFLICT (seller_id) DO UPDATE SET name = excluded.name, log_id = excluded.log_id, version = excluded.version "
    "WHERE $5 = 1 OR (sellers.log_id = excluded.log_id AND sellers.version < excluded.version)"};
constexpr sql::Sql kForgetMembers{"DELETE FROM seller_members WHERE seller_id = $1"};
constexpr sql::Sql kInsertMember{
    "INSERT INTO seller_members (seller_id, user_id, role) VALUES ($1,$2,$3) ON CONFLICT (seller_id, user_id) DO "
    "NOTHING"};
constexpr sql::Sql kSellerIsKnown{"SELECT 1 FROM sellers WHERE seller_id = $1"};
constexpr sql::Sql kMembers{"SELECT user_id FROM seller_members WHERE seller_id = $1 ORDER BY user_id"};

constexpr sql::Sql kForgetUser{"DELETE FROM users WHERE user_id = $1"};
constexpr sql::Sql kForgetMember{"DELETE FROM seller_members WHERE user_id = $1"};
constexpr sql::Sql kForgetNotifications{"DELETE FROM notifications WHERE user_id = $1"};

}  // namespace

void apply(sql::Tx& tx, const UserState& user, const SourceVersion& source) {
  if (service::is_erased(tx, user.user_id.str())) return;
  tx.execute(kApplyUser, {user.user_id, user.email, user.display_name, user.locale, source.log_id, source.version,
                          source.known_newer});
}

void apply(sql::Tx& tx, const SellerState& seller, const SourceVersion& source) {
  if (tx.execute(kApplySeller, {seller.seller_id, seller.name, source.log_id, source.version, source.known_newer}) ==
      0) {
    return;
  }
  tx.execute(kForgetMembers, {seller.seller_id});
  for (const auto& member : seller.members) {
    if (service::is_erased(tx, member.user_id.str())) continue;
    tx.execute(kInsertMember, {seller.seller_id, member.user_id, member.role});
  }
}

void erase_user(sql::Tx& tx, const UserId& user_id, std::int64_t version) {
  service::erase_user(tx, user_id.str(), version);
  tx.execute(kForgetUser, {user_id});
  tx.execute(kForgetMember, {user_id});
  tx.execute(kForgetNotifications, {user_id});
  forget_in_log(tx, user_id);
}

std::optional<std::vector<UserId>> members_of(sql::Tx& tx, const SellerId& seller_id) {
  std::vector<UserId> members;
  {
    auto rows = tx.query(kMembers, {seller_id});
    while (rows.next()) members.push_back(rows.id<UserTag>(0));
  }
  if (members.empty()) {
    auto rows = tx.query(kSellerIsKnown, {seller_id});
    if (!rows.next()) return std::nullopt;
  }
  return members;
}

}  // namespace agora::notification
