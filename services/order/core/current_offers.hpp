#pragma once
#include <string>
#include <vector>

#include "services/order/core/offer_state.hpp"

namespace agora::order {

/// Offers as catalog has them now.
struct CurrentOffers {
  struct Offer {
    OfferState state;
    std::int64_t version = 0;
  };

  std::string log_id{};  ///< catalog's, in which the versions count
  std::vector<Offer> offers{};
};

}  // namespace agora::order
