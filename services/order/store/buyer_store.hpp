#pragma once
#include <optional>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/address.hpp"
#include "services/order/core/payment_terms.hpp"

namespace agora::order {

/// Who bought a group, and what was said of them at its checkout.
struct Buyer {
  UserId user_id{};
  Contact contact{};
};

/// What other services ask of order groups: who bought one, and whether it may be paid. Thread-safe. `database` must
/// outlive it.
class BuyerStore {
 public:
  explicit BuyerStore(sql::Database& database) : database_(database) {}

  /// Decides under the group's lock, and extends its hold where the terms say so: then the group and its orders have
  /// another `pay_by`. No version rises and nothing is told: what they are has not changed. The same attempt again gets
  /// the same terms. "No": those of core's begin_payment(), not_found when there is no such group.
  Task<Result<PaymentTerms>> begin_payment(Ctx ctx, PaymentAttempt attempt);

  Task<std::optional<Buyer>> find(Ctx ctx, OrderGroupId group_id);

 private:
  sql::Database& database_;
};

}  // namespace agora::order
