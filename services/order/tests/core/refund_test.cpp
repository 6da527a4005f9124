#include "services/order/core/refund.hpp"

#include <array>

#include <gtest/gtest.h>

#include "services/order/core/payment_progress.hpp"

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000)};
const Currency kUsd = *Currency::from_code("USD");

/// Three of one line, 15.00, paid.
Order paid(std::int64_t shipped = 0, std::int64_t canceled = 0) {
  Order made{.order_id = OrderId("o"),
             .number = "N",
             .group_id = OrderGroupId("g"),
             .user_id = UserId("u"),
             .seller_id = SellerId("s"),
             .currency = kUsd};
  made.status = OrderStatus::confirmed;
  made.payment_status = PaymentStatus::captured;
  made.amounts = {1'500, 0, 0, 0, 1'500};
  made.captured_total = 1'500;
  made.lines.push_back({.line_id = LineId("l"),
                        .offer_id = OfferId("x"),
                        .quantity = 3,
                        .canceled_quantity = canceled,
                        .shipped_quantity = shipped,
                        .amounts = {1'500, 0, 0, 0, 1'500}});
  return made;
}

Refund of(std::int64_t amount, std::int64_t units = 0, bool restock = false) {
  Refund made{
      .refund_id = RefundId("r"), .order_id = OrderId("o"), .amount = amount, .currency = kUsd, .restock = restock};
  if (units > 0) made.lines.push_back({LineId("l"), units});
  return made;
}

TEST(RefundOfAnOrder, TakesUnitsThatWereShippedFirst) {
  auto o = paid(1);
  const auto returned = refund(o, of(500, 1, true), kNow);
  ASSERT_TRUE(returned.has_value());
  EXPECT_EQ(returned->front().shipped, 1);
  EXPECT_EQ(returned->front().unshipped, 0);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 2) << "the buyer is still to get them";
  EXPECT_EQ(o.lines[0].due_quantity(), 3);
  EXPECT_EQ(o.refunded_total, 500);
  EXPECT_EQ(o.payment_status, PaymentStatus::partially_refunded);
  const auto rest = refund(o, of(500, 1), kNow);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->front().shipped, 0) << "that one is paid back";
  EXPECT_EQ(rest->front().unshipped, 1);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 1);
  o.lines[0].shipped_quantity = 2;
  const auto again = refund(o, of(100, 9), kNow);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->front().shipped, 1);
  EXPECT_EQ(again->front().unshipped, 0) << "the other was given up before";
  EXPECT_EQ(o.lines[0].refunded_quantity(), 3);
  EXPECT_EQ(o.status, OrderStatus::confirmed) << "units were sent";
  EXPECT_EQ(o.version, 4);
}

TEST(RefundOfAnOrder, OfMoreThanWasShippedGivesUpTheRest) {
  auto o = paid(1);
  const auto units = refund(o, of(1'000, 2), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().shipped, 1);
  EXPECT_EQ(units->front().unshipped, 1);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 1);
}

TEST(RefundOfAnOrder, OfAllThatWasTakenBeforeAnythingIsShippedEndsIt) {
  auto by_money = paid();
  const auto units = refund(by_money, of(1'500), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().unnamed, 3) << "what nobody pays for nobody sends";
  EXPECT_EQ(units->front().unshipped, 0);
  EXPECT_EQ(by_money.status, OrderStatus::canceled);
  EXPECT_EQ(by_money.payment_status, PaymentStatus::refunded);
  EXPECT_EQ(by_money.cancel_reason, CancelReason::seller);
  EXPECT_EQ(by_money.lines[0].refunded_quantity(), 3);
  EXPECT_EQ(by_money.lines[0].canceled_quantity, 0);
  EXPECT_EQ(by_money.version, 2);
  auto by_units = paid();
  auto all = of(1'200, 3);
  all.reason = CancelReason::fraud;
  ASSERT_TRUE(refund(by_units, all, kNow).has_value());
  EXPECT_EQ(by_units.status, OrderStatus::canceled) << "no unit is left";
  EXPECT_EQ(by_units.cancel_reason, CancelReason::fraud);
  EXPECT_EQ(by_units.payment_status, PaymentStatus::partially_refunded);
}

TEST(RefundOfAnOrder, OfTheLastMoneyLeavesNothingToSendAlsoAfterAUnitWasShipped) {
  auto o = paid(1);
  o.lines[0].fulfilled_quantity = 1;
  o.lines[0].delivered_quantity = 1;
  ASSERT_TRUE(refund(o, of(500), kNow).has_value());
  EXPECT_EQ(o.lines[0].reserved_quantity(), 2) << "some of it is paid still";
  const auto units = refund(o, of(1'000), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().unnamed, 2);
  EXPECT_EQ(units->front().shipped, 0) << "what was sent was sent";
  EXPECT_EQ(o.lines[0].reserved_quantity(), 0);
  EXPECT_EQ(o.status, OrderStatus::confirmed);
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::delivered) << "all that is due has come";
}

TEST(RefundOfAnOrder, OfAllBeforeAnythingIsShippedEndsItWithWhatWasFree) {
  auto o = paid();
  o.lines.push_back({.line_id = LineId("free"), .offer_id = OfferId("y"), .quantity = 2});
  const auto units = refund(o, of(1'500), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ((*units)[0].unnamed, 3);
  EXPECT_EQ((*units)[1].unnamed, 2);
  EXPECT_EQ(o.lines[1].reserved_quantity(), 0);
  EXPECT_EQ(o.status, OrderStatus::canceled);
  EXPECT_EQ(o.payment_status, PaymentStatus::refunded);
}

TEST(RefundOfAnOrder, OfAllAfterSomethingWasShippedLeavesWhatWasFree) {
  auto o = paid(1);
  o.lines.push_back({.line_id = LineId("free"), .offer_id = OfferId("y"), .quantity = 2});
  const auto units = refund(o, of(1'500), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ((*units)[0].unnamed, 2);
  EXPECT_EQ((*units)[1].unnamed, 0);
  EXPECT_EQ(o.lines[1].reserved_quantity(), 2);
  EXPECT_EQ(o.status, OrderStatus::confirmed);
}

TEST(RefundOfAnOrder, OfWhatWasCanceledLeavesWhatWasFree) {
  auto o = paid();
  o.lines.push_back({.line_id = LineId("free"), .offer_id = OfferId("y"), .quantity = 2});
  const CancelRequest request{.role = CancelRole::buyer,
                              .reason = CancelReason::buyer,
                              .lines = std::vector<LineUnits>{{o.lines[0].line_id, 3}}};
  ASSERT_TRUE(cancel(o, request, kNow).has_value());
  auto settling = of(1'500);
  settling.settles_cancellation = true;
  const auto units = refund(o, settling, kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ((*units)[1].unnamed, 0);
  EXPECT_EQ(o.lines[1].reserved_quantity(), 2);
  EXPECT_EQ(o.status, OrderStatus::confirmed);
  EXPECT_EQ(o.payment_status, PaymentStatus::refunded);
}

TEST(RefundOfAnOrder, ThatCostNothingTakesWhatItNamesAlone) {
  auto o = paid();
  o.amounts = o.lines[0].amounts = {};
  o.captured_total = 0;
  const auto units = refund(o, of(0, 1), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().unshipped, 1);
  EXPECT_EQ(units->front().unnamed, 0);
  EXPECT_EQ(o.status, OrderStatus::confirmed);
}

TEST(RefundOfAnOrder, OfNoMoneyLeavesWhatWasPaid) {
  auto o = paid();
  ASSERT_TRUE(refund(o, of(0, 1), kNow).has_value());
  EXPECT_EQ(o.payment_status, PaymentStatus::captured);
  EXPECT_EQ(o.lines[0].refunded_unshipped_quantity, 1);
  auto free = paid();
  free.amounts = free.lines[0].amounts = {};
  free.captured_total = 0;
  ASSERT_TRUE(refund(free, of(0), kNow).has_value());
  EXPECT_EQ(free.payment_status, PaymentStatus::captured) << "nothing was given back";
}

TEST(RefundOfAnOrder, ThatWasNeverPaidLeavesItSo) {
  auto o = paid(0, 3);
  o.status = OrderStatus::canceled;
  o.payment_status = PaymentStatus::canceled;
  o.captured_total = 0;
  ASSERT_TRUE(refund(o, of(0), kNow).has_value());
  EXPECT_EQ(o.payment_status, PaymentStatus::canceled);
}

TEST(RefundOfAnOrder, OfUnitsThatWereCanceledIsOfTheMoneyAlone) {
  auto o = paid(0, 2);
  const auto units = refund(o, of(1'000, 3), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().unshipped, 1) << "more than there is are those that there are";
  auto canceled = paid(0, 3);
  canceled.status = OrderStatus::canceled;
  const auto late = refund(canceled, of(1'500, 3), kNow);
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->front().unshipped + late->front().shipped, 0);
  EXPECT_EQ(canceled.payment_status, PaymentStatus::refunded);
  EXPECT_EQ(canceled.status, OrderStatus::canceled);
}

TEST(RefundOfAnOrder, IsNeverMoreThanWasTaken) {
  auto o = paid();
  ASSERT_TRUE(refund(o, of(1'000), kNow).has_value());
  const auto more = refund(o, of(501), kNow);
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, "refund_exceeds_capture");
  EXPECT_EQ(o.refunded_total, 1'000);
  EXPECT_EQ(o.version, 2);
}

TEST(RefundOfAnOrder, WaitsForThePaymentAndKeepsToItsCurrency) {
  auto unpaid = paid();
  unpaid.status = OrderStatus::pending;
  unpaid.payment_status = PaymentStatus::authorized;
  unpaid.captured_total = 0;
  EXPECT_EQ(refund(unpaid, of(1), kNow).error().code, "missing_dependency");
  auto o = paid();
  auto other = of(1);
  other.currency = *Currency::from_code("EUR");
  EXPECT_EQ(refund(o, other, kNow).error().code, "currency_changed");
  EXPECT_EQ(o.version, 1);
}

TEST(RefundOfAnOrder, OfACompletedOneChangesWhatWasPaidAlone) {
  auto o = paid(3);
  o.status = OrderStatus::completed;
  const auto units = refund(o, of(1'500, 3, true), kNow);
  ASSERT_TRUE(units.has_value());
  EXPECT_EQ(units->front().shipped, 3);
  EXPECT_EQ(o.status, OrderStatus::completed);
  EXPECT_EQ(o.payment_status, PaymentStatus::refunded);
}

TEST(PaymentStatusTable, AllowsJustTheLegalChanges) {
  using enum PaymentStatus;
  const std::array all{
      not_paid, awaiting, authorized, captured, partially_refunded, refunded, PaymentStatus::canceled, requires_action};
  const std::array waiting{not_paid, awaiting, authorized, requires_action};
  const auto waits = [&](PaymentStatus status) {
    return std::find(waiting.begin(), waiting.end(), status) != waiting.end();
  };
  std::size_t legal = 0;
  for (const auto from : all) {
    for (const auto to : all) {
      const bool expected = (waits(from) && from != to && to != partially_refunded && to != refunded) ||
                            (from == captured && (to == partially_refunded || to == refunded)) ||
                            (from == partially_refunded && to == refunded);
      EXPECT_EQ(is_legal(from, to), expected) << to_string(from) << " to " << to_string(to);
      legal += expected ? 1 : 0;
    }
  }
  EXPECT_EQ(legal, 4U * 5 + 3);
}

TEST(PaymentProgress, IsThatOfThePaymentThatCameFurthest) {
  using enum PaymentStatus;
  EXPECT_EQ(furthest({}), not_paid);
  EXPECT_EQ(furthest({not_paid, not_paid}), not_paid);
  EXPECT_EQ(furthest({not_paid, awaiting}), awaiting);
  EXPECT_EQ(furthest({requires_action, awaiting}), requires_action);
  EXPECT_EQ(furthest({authorized, requires_action, not_paid}), authorized);
}

TEST(PaymentProgress, IsFollowedWhileAnOrderWaits) {
  auto o = paid();
  o.status = OrderStatus::pending;
  o.payment_status = PaymentStatus::not_paid;
  EXPECT_TRUE(o.follow_payment(PaymentStatus::awaiting, kNow));
  EXPECT_EQ(o.version, 2);
  EXPECT_FALSE(o.follow_payment(PaymentStatus::awaiting, kNow)) << "nothing new";
  EXPECT_TRUE(o.follow_payment(PaymentStatus::not_paid, kNow));
  EXPECT_EQ(o.version, 3);
  auto ended = paid();
  EXPECT_FALSE(ended.follow_payment(PaymentStatus::awaiting, kNow));
  EXPECT_EQ(ended.version, 1);
}

}  // namespace
}  // namespace agora::order
