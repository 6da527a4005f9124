#pragma once
#include <string>
#include <vector>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"
#include "services/order/core/inventory.hpp"

namespace agora::order {

/// The body of PUT /offers/{offer_id}/inventory.
struct OnHandForm {
  json::Integer<0, kOnHandMax> on_hand{};
};
BOOST_DESCRIBE_STRUCT(OnHandForm, (), (on_hand))

/// The body of POST /offers/{offer_id}/inventory-adjustments.
struct AdjustmentForm {
  json::Integer<-kOnHandMax, kOnHandMax> delta{};
  std::string reason{};

  /// It changes something, for a reason that we know.
  void check(const std::string& pointer, std::vector<FieldError>& errors) const;
};
BOOST_DESCRIBE_STRUCT(AdjustmentForm, (), (delta, reason))

}  // namespace agora::order
