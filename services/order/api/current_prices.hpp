#pragma once
#include <functional>
#include <vector>

#include "libs/base/clock.hpp"
#include "services/order/core/placing.hpp"
#include "services/order/remote/catalog.hpp"
#include "services/order/store/keyed_answers.hpp"
#include "services/order/store/offer_replica.hpp"

namespace agora::order {

/// Whom to ask when a price is not what the buyer saw, and where the answer goes; outlives the server.
struct PriceQuestion {
  Catalog& catalog;
  OfferReplica& replica;
  const Clock& clock;
};

/// Places something: can be called again, with the same outcome where nothing has changed.
using Placing = std::function<Task<Result<Answered>>(Ctx)>;

/// Places; where that is refused as `price_changed`, catalog is asked once whether it knows better, and if so it is
/// placed again. Refused twice, or with catalog down, the refusal stands. `lines`: as the buyer asked for them.
Task<Result<Answered>> place_at_current_prices(const PriceQuestion& question, Ctx ctx, LineRequests lines,
                                               Placing place);

}  // namespace agora::order
