#include "services/order/core/order.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000)};

Order order(OrderStatus status, PaymentStatus payment = PaymentStatus::not_paid,
            FulfillmentStatus fulfillment = FulfillmentStatus::not_fulfilled) {
  Order made{.order_id = OrderId("o"),
             .number = "N",
             .group_id = OrderGroupId("g"),
             .user_id = UserId("u"),
             .seller_id = SellerId("s"),
             .currency = Currency::from_code("USD").value()};
  made.status = status;
  made.payment_status = payment;
  made.fulfillment_status = fulfillment;
  made.pay_by = kNow;
  made.lines.push_back({.offer_id = OfferId("x"), .quantity = 3});
  return made;
}

TEST(OrderStatusTable, AllowsJustTheLegalChanges) {
  using enum OrderStatus;
  const std::vector<std::pair<OrderStatus, OrderStatus>> legal{
      {pending, confirmed}, {pending, canceled}, {confirmed, completed}, {confirmed, canceled}};
  for (const auto from : {pending, confirmed, completed, canceled}) {
    for (const auto to : {pending, confirmed, completed, canceled}) {
      const bool expected = std::find(legal.begin(), legal.end(), std::pair(from, to)) != legal.end();
      EXPECT_EQ(is_legal(from, to), expected) << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(Cancel, EndsAPendingOrderAndGivesUpItsUnits) {
  auto o = order(OrderStatus::pending);
  ASSERT_TRUE(o.cancel(CancelReason::buyer, kNow).has_value());
  EXPECT_EQ(o.status, OrderStatus::canceled);
  EXPECT_EQ(o.payment_status, PaymentStatus::canceled);
  EXPECT_EQ(o.fulfillment_status, FulfillmentStatus::canceled);
  EXPECT_EQ(o.cancel_reason, CancelReason::buyer);
  EXPECT_EQ(o.canceled_at, kNow);
  EXPECT_FALSE(o.pay_by.has_value());
  EXPECT_EQ(o.lines[0].reserved_quantity(), 0);
  EXPECT_EQ(o.version, 2);
}

TEST(Cancel, IsRefusedWhereTheStatusForbidsIt) {
  using enum CancelReason;
  for (const auto reason : {expired, buyer, seller, support, out_of_stock, fraud}) {
    auto ended = order(OrderStatus::canceled);
    EXPECT_EQ(ended.cancel(reason, kNow).error().code, "already_canceled");
    auto done = order(OrderStatus::completed);
    EXPECT_EQ(done.cancel(reason, kNow).error().code, "not_cancelable");
    EXPECT_EQ(done.version, 1);
  }
}

TEST(Cancel, OnlyUnpaidOrdersExpire) {
  auto paid = order(OrderStatus::confirmed, PaymentStatus::captured);
  EXPECT_EQ(paid.cancel(CancelReason::expired, kNow).error().code, "not_cancelable");
  EXPECT_TRUE(paid.cancel(CancelReason::support, kNow).has_value());
  EXPECT_EQ(paid.payment_status, PaymentStatus::captured);
}

TEST(Cancel, ABuyerMayUntilSomebodyPacks) {
  auto packed = order(OrderStatus::confirmed, PaymentStatus::captured, FulfillmentStatus::partially_fulfilled);
  EXPECT_EQ(packed.cancel(CancelReason::buyer, kNow).error().code, "not_cancelable");
  EXPECT_TRUE(packed.cancel(CancelReason::support, kNow).has_value());
}

OrderGroup group() {
  return {.group_id = OrderGroupId("g"),
          .number = "N",
          .user_id = UserId("u"),
          .currency = Currency::from_code("USD").value(),
          .pay_by = kNow};
}

TEST(RollUp, FollowsItsOrders) {
  auto g = group();
  auto a = order(OrderStatus::pending);
  auto b = order(OrderStatus::pending);
  EXPECT_FALSE(g.roll_up({&a, &b}, kNow));
  EXPECT_EQ(g.version, 1);
  ASSERT_TRUE(a.cancel(CancelReason::buyer, kNow).has_value());
  EXPECT_FALSE(g.roll_up({&a, &b}, kNow)) << "one lives on as it was";
  ASSERT_TRUE(b.cancel(CancelReason::buyer, kNow).has_value());
  EXPECT_TRUE(g.roll_up({&a, &b}, kNow));
  EXPECT_EQ(g.status, OrderStatus::canceled);
  EXPECT_EQ(g.payment_status, PaymentStatus::canceled);
  EXPECT_EQ(g.fulfillment_status, FulfillmentStatus::canceled);
  EXPECT_FALSE(g.pay_by.has_value());
  EXPECT_EQ(g.version, 2);
}

TEST(RollUp, IsPartialWhereOrdersDiffer) {
  using enum FulfillmentStatus;
  const std::tuple<FulfillmentStatus, FulfillmentStatus, FulfillmentStatus> cases[] = {
      {not_fulfilled, fulfilled, partially_fulfilled},
      {fulfilled, shipped, partially_shipped},
      {shipped, delivered, partially_delivered},
      {delivered, delivered, delivered}};
  for (const auto& [one, other, together] : cases) {
    auto g = group();
    const auto a = order(OrderStatus::confirmed, PaymentStatus::captured, one);
    const auto b = order(OrderStatus::confirmed, PaymentStatus::captured, other);
    g.roll_up({&a, &b}, kNow);
    EXPECT_EQ(g.fulfillment_status, together);
    EXPECT_EQ(g.status, OrderStatus::confirmed);
  }
}

TEST(Names, ComeBackAsTheyWent) {
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(parse_enum<OrderStatus>(to_string(static_cast<OrderStatus>(i))), static_cast<OrderStatus>(i));
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(parse_enum<PaymentStatus>(to_string(static_cast<PaymentStatus>(i))), static_cast<PaymentStatus>(i));
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(parse_enum<FulfillmentStatus>(to_string(static_cast<FulfillmentStatus>(i))),
              static_cast<FulfillmentStatus>(i));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(parse_enum<CancelReason>(to_string(static_cast<CancelReason>(i))), static_cast<CancelReason>(i));
  EXPECT_FALSE(parse_enum<OrderStatus>("cancelled").has_value());
}

}  // namespace
}  // namespace agora::order
