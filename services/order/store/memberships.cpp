#include "services/order/store/memberships.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kIsMember{"SELECT 1 FROM seller_members WHERE seller_id = $1 AND user_id = $2"};

}  // namespace

bool is_member(sql::Tx& tx, const SellerId& seller_id, const UserId& user_id) {
  auto rows = tx.query(kIsMember, {seller_id, user_id});
  return rows.next();
}

}  // namespace agora::order
