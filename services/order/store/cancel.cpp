// Canceling on request, whole or by line: by the buyer, by the seller, or by support for anybody.

#include <map>

#include "libs/service/erased_users.hpp"
#include "libs/sql/faults.hpp"
#include "services/order/store/audit_log.hpp"
#include "services/order/store/closing.hpp"
#include "services/order/store/memberships.hpp"
#include "services/order/store/order_store.hpp"

namespace agora::order {
namespace {

constexpr sql::Sql kGroupsOfOrders{
    "SELECT DISTINCT group_id FROM orders WHERE order_id IN (SELECT value FROM json_each($1))",
    "SELECT DISTINCT group_id FROM orders WHERE order_id IN (SELECT json_array_elements_text($1::json))"};

/// An order never changes its group, so this may be read before anything is locked.
std::vector<OrderGroupId> groups_of(sql::Tx& tx, std::span<const CancelCommand> commands) {
  std::vector<OrderId> order_ids;
  for (const auto& command : commands) order_ids.push_back(command.order_id);
  const auto wanted = json_array(order_ids);
  std::vector<OrderGroupId> group_ids;
  auto rows = tx.query(kGroupsOfOrders, {wanted});
  while (rows.next()) group_ids.push_back(rows.id<OrderGroupTag>(0));
  return group_ids;
}

/// Those who ask for themselves.
std::unordered_set<std::string> users_of(std::span<const CancelCommand> commands) {
  std::unordered_set<std::string> user_ids;
  for (const auto& command : commands) {
    if (command.buyer) user_ids.insert(command.buyer->str());
    if (command.member) user_ids.insert(command.member->str());
  }
  return user_ids;
}

bool is_erased(const CancelCommand& command, const std::unordered_set<std::string>& erased) {
  const auto contains = [&](const std::optional<UserId>& user_id) {
    return user_id && erased.contains(user_id->str());
  };
  return contains(command.buyer) || contains(command.member);
}

/// To its seller what was never paid is no sale, and is not there (docs/domain.md).
bool was_paid(const Order& order) {
  using enum PaymentStatus;
  return order.payment_status == captured || order.payment_status == partially_refunded ||
         order.payment_status == refunded;
}

/// None: to whoever asks there is no such order.
std::optional<CancelRole> role_of(sql::Tx& tx, const CancelCommand& command, const Order& order) {
  if (!command.buyer && !command.member) return CancelRole::support;
  if (command.buyer && order.user_id == *command.buyer) return CancelRole::buyer;
  if (command.member && was_paid(order) && is_member(tx, order.seller_id, *command.member)) return CancelRole::seller;
  return std::nullopt;
}

}  // namespace

std::vector<Result<Answered>> handle_cancel(sql::Tx& tx, std::span<const CancelCommand> commands,
                                            OrderStore::RenderOrder render_order) {
  const auto& last = commands.back();
  KeyedAnswers answers(tx, keys_of(commands), last.now);
  const auto erased = service::erased_among(tx, users_of(commands));
  Closing closing(tx, groups_of(tx, commands), SkipLocked::no);

  // Answered as it is after each command: a later one may be about the same order.
  std::map<std::size_t, std::string> accepted;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const auto& command = commands[i];
    answers.decide(i, [&]() -> Result<void> {
      if (is_erased(command, erased)) return service::erased_user_error();
      auto* order = closing.order(command.order_id);
      const auto role = order == nullptr ? std::nullopt : role_of(tx, command, *order);
      // Another's order answers as a missing one.
      if (!role) return Error{Errc::not_found, "not_found", "There is no such order."};
      const CancelRequest request{*role, command.reason, command.lines};
      AGORA_TRY_VOID(closing.cancel(*order, request, command.now, command.trace));
      accepted.emplace(i, render_order(*order));
      return {};
    });
  }
  AGORA_CRASH_POINT("order.cancel.decided");

  closing.write(last.now, last.trace);
  std::vector<AuditEntry> done_by_support;
  for (const auto& [i, body] : accepted) {
    const auto& command = commands[i];
    if (command.support) {
      done_by_support.push_back({*command.support, "order.cancel", command.order_id.str(), command.now});
    }
  }
  write_audit_log(tx, done_by_support);
  for (auto& [i, body] : accepted) answers.accept(i, {200, {}, std::move(body)});
  auto results = answers.finish();
  AGORA_CRASH_POINT("order.cancel.written");
  return results;
}

}  // namespace agora::order
