#include "services/order/core/payment_progress.hpp"

#include <algorithm>
#include <array>

namespace agora::order {
namespace {

constexpr std::array kOrder{PaymentStatus::not_paid, PaymentStatus::awaiting, PaymentStatus::requires_action,
                            PaymentStatus::authorized};

}  // namespace

PaymentStatus furthest(const std::vector<PaymentStatus>& payments) {
  auto best = kOrder.begin();
  for (const auto status : payments) {
    const auto at = std::find(kOrder.begin(), kOrder.end(), status);
    if (at != kOrder.end()) best = std::max(best, at);
  }
  return *best;
}

}  // namespace agora::order
