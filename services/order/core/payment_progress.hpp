#pragma once
#include <vector>

#include "services/order/core/types.hpp"

namespace agora::order {

/// How far one payment of a group has come, before it took any money.
struct PaymentProgress {
  PaymentId payment_id{};
  OrderGroupId group_id{};
  PaymentStatus status =
      PaymentStatus::awaiting;  ///< awaiting, requires_action, authorized; not_paid: it came to nothing
};

/// How far a group has come by all its payments: as far as the one that has come furthest. What one tells may come
/// after what a later one does.
PaymentStatus furthest(const std::vector<PaymentStatus>& payments);

}  // namespace agora::order
