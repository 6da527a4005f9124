#pragma once
#include <optional>
#include <string>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/payment_terms.hpp"

namespace agora::order {

/// Where something is sent.
struct ShippingAddress {
  std::string name{};
  std::string line1{};
  std::optional<std::string> line2{};
  std::string city{};
  std::optional<std::string> region{};
  std::optional<std::string> postal_code{};
  std::string country{};  ///< ISO 3166-1 alpha-2
  std::optional<std::string> phone{};
};

/// Who bought a group, and how they are reached. Personal data: never logged.
struct BuyerContact {
  UserId user_id{};
  std::optional<std::string> email{};  ///< as given at checkout
  std::optional<ShippingAddress> shipping_address{};
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

  Task<std::optional<BuyerContact>> contact(Ctx ctx, OrderGroupId group_id);

 private:
  sql::Database& database_;
};

}  // namespace agora::order
