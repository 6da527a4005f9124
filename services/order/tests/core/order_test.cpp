#include "services/order/core/order.hpp"

#include <algorithm>
#include <array>

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
  for (int i = 0; i < 7; ++i)
    EXPECT_EQ(parse_enum<CancelReason>(to_string(static_cast<CancelReason>(i))), static_cast<CancelReason>(i));
  EXPECT_FALSE(parse_enum<OrderStatus>("cancelled").has_value());
}

constexpr std::array kAllStatuses{OrderStatus::pending, OrderStatus::confirmed, OrderStatus::completed,
                                  OrderStatus::canceled};
constexpr std::array kAllReasons{CancelReason::expired,    CancelReason::buyer,        CancelReason::seller,
                                 CancelReason::support,    CancelReason::out_of_stock, CancelReason::fraud,
                                 CancelReason::not_shipped};

TEST(Cancel, HasAnAnswerForEveryStatusReasonAndFulfillment) {
  for (const auto status : kAllStatuses) {
    for (const auto reason : kAllReasons) {
      for (const bool packed : {false, true}) {
        auto o = order(status, PaymentStatus::not_paid,
                       packed ? FulfillmentStatus::fulfilled : FulfillmentStatus::not_fulfilled);
        const bool open = status == OrderStatus::pending || status == OrderStatus::confirmed;
        const bool yes = open && !(reason == CancelReason::buyer && packed) &&
                         !(reason == CancelReason::expired && status != OrderStatus::pending) &&
                         !(reason == CancelReason::not_shipped && status != OrderStatus::confirmed);
        const auto result = o.cancel(reason, kNow + std::chrono::seconds(1));
        const auto what =
            std::string(to_string(status)) + " " + std::string(to_string(reason)) + (packed ? " packed" : "");
        ASSERT_EQ(result.has_value(), yes) << what;
        if (yes) {
          EXPECT_EQ(o.status, OrderStatus::canceled) << what;
          EXPECT_EQ(o.cancel_reason, reason) << what;
          EXPECT_EQ(o.canceled_at, kNow + std::chrono::seconds(1)) << what;
          EXPECT_EQ(o.updated_at, kNow + std::chrono::seconds(1)) << what;
          EXPECT_EQ(o.version, 2) << what;
          continue;
        }
        EXPECT_EQ(result.error().errc, Errc::conflict) << what;
        EXPECT_EQ(result.error().code, status == OrderStatus::canceled ? "already_canceled" : "not_cancelable") << what;
        EXPECT_EQ(o.status, status) << what;
        EXPECT_EQ(o.version, 1) << what;
        EXPECT_EQ(o.updated_at, Timestamp{}) << what;
        EXPECT_EQ(o.lines[0].canceled_quantity, 0) << what;
        EXPECT_EQ(o.pay_by, kNow) << what;
        EXPECT_FALSE(o.cancel_reason || o.canceled_at) << what;
      }
    }
  }
}

TEST(Cancel, GivesUpEveryUnitOfEveryLine) {
  auto o = order(OrderStatus::pending);
  o.lines.push_back({.offer_id = OfferId("y"), .quantity = 5, .canceled_quantity = 2});
  EXPECT_EQ(o.lines[1].reserved_quantity(), 3);
  ASSERT_TRUE(o.cancel(CancelReason::fraud, kNow).has_value());
  for (const auto& line : o.lines) {
    EXPECT_EQ(line.canceled_quantity, line.quantity);
    EXPECT_EQ(line.reserved_quantity(), 0);
  }
}

TEST(RollUp, HasTheLeastAdvancedStatusOfWhatLives) {
  using enum OrderStatus;
  const std::tuple<OrderStatus, OrderStatus, OrderStatus> cases[] = {
      {pending, pending, pending},      {pending, confirmed, pending},     {pending, completed, pending},
      {pending, canceled, pending},     {confirmed, completed, confirmed}, {confirmed, canceled, confirmed},
      {completed, canceled, completed}, {completed, completed, completed}, {canceled, canceled, canceled}};
  for (const auto& [one, other, together] : cases) {
    for (const bool swapped : {false, true}) {
      auto g = group();
      const auto a = order(swapped ? other : one);
      const auto b = order(swapped ? one : other);
      g.roll_up({&a, &b}, kNow);
      EXPECT_EQ(g.status, together) << to_string(a.status) << " and " << to_string(b.status);
      EXPECT_EQ(g.pay_by.has_value(), together == pending) << "only who is pending must still pay";
    }
  }
}

TEST(RollUp, ChangesNothingWhereNothingChanged) {
  auto g = group();
  const auto a = order(OrderStatus::confirmed, PaymentStatus::captured);
  EXPECT_TRUE(g.roll_up({&a}, kNow));
  EXPECT_EQ(g.version, 2);
  EXPECT_EQ(g.updated_at, kNow);
  EXPECT_EQ(g.payment_status, PaymentStatus::captured);
  EXPECT_FALSE(g.roll_up({&a}, kNow + std::chrono::seconds(1)));
  EXPECT_EQ(g.version, 2);
  EXPECT_EQ(g.updated_at, kNow);
}

TEST(RollUp, EachOfTheThreeStatusesIsAChange) {
  const Order changed[] = {order(OrderStatus::confirmed), order(OrderStatus::pending, PaymentStatus::awaiting),
                           order(OrderStatus::pending, PaymentStatus::not_paid, FulfillmentStatus::fulfilled)};
  for (const auto& one : changed) {
    auto g = group();
    EXPECT_TRUE(g.roll_up({&one}, kNow));
    EXPECT_EQ(g.version, 2);
  }
}

TEST(RollUp, OfWhatIsCanceledOnlyTheLivingCount) {
  auto gone = order(OrderStatus::pending);
  ASSERT_TRUE(gone.cancel(CancelReason::seller, kNow).has_value());
  const auto alive = order(OrderStatus::confirmed, PaymentStatus::captured, FulfillmentStatus::shipped);
  for (const auto& orders : {std::vector<const Order*>{&gone, &alive}, std::vector<const Order*>{&alive, &gone}}) {
    auto g = group();
    EXPECT_TRUE(g.roll_up(orders, kNow));
    EXPECT_EQ(g.status, OrderStatus::confirmed);
    EXPECT_EQ(g.payment_status, PaymentStatus::captured);
    EXPECT_EQ(g.fulfillment_status, FulfillmentStatus::shipped);
  }
}

TEST(Amounts, AddUpMemberByMember) {
  EXPECT_EQ(checked_add(Amounts{1, 2, 3, 4, 5}, Amounts{10, 20, 30, 40, 50}), (Amounts{11, 22, 33, 44, 55}));
}

TEST(Amounts, HaveNoSumWhereAMemberOverflows) {
  for (auto member :
       {&Amounts::subtotal, &Amounts::discount_total, &Amounts::shipping_total, &Amounts::tax_total, &Amounts::total}) {
    Amounts large;
    large.*member = INT64_MAX;
    Amounts one;
    one.*member = 1;
    EXPECT_TRUE(checked_add(large, Amounts{}).has_value());
    EXPECT_FALSE(checked_add(large, one).has_value());
  }
}

TEST(Names, AreThoseOfTheContract) {
  EXPECT_EQ(to_string(OrderStatus::canceled), "canceled");
  EXPECT_EQ(to_string(PaymentStatus::partially_refunded), "partially_refunded");
  EXPECT_EQ(to_string(PaymentStatus::requires_action), "requires_action");
  EXPECT_EQ(to_string(FulfillmentStatus::partially_delivered), "partially_delivered");
  EXPECT_EQ(to_string(CancelReason::out_of_stock), "out_of_stock");
  for (const auto* text : {"", "Pending", "pending ", "0"}) {
    EXPECT_FALSE(parse_enum<OrderStatus>(text).has_value()) << text;
    EXPECT_FALSE(parse_enum<PaymentStatus>(text).has_value()) << text;
    EXPECT_FALSE(parse_enum<FulfillmentStatus>(text).has_value()) << text;
    EXPECT_FALSE(parse_enum<CancelReason>(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace agora::order
