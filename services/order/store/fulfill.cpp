// Fulfilling on request: by members of the order's seller, by its buyer, or by support for either.

#include "libs/service/erased_users.hpp"
#include "libs/sql/faults.hpp"
#include "services/order/store/audit_log.hpp"
#include "services/order/store/fulfilling.hpp"
#include "services/order/store/fulfillment_rows.hpp"
#include "services/order/store/fulfillment_store.hpp"
#include "services/order/store/memberships.hpp"

namespace agora::order {
namespace {

const OrderGroupId kNoGroup("");

Result<void> check_not_erased(sql::Tx& tx, const Caller& caller) {
  if (service::erased_among(tx, {caller.user_id.str()}).empty()) return {};
  return service::erased_user_error();
}

bool may_fulfill(sql::Tx& tx, const Caller& caller, const Order& order) {
  return caller.is_support || is_member(tx, order.seller_id, caller.user_id);
}

void log_support(sql::Tx& tx, const Caller& caller, std::string_view action, std::string_view subject_id,
                 Timestamp now) {
  if (caller.is_support) write_audit_log(tx, {{caller.user_id, action, subject_id, now}});
}

Error no_such_order() {
  return {Errc::not_found, "not_found", "There is no such order."};
}

/// Delivers what is on its way, and completes what is then whole; whether there was anything to do.
Result<bool> confirm(Fulfilling& fulfilling, Order& order) {
  bool any = false;
  for (auto& fulfillment : order.fulfillments) {
    if (fulfillment.state != FulfillmentState::shipped) continue;
    AGORA_TRY_VOID(fulfilling.change(order, fulfillment, {.state = FulfillmentState::delivered}));
    any = true;
  }
  if (order.status == OrderStatus::confirmed && order.fulfillment_status == FulfillmentStatus::delivered) {
    AGORA_TRY_VOID(fulfilling.complete(order));
    any = true;
  }
  return any;
}

}  // namespace

Result<Answered> handle_create_fulfillment(sql::Tx& tx, const CreateFulfillment& command,
                                           FulfillmentStore::Renderers renderers) {
  KeyedAnswers answers(tx, {command.key}, command.now);
  Fulfilling fulfilling(tx, find_group_of(tx, command.order_id).value_or(kNoGroup), SkipLocked::no, command.now,
                        command.trace);
  Fulfillment* made = nullptr;
  auto* order = fulfilling.order(command.order_id);
  answers.decide(0, [&]() -> Result<void> {
    AGORA_TRY_VOID(check_not_erased(tx, command.caller));
    // Another seller's order answers as a missing one.
    if (order == nullptr || !may_fulfill(tx, command.caller, *order)) return no_such_order();
    std::optional<Tracking> tracking;
    if (command.tracking) {
      AGORA_TRY(tracking, edited(std::nullopt, *command.tracking, "/tracking"));
    }
    AGORA_TRY(made, fulfilling.pack(*order, command.fulfillment_id, command.lines, std::move(tracking)));
    return {};
  });
  AGORA_CRASH_POINT("order.fulfill.decided");
  if (made != nullptr) {
    fulfilling.write();
    log_support(tx, command.caller, "fulfillment.create", made->fulfillment_id.str(), command.now);
    answers.accept(0,
                   {201, "/api/v1/fulfillments/" + made->fulfillment_id.str(), renderers.fulfillment(*order, *made)});
  }
  auto results = answers.finish();
  AGORA_CRASH_POINT("order.fulfill.written");
  return std::move(results.front());
}

Result<std::string> handle_update_fulfillment(sql::Tx& tx, const UpdateFulfillment& command,
                                              FulfillmentStore::Renderers renderers) {
  AGORA_TRY_VOID(check_not_erased(tx, command.caller));
  Fulfilling fulfilling(tx, find_group_of(tx, command.fulfillment_id).value_or(kNoGroup), SkipLocked::no, command.now,
                        command.trace);
  const auto [order, fulfillment] = fulfilling.find(command.fulfillment_id);
  if (order == nullptr || !may_fulfill(tx, command.caller, *order)) {
    return Error{Errc::not_found, "not_found", "There is no such fulfilment."};
  }
  const auto version_before = order->version;
  AGORA_TRY_VOID(fulfilling.change(*order, *fulfillment, command.edit));
  AGORA_CRASH_POINT("order.ship.decided");
  fulfilling.write();
  if (order->version != version_before) {
    log_support(tx, command.caller, "fulfillment.update", fulfillment->fulfillment_id.str(), command.now);
  }
  AGORA_CRASH_POINT("order.ship.written");
  return renderers.fulfillment(*order, *fulfillment);
}

Result<Answered> handle_confirm_delivery(sql::Tx& tx, const ConfirmDelivery& command,
                                         FulfillmentStore::Renderers renderers) {
  KeyedAnswers answers(tx, {command.key}, command.now);
  Fulfilling fulfilling(tx, find_group_of(tx, command.order_id).value_or(kNoGroup), SkipLocked::no, command.now,
                        command.trace);
  auto* order = fulfilling.order(command.order_id);
  bool confirmed = false;
  answers.decide(0, [&]() -> Result<void> {
    const auto& caller = command.caller;
    AGORA_TRY_VOID(check_not_erased(tx, caller));
    if (order == nullptr || (!caller.is_support && order->user_id != caller.user_id)) return no_such_order();
    AGORA_TRY(confirmed, confirm(fulfilling, *order));
    if (confirmed) return {};
    return Error{Errc::conflict, "nothing_to_confirm", "Nothing of the order is on its way."};
  });
  AGORA_CRASH_POINT("order.confirm.decided");
  if (confirmed) {
    fulfilling.write();
    log_support(tx, command.caller, "order.confirm_delivery", order->order_id.str(), command.now);
    answers.accept(0, {200, {}, renderers.order(*order)});
  }
  auto results = answers.finish();
  AGORA_CRASH_POINT("order.confirm.written");
  return std::move(results.front());
}

}  // namespace agora::order
