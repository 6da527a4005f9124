#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/caller.hpp"
#include "services/order/core/inventory.hpp"
#include "services/order/store/keyed_answers.hpp"

namespace agora::order {

/// What is there of one offer. Version 0: nobody has ever said how many there are.
struct Inventory {
  OfferId offer_id{};
  StockLevel level{};
};

/// Counts or corrects what is on hand; `key` as the request's Idempotency-Key in its scope.
struct ChangeInventory {
  OfferId offer_id{};
  Caller caller{};
  InventoryEdit edit{};
  std::optional<std::vector<std::int64_t>> if_match{};  ///< versions of which the level must have one; none: any
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// The stock of offers, as their sellers and support see and change it. Thread-safe. `database` must outlive it.
class InventoryStore {
 public:
  /// Writes the answer that a key must repeat to the byte.
  using Render = std::string (*)(const Inventory&);

  InventoryStore(sql::Database& database, Render render) : database_(database), render_(render) {}

  /// None when there is no such offer, or the caller may not act for its seller.
  Task<std::optional<Inventory>> find(Ctx ctx, OfferId offer_id, Caller caller);
  /// One work: key, level, movement, `stock.changed`, answer, and of support a row of the audit log. An edit that
  /// changes nothing writes nothing. "No": not_found `not_found` (also another's); precondition_failed; those of
  /// on_hand_after(); `idempotency_key_reused`; `invalid_token` when the caller was erased while it waited.
  Task<Result<Answered>> change(Ctx ctx, ChangeInventory command);

 private:
  sql::Database& database_;
  Render render_;
};

/// The work. Called inside a transaction.
Result<Answered> handle_change_inventory(sql::Tx& tx, const ChangeInventory& command, InventoryStore::Render render);

}  // namespace agora::order
