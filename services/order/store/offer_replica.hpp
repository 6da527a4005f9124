#pragma once
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/current_offers.hpp"

namespace agora::order {

/// Order's copy of the offers, for who learned of newer states by another way than their events. Thread-safe.
/// `database` must outlive it.
class OfferReplica {
 public:
  explicit OfferReplica(sql::Database& database) : database_(database) {}

  /// Takes over those that are newer than what is there, in the same log; whether there were any. Their events come
  /// yet, and find nothing to do.
  Task<bool> refresh(Ctx ctx, CurrentOffers offers, Timestamp now);

 private:
  sql::Database& database_;
};

}  // namespace agora::order
