#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/ctx.hpp"
#include "libs/base/result.hpp"
#include "libs/base/task.hpp"
#include "libs/sql/database.hpp"
#include "services/order/core/cancellation.hpp"
#include "services/order/core/checkout.hpp"
#include "services/order/core/order.hpp"
#include "services/order/core/placing.hpp"
#include "services/order/store/keyed_answers.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {

/// Places one order; `key` as the request's Idempotency-Key in its scope.
struct PlaceCommand {
  PlaceOrder order;
  ContactEdit contact{};  ///< who buys and where it goes, as far as that was said
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// Checks out; `key` as the request's Idempotency-Key in its scope.
struct CheckOutCommand {
  /// A cart as the buyer saw it.
  struct FromCart {
    CartId cart_id;
    std::int64_t version;
  };

  CheckOut checkout;               ///< without lines where they are a cart's; without the contact
  std::optional<FromCart> cart{};  ///< whose lines and contact it takes, and which it closes
  ContactEdit contact{};           ///< of what the cart knows
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// Cancels one order, or units of it, on somebody's behalf.
struct CancelCommand {
  OrderId order_id;
  std::optional<UserId> buyer{};  ///< who may as its buyer; neither this nor `member`: anybody's order, as support does
  std::optional<UserId> member{};                 ///< who may as a member of its seller
  std::optional<UserId> support{};                ///< who does it for another; goes into the audit log
  std::optional<CancelReason> reason{};           ///< none: that of whoever it is
  std::optional<std::vector<LineUnits>> lines{};  ///< none: all that is not shipped
  Timestamp now{};
  std::optional<sql::IdempotencyKey> key{};
  TraceContext trace{};
};

/// Expires one group if it is still unpaid at `now`.
struct ExpireCommand {
  OrderGroupId group_id;
  Timestamp now;
  TraceContext trace{};
};
/// A group that waits for its payment.
struct UnpaidGroup {
  Timestamp pay_by{};
  OrderGroupId group_id{};
};
/// `left`: paid or canceled meanwhile, or held by somebody else (the next round sees it again).
enum class Expired { expired, left };

/// A buyer's own orders, newest first.
struct OrderFilter {
  UserId user_id;
  std::vector<OrderStatus> statuses{};  ///< empty: all
  std::optional<Timestamp> created_after{};
};
/// Where a page starts: after this order.
struct OrderPosition {
  Timestamp placed_at;
  OrderId order_id;
};
struct OrderPage {
  std::vector<Order> orders;
  bool has_more = false;
};

/// Orders, their groups and stock. Placing, checking out, canceling and expiring are spans: what waits during a commit
/// is decided together, in one transaction, with idempotency key, group, order, lines, stock and events. Thread-safe.
/// `database` must outlive it.
class OrderStore {
 public:
  /// Writes the answer that a key must repeat to the byte.
  using RenderOrder = std::string (*)(const Order&);
  using RenderGroup = std::string (*)(const GroupWithOrders&);

  OrderStore(sql::Database& database, RenderOrder render_order, RenderGroup render_group);

  /// "No": those of core's place() and edited(), invalid_argument `idempotency_key_reused`; unauthenticated
  /// `invalid_token` when the user was erased while it waited.
  Task<Result<Answered>> place(Ctx ctx, PlaceCommand command);
  /// "No": those of core's check_out() and edited(); of a cart not_found `not_found`, conflict `cart_closed` (with the
  /// `order_group_id` it became), `cart_changed`, `cart_empty`; `idempotency_key_reused` and `invalid_token`.
  Task<Result<Answered>> check_out(Ctx ctx, CheckOutCommand command);
  /// "No": not_found `not_found`, those of core's cancel(), `idempotency_key_reused` and `invalid_token`.
  Task<Result<Answered>> cancel(Ctx ctx, CancelCommand command);
  Task<Expired> expire(Ctx ctx, ExpireCommand command);

  Task<std::optional<Order>> find(Ctx ctx, OrderId order_id);
  Task<std::optional<GroupWithOrders>> find_group(Ctx ctx, OrderGroupId group_id);
  /// At most `limit` orders after `after`.
  Task<OrderPage> list(Ctx ctx, OrderFilter filter, std::optional<OrderPosition> after, int limit);
  /// Groups whose time to pay is over, the longest overdue first; those after `after`, at most `limit`.
  Task<std::vector<UnpaidGroup>> unpaid_groups(Ctx ctx, Timestamp now, std::optional<UnpaidGroup> after, int limit);
  /// Forgets at most `limit` idempotency keys made before `before`; how many went.
  Task<std::int64_t> delete_keys(Ctx ctx, Timestamp before, int limit);
  /// Forgets at most `limit` rows of each kind that were kept for a payment of groups that wait for none any more.
  Task<std::int64_t> delete_settled(Ctx ctx, int limit);

 private:
  sql::Database& database_;
  sql::Span<PlaceCommand, Result<Answered>> place_;
  sql::Span<CheckOutCommand, Result<Answered>> check_out_;
  sql::Span<CancelCommand, Result<Answered>> cancel_;
  sql::Span<ExpireCommand, Expired> expire_;
};

/// The span handlers, one file each. Called inside a transaction.
std::vector<Result<Answered>> handle_place(sql::Tx& tx, std::span<const PlaceCommand> commands,
                                           OrderStore::RenderOrder render_order);
std::vector<Result<Answered>> handle_check_out(sql::Tx& tx, std::span<const CheckOutCommand> commands,
                                               OrderStore::RenderGroup render_group);
std::vector<Result<Answered>> handle_cancel(sql::Tx& tx, std::span<const CancelCommand> commands,
                                            OrderStore::RenderOrder render_order);
std::vector<Expired> handle_expire(sql::Tx& tx, std::span<const ExpireCommand> commands);

/// The schema, in steps.
std::span<const sql::Migration> migrations();

}  // namespace agora::order
