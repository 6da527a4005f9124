#include "services/order/store/buyer_store.hpp"

#include "services/order/store/rows.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kHold{
    "SELECT (SELECT count(*) FROM payment_holds WHERE group_id = $1), "
    "(SELECT count(*) FROM addresses WHERE owner_id = $1 AND kind = 'shipping')"};
constexpr sql::Sql kInsertHold{"INSERT INTO payment_holds (group_id, payment_id, extended_at) VALUES ($1, $2, $3)"};
constexpr sql::Sql kExtendGroup{"UPDATE order_groups SET pay_by = $2 WHERE group_id = $1 AND status = 'pending'"};
constexpr sql::Sql kExtendOrders{"UPDATE orders SET pay_by = $2 WHERE group_id = $1 AND status = 'pending'"};

constexpr sql::Sql kContact{
    "SELECT g.user_id, c.email, a.name, a.line1, a.line2, a.city, a.region, a.postal_code, a.country, a.phone "
    "FROM order_groups g LEFT JOIN order_contacts c ON c.group_id = g.group_id "
    "LEFT JOIN addresses a ON a.owner_id = g.group_id AND a.kind = 'shipping' WHERE g.group_id = $1"};

Error no_such_group() {
  return {Errc::not_found, "not_found", "There is no such order group."};
}

PaymentHold find_hold(sql::Tx& tx, const OrderGroupId& group_id) {
  auto rows = tx.query(kHold, {group_id});
  rows.next();
  return {.extended = rows.boolean(0), .has_address = rows.boolean(1)};
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

std::optional<BuyerContact> find_contact(sql::Tx& tx, const OrderGroupId& group_id) {
  auto rows = tx.query(kContact, {group_id});
  if (!rows.next()) return std::nullopt;
  BuyerContact contact{.user_id = rows.id<UserTag>(0), .email = rows.optional_text(1)};
  if (rows.is_null(2)) return contact;
  contact.shipping_address = ShippingAddress{.name = std::string(rows.text(2)),
                                             .line1 = std::string(rows.text(3)),
                                             .line2 = rows.optional_text(4),
                                             .city = std::string(rows.text(5)),
                                             .region = rows.optional_text(6),
                                             .postal_code = rows.optional_text(7),
                                             .country = std::string(rows.text(8)),
                                             .phone = rows.optional_text(9)};
  return contact;
}

}  // namespace

Task<Result<PaymentTerms>> BuyerStore::begin_payment(Ctx ctx, PaymentAttempt attempt) {
  auto work = [attempt = std::move(attempt)](sql::Tx& tx) { return begin_locked(tx, attempt); };
  return database_.write(std::move(ctx), std::move(work));
}

Task<std::optional<BuyerContact>> BuyerStore::contact(Ctx ctx, OrderGroupId group_id) {
  auto work = [id = std::move(group_id)](sql::Tx& tx) { return find_contact(tx, id); };
  return database_.get(std::move(ctx), std::move(work));
}

}  // namespace agora::order
