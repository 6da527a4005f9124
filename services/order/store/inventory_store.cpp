#include "services/order/store/inventory_store.hpp"

#include <algorithm>

#include "libs/service/erased_users.hpp"
#include "services/order/store/audit_log.hpp"
#include "services/order/store/memberships.hpp"
#include "services/order/store/stock_movements.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kSellerOfOffer{"SELECT seller_id FROM offers WHERE offer_id = $1"};

std::optional<SellerId> seller_of(sql::Tx& tx, const OfferId& offer_id) {
  auto rows = tx.query(kSellerOfOffer, {offer_id});
  if (!rows.next()) return std::nullopt;
  return rows.id<SellerTag>(0);
}

/// Whether the offer is there, and the caller may know how many there are of it.
bool may_see(sql::Tx& tx, const OfferId& offer_id, const Caller& caller) {
  const auto seller_id = seller_of(tx, offer_id);
  return seller_id && (caller.is_support || is_member(tx, *seller_id, caller.user_id));
}

Inventory inventory_of(const OfferId& offer_id, const StockLevels& stock) {
  const auto found = stock.entries().find(offer_id);
  return {offer_id, found == stock.entries().end() ? StockLevel{} : found->second.level};
}

/// One edit under the lock of its level.
class Change {
 public:
  Change(sql::Tx& tx, const ChangeInventory& command) : tx_(tx), command_(command) {}

  Result<void> decide() {
    if (!service::erased_among(tx_, {command_.caller.user_id.str()}).empty()) return service::erased_user_error();
    if (!may_see(tx_, command_.offer_id, command_.caller)) {
      return Error{Errc::not_found, "not_found", "There is no such offer."};
    }
    stock_ = lock_stock(tx_, {command_.offer_id});
    before_ = inventory_of(command_.offer_id, stock_).level;
    const auto& versions = command_.if_match;
    if (versions && std::find(versions->begin(), versions->end(), before_.version) == versions->end()) {
      return Error{Errc::precondition_failed, "precondition_failed", "The inventory has another version by now."};
    }
    AGORA_TRY(const auto on_hand, on_hand_after(before_, command_.edit));
    delta_ = on_hand - before_.on_hand;
    // That somebody counted none is something to know where nobody had counted yet.
    is_new_ = before_.version == 0 && std::holds_alternative<SetOnHand>(command_.edit);
    return {};
  }

  /// The level as it is then.
  Inventory write() {
    const auto& offer_id = command_.offer_id;
    if (delta_ == 0 && !is_new_) return {offer_id, before_};
    Outbox outbox(command_.now, command_.trace);
    auto after = before_;
    after.on_hand += delta_;
    ++after.version;
    if (before_.version > 0) {
      stock_.move(offer_id, delta_);
      save_stock(tx_, stock_, outbox);
    } else if (!insert_stock(tx_, offer_id, after.on_hand, outbox)) {
      // A row that is not there could not be locked.
      throw sql::DatabaseError(sql::DatabaseError::Kind::serialization, "somebody else said how many there are");
    }
    const auto* adjusted = std::get_if<AdjustOnHand>(&command_.edit);
    const std::string_view reason = adjusted != nullptr ? adjusted->reason : kCounted;
    if (delta_ != 0) write_movements(tx_, {{offer_id, "adjustment", delta_, reason}}, command_.now);
    if (command_.caller.is_support) {
      const auto* action = adjusted != nullptr ? "inventory.adjust" : "inventory.set";
      write_audit_log(tx_, {{command_.caller.user_id, action, offer_id.str(), command_.now}});
    }
    outbox.write(tx_);
    return {offer_id, after};
  }

 private:
  static constexpr std::string_view kCounted = "counted";

  sql::Tx& tx_;
  const ChangeInventory& command_;
  StockLevels stock_{};
  StockLevel before_{};
  std::int64_t delta_ = 0;
  bool is_new_ = false;
};

}  // namespace

Result<Answered> handle_change_inventory(sql::Tx& tx, const ChangeInventory& command, InventoryStore::Render render) {
  KeyedAnswers answers(tx, {command.key}, command.now);
  Change change(tx, command);
  bool decided = false;
  answers.decide(0, [&]() -> Result<void> {
    AGORA_TRY_VOID(change.decide());
    decided = true;
    return {};
  });
  if (decided) answers.accept(0, {200, {}, render(change.write())});
  auto results = answers.finish();
  return std::move(results.front());
}

Task<std::optional<Inventory>> InventoryStore::find(Ctx ctx, OfferId offer_id, Caller caller) {
  auto work = [offer_id = std::move(offer_id), caller = std::move(caller)](sql::Tx& tx) -> std::optional<Inventory> {
    if (!may_see(tx, offer_id, caller)) return std::nullopt;
    return inventory_of(offer_id, read_stock(tx, {offer_id}));
  };
  return database_.get(std::move(ctx), std::move(work));
}

Task<Result<Answered>> InventoryStore::change(Ctx ctx, ChangeInventory command) {
  auto work = [command = std::move(command), render = render_](sql::Tx& tx) {
    return handle_change_inventory(tx, command, render);
  };
  return database_.write(std::move(ctx), std::move(work));
}

}  // namespace agora::order
