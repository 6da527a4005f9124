#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/money.hpp"
#include "libs/base/result.hpp"
#include "services/order/core/fulfillment.hpp"
#include "services/order/core/types.hpp"

namespace agora::order {

/// Money that a payment took for a group.
struct Capture {
  PaymentId payment_id{};
  OrderGroupId group_id{};
  std::int64_t amount = 0;  ///< minor units
  Currency currency;
};
/// Why a group cannot use a capture: it has ended (expired or canceled), is paid already, or costs something else; or
/// there is no such group (any more: a database put back from an older copy lost it).
enum class CaptureRefusal { ended, already_paid, amount_mismatch, unknown };
/// snake_case name, as written in events and the database.
std::string_view to_string(CaptureRefusal refusal);

/// So many of one offer, at the price frozen when the order was placed.
struct OrderLine {
  LineId line_id{};
  OfferId offer_id{};
  ProductId product_id{};
  VariantId variant_id{};
  std::string sku{};
  std::string title{};
  std::int64_t quantity = 0;
  std::int64_t canceled_quantity = 0;
  std::int64_t fulfilled_quantity = 0;  ///< held by fulfilments, those that were shipped and delivered included
  std::int64_t shipped_quantity = 0;    ///< those that were delivered included
  std::int64_t delivered_quantity = 0;
  std::int64_t refunded_unshipped_quantity = 0;  ///< paid back before they were shipped: they never will be
  std::int64_t refunded_shipped_quantity = 0;    ///< paid back after that
  std::int64_t unit_price = 0;                   ///< minor units
  Amounts amounts{};
  bool requires_shipping = true;

  std::int64_t refunded_quantity() const { return refunded_unshipped_quantity + refunded_shipped_quantity; }
  /// Units that are to reach the buyer, or did.
  std::int64_t due_quantity() const { return quantity - canceled_quantity - refunded_unshipped_quantity; }
  /// Units that no fulfilment holds yet; less than 0 where a fulfilment holds some that are not to be shipped any more.
  std::int64_t unfulfilled_quantity() const { return due_quantity() - fulfilled_quantity; }
  /// Units that hold a reservation: they are still to be shipped.
  std::int64_t reserved_quantity() const { return due_quantity() - shipped_quantity; }
  /// What of `amounts.total` was canceled: in proportion, all of it with the last unit.
  std::int64_t canceled_total() const;
};

/// What one buyer ordered of one seller. Every change raises `version` by one, with one event of that version.
struct Order {
  OrderId order_id{};
  std::string number{};  ///< 10 Crockford base32 characters, for people
  OrderGroupId group_id{};
  UserId user_id{};
  SellerId seller_id{};
  Currency currency;
  OrderStatus status = OrderStatus::pending;
  PaymentStatus payment_status = PaymentStatus::not_paid;
  FulfillmentStatus fulfillment_status = FulfillmentStatus::not_fulfilled;
  std::optional<CancelReason> cancel_reason{};
  Amounts amounts{};                ///< as they were frozen when it was placed, whatever is canceled
  std::int64_t captured_total = 0;  ///< what its payment took for it
  std::int64_t refunded_total = 0;  ///< what of that was given back
  std::vector<OrderLine> lines{};
  std::int64_t version = 1;
  Timestamp placed_at{};
  Timestamp updated_at{};
  std::optional<Timestamp> canceled_at{};
  std::optional<Timestamp> pay_by{};  ///< of its group: unpaid by then, it expires; none once that is settled
  std::optional<Timestamp> ship_by{};
  std::optional<Timestamp> delivered_at{};
  std::optional<Timestamp> completed_at{};
  std::int64_t handling_days = 0;           ///< the longest of its lines, frozen when it was placed
  std::vector<Fulfillment> fulfillments{};  ///< by id; loaded where a line has fulfilled units

  /// Ends the order and gives up all it reserved; fulfilments that were packed are canceled with it.
  /// "No": conflict `already_canceled`, `not_cancelable` (completed; a unit was shipped; a fulfilment holds a line and
  /// the buyer asks; it is paid and expires, or is not and was to be shipped).
  Result<void> cancel(CancelReason reason, Timestamp now);
  /// The same without asking: what is reserved of its lines is the caller's to give up.
  void end(CancelReason reason, Timestamp now);
  /// Another version, that something else of it is to be told.
  void touch(Timestamp now);
  bool has_shipped() const;  ///< any unit
  /// No unit of it is to be shipped, and none was.
  bool has_nothing_left() const;
  std::int64_t canceled_total() const;
  /// What it costs without what was canceled.
  std::int64_t amount_due() const { return amounts.total - canceled_total(); }

  /// Takes over how far payments of its group have come; whether that is something new. Only while it waits for one.
  bool follow_payment(PaymentStatus progress, Timestamp now);
  /// Confirms an order that waits for its payment: its stock is the buyer's now, it expires no more, and its seller has
  /// `handling_days` to ship it.
  /// "No": conflict `not_payable`.
  Result<void> pay(Timestamp now);
  /// Ends an order all of which was delivered. "No": conflict `illegal_transition`.
  Result<void> complete(Timestamp now);
  /// Cancels its fulfilments that were packed, and are not to be sent; their units are held by none.
  void cancel_packed(Timestamp now);
  /// Says of the whole what its lines say, after units of them went on or were given up.
  void note_progress(Timestamp now);
};

/// The orders of one checkout, paid together. Its three statuses are rolled up from its orders.
struct OrderGroup {
  OrderGroupId group_id{};
  std::string number{};
  UserId user_id{};
  Currency currency;
  OrderStatus status = OrderStatus::pending;
  PaymentStatus payment_status = PaymentStatus::not_paid;
  FulfillmentStatus fulfillment_status = FulfillmentStatus::not_fulfilled;
  Amounts amounts{};
  std::int64_t version = 1;
  Timestamp placed_at{};
  Timestamp updated_at{};
  std::optional<Timestamp> pay_by{};
  std::optional<PaymentId> paid_by{};  ///< whose capture confirmed its orders
  std::int64_t amount_due = 0;         ///< of its pending orders together: what a capture has to be

  /// Takes over what its orders say together; whether that changed anything, which is then to be told. A group that is
  /// no longer pending has no `pay_by`.
  bool roll_up(const std::vector<const Order*>& orders, Timestamp now);
  /// Why a capture comes too late or is not the right one; none: its pending orders are to be paid with it.
  std::optional<CaptureRefusal> refuses(const Capture& capture) const;
};

/// What these orders still have to be paid with.
std::int64_t amount_due_of(const std::vector<const Order*>& orders);

}  // namespace agora::order
