#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/caller.hpp"
#include "services/order/core/fulfilling.hpp"
#include "services/order/store/keyed_answers.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {

/// Packs units of an order; `key` as the request's Idempotency-Key in its scope.
struct CreateFulfillment {
  OrderId order_id;
  FulfillmentId fulfillment_id;
  std::vector<LineToPack> lines;
  std::optional<TrackingEdit> tracking{};
  Caller caller{};
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// Changes a fulfilment.
struct UpdateFulfillment {
  FulfillmentId fulfillment_id;
  FulfillmentEdit edit;
  Caller caller{};
  Timestamp now{};
  TraceContext trace{};
};

/// A buyer has what was on its way; `key` as the request's Idempotency-Key in its scope.
struct ConfirmDelivery {
  OrderId order_id;
  Caller caller{};
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// What time alone makes of an order.
enum class Due {
  cancellation,  ///< it was to be shipped, and was not
  delivery,      ///< it was shipped long ago
  completion,    ///< it was delivered long ago
};
/// A group of which something is due: since when, and of which order or fulfilment.
struct DueGroup {
  Timestamp since{};
  std::string id{};
  OrderGroupId group_id{};
};
/// Does what is due in one group, where it has been since `before` or longer.
struct Advance {
  Due due;
  OrderGroupId group_id;
  Timestamp before;
  Timestamp now;
  TraceContext trace{};
};

/// How orders that are paid come to their buyers. Thread-safe. `database` must outlive it.
class FulfillmentStore {
 public:
  /// Write the answers.
  struct Renderers {
    std::string (*fulfillment)(const Order&, const Fulfillment&);
    OrderStore::RenderOrder order;
  };

  FulfillmentStore(sql::Database& database, Renderers renderers) : database_(database), renderers_(renderers) {}

  /// "No": not_found `not_found` (also of another seller's order); those of core's pack() and edited();
  /// invalid_argument `idempotency_key_reused`; unauthenticated `invalid_token`: the caller was erased meanwhile.
  Task<Result<Answered>> create(Ctx ctx, CreateFulfillment command);
  /// The fulfilment's document. "No": not_found `not_found`, those of core's change(), `invalid_token`.
  Task<Result<std::string>> update(Ctx ctx, UpdateFulfillment command);
  /// All that is on its way is delivered; an order of which nothing is missing then is completed. "No": not_found
  /// `not_found`; conflict `nothing_to_confirm`; `idempotency_key_reused`, `invalid_token`.
  Task<Result<Answered>> confirm_delivery(Ctx ctx, ConfirmDelivery command);

  /// Groups of which something has been due since `before` or longer, the longest first; those after `after`.
  Task<std::vector<DueGroup>> due_groups(Ctx ctx, Due due, Timestamp before, std::optional<DueGroup> after, int limit);
  /// How many orders went on; none where somebody else holds the group (the next round sees it again).
  Task<int> advance(Ctx ctx, Advance command);

 private:
  sql::Database& database_;
  Renderers renderers_;
};

/// The works, one transaction each.
Result<Answered> handle_create_fulfillment(sql::Tx& tx, const CreateFulfillment& command,
                                           FulfillmentStore::Renderers renderers);
Result<std::string> handle_update_fulfillment(sql::Tx& tx, const UpdateFulfillment& command,
                                              FulfillmentStore::Renderers renderers);
Result<Answered> handle_confirm_delivery(sql::Tx& tx, const ConfirmDelivery& command,
                                         FulfillmentStore::Renderers renderers);
int handle_advance(sql::Tx& tx, const Advance& command);

}  // namespace agora::order
