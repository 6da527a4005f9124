#include "services/order/store/offer_replica.hpp"

#include <algorithm>

#include "services/order/store/replicas.hpp"

namespace agora::order {
namespace {

// Whoever else writes one, locks it first too.
constexpr sql::Sql kIsOlder{"SELECT 1 FROM offers WHERE offer_id = $1 AND log_id = $2 AND version < $3",
                            "SELECT 1 FROM offers WHERE offer_id = $1 AND log_id = $2 AND version < $3 FOR UPDATE"};

bool is_older(sql::Tx& tx, const OfferId& offer_id, const std::string& log_id, std::int64_t version) {
  auto rows = tx.query(kIsOlder, {offer_id, log_id, version});
  return rows.next();
}

bool take_over(sql::Tx& tx, const CurrentOffers& current, Timestamp now) {
  bool any = false;
  for (const auto& [state, version] : current.offers) {
    if (!is_older(tx, state.offer_id, current.log_id, version)) continue;
    // One in another currency is not taken over: the event says so too, and somebody looks at it.
    if (apply(tx, state, SourceVersion{current.log_id, version}, now)) any = true;
  }
  return any;
}

}  // namespace

Task<bool> OfferReplica::refresh(Ctx ctx, CurrentOffers offers, Timestamp now) {
  // In the order in which others lock them.
  std::sort(offers.offers.begin(), offers.offers.end(),
            [](const auto& a, const auto& b) { return a.state.offer_id < b.state.offer_id; });
  auto work = [offers = std::move(offers), now](sql::Tx& tx) { return take_over(tx, offers, now); };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::order
