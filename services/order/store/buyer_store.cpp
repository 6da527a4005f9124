#include "services/order/store/buyer_store.hpp"

#include "services/order/store/contacts.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kFindHold{"SELECT 1 FROM payment_holds WHERE group_id = $1"};
constexpr sql::Sql kInsertHold{"INSERT INTO payment_holds (group_id, payment_id, extended_at) VALUES ($1, $2, $3)"};
constexpr sql::Sql kExtendGroup{"UPDATE order_groups SET pay_by = $2 WHERE group_id = $1 AND status = 'pending'"};
constexpr sql::Sql kExtendOrders{"UPDATE orders SET pay_by = $2 WHERE group_id = $1 AND status = 'pending'"};

constexpr sql::Sql kFindBuyer{"SELECT user_id FROM order_groups WHERE group_id = $1"};

Error no_such_group() {
  return {Errc::not_found, "not_found", "There is no such order group."};
}

bool was_extended(sql::Tx& tx, const OrderGroupId& group_id) {
  auto rows = tx.query(kFindHold, {group_id});
  return rows.next();
}

PaymentHold find_hold(sql::Tx& tx, const OrderGroupId& group_id) {
  return {.extended = was_extended(tx, group_id),
          .has_address = find_group_contact(tx, group_id).shipping_address.has_value()};
}

Result<PaymentTerms> begin_locked(sql::Tx& tx, const PaymentAttempt& attempt) {
  const auto locked = lock_groups(tx, {attempt.group_id}, SkipLocked::no);
  if (locked.empty()) return no_such_group();
  const auto& [group, orders] = locked.front();
  AGORA_TRY(auto terms, order::begin_payment(attempt, group, view(orders), find_hold(tx, attempt.group_id)));
  if (!terms.extends_hold) return terms;
  tx.execute_one(kInsertHold, {attempt.group_id, attempt.payment_id, attempt.now});
  tx.execute_one(kExtendGroup, {attempt.group_id, terms.pay_by});
  tx.execute(kExtendOrders, {attempt.group_id, terms.pay_by});
  return terms;
}

std::optional<UserId> find_user(sql::Tx& tx, const OrderGroupId& group_id) {
  auto rows = tx.query(kFindBuyer, {group_id});
  if (!rows.next()) return std::nullopt;
  return rows.id<UserTag>(0);
}

std::optional<Buyer> find_buyer(sql::Tx& tx, const OrderGroupId& group_id) {
  auto user_id = find_user(tx, group_id);
  if (!user_id) return std::nullopt;
  return Buyer{*std::move(user_id), find_group_contact(tx, group_id)};
}

}  // namespace

Task<Result<PaymentTerms>> BuyerStore::begin_payment(Ctx ctx, PaymentAttempt attempt) {
  auto work = [attempt = std::move(attempt)](sql::Tx& tx) { return begin_locked(tx, attempt); };
  return database_.write(std::move(ctx), std::move(work));
}

Task<std::optional<Buyer>> BuyerStore::find(Ctx ctx, OrderGroupId group_id) {
  auto work = [id = std::move(group_id)](sql::Tx& tx) { return find_buyer(tx, id); };
  return database_.get(std::move(ctx), std::move(work));
}

}  // namespace agora::order
