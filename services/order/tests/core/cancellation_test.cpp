#include "services/order/core/cancellation.hpp"

#include <array>

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'000)};

/// Three of one line at 3.33 and one of another at 5.00.
Order order(OrderStatus status = OrderStatus::pending, PaymentStatus payment = PaymentStatus::not_paid) {
  Order made{.order_id = OrderId("o"),
             .number = "N",
             .group_id = OrderGroupId("g"),
             .user_id = UserId("u"),
             .seller_id = SellerId("s"),
             .currency = Currency::from_code("USD").value()};
  made.status = status;
  made.payment_status = payment;
  made.amounts = {1'500, 0, 0, 0, 1'500};
  made.lines.push_back(
      {.line_id = LineId("l1"), .offer_id = OfferId("x"), .quantity = 3, .amounts = {1'000, 0, 0, 0, 1'000}});
  made.lines.push_back(
      {.line_id = LineId("l2"), .offer_id = OfferId("y"), .quantity = 1, .amounts = {500, 0, 0, 0, 500}});
  if (payment == PaymentStatus::captured) made.captured_total = 1'500;
  return made;
}

CancelRequest lines(std::vector<LineUnits> units, CancelRole role = CancelRole::buyer) {
  return {.role = role, .lines = std::move(units)};
}

TEST(CancelLines, TakesUnitsAndTheirPartOfThePriceAndGoesOn) {
  auto o = order();
  const auto canceled = cancel(o, lines({{LineId("l1"), 1}}), kNow);
  ASSERT_TRUE(canceled.has_value());
  EXPECT_EQ(canceled->units, (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(canceled->amount, 333);
  EXPECT_EQ(canceled->to_refund, 0) << "nothing was paid";
  EXPECT_EQ(o.status, OrderStatus::pending);
  EXPECT_EQ(o.amounts.total, 1'500) << "as it was placed";
  EXPECT_EQ(o.amount_due(), 1'167);
  EXPECT_EQ(o.lines[0].reserved_quantity(), 2);
  EXPECT_EQ(o.version, 2);
  EXPECT_EQ(o.updated_at, kNow);
}

TEST(CancelLines, OfAllUnitsInAnyStepsIsTheWholePriceToTheCent) {
  auto o = order(OrderStatus::confirmed, PaymentStatus::captured);
  std::int64_t amount = 0;
  std::int64_t to_refund = 0;
  for (const auto& units : {LineUnits{LineId("l1"), 1}, LineUnits{LineId("l1"), 1}, LineUnits{LineId("l2"), 1},
                            LineUnits{LineId("l1"), 1}}) {
    const auto canceled = cancel(o, lines({units}), kNow);
    ASSERT_TRUE(canceled.has_value());
    amount += canceled->amount;
    to_refund += canceled->to_refund;
  }
  EXPECT_EQ(amount, 1'500);
  EXPECT_EQ(to_refund, 1'500);
  EXPECT_EQ(o.status, OrderStatus::canceled) << "nothing of it is left";
  EXPECT_EQ(o.cancel_reason, CancelReason::buyer);
  EXPECT_EQ(o.payment_status, PaymentStatus::captured) << "until it is given back";
  EXPECT_EQ(o.version, 5);
  EXPECT_EQ(cancel(o, {}, kNow).error().code, "already_canceled");
}

TEST(CancelLines, IsOfThisOrdersLinesEachOnceAndNoMoreThanThereAre) {
  const auto refusal = [](std::vector<LineUnits> units) {
    auto o = order();
    const auto canceled = cancel(o, lines(std::move(units)), kNow);
    EXPECT_FALSE(canceled.has_value());
    EXPECT_EQ(o.version, 1);
    EXPECT_EQ(o.canceled_total(), 0);
    return canceled.error();
  };
  const auto unknown = refusal({{LineId("l1"), 1}, {LineId("none"), 1}});
  EXPECT_EQ(unknown.errc, Errc::invalid_argument);
  EXPECT_EQ(unknown.fields,
            (std::vector<FieldError>{{"/items/1/line_id", "unknown_line", "is not a line of the order"}}));
  EXPECT_EQ(refusal({{LineId("l1"), 1}, {LineId("l1"), 1}}).fields[0].code, "duplicate_line");
  const auto too_many = refusal({{LineId("l2"), 1}, {LineId("l1"), 4}});
  EXPECT_EQ(too_many.errc, Errc::conflict);
  EXPECT_EQ(too_many.code, "not_cancelable");
  EXPECT_EQ(too_many.fields[0].pointer, "/items/1/quantity");
}

/// Of three units one is held by a fulfilment, and another shipped.
Order on_its_way() {
  auto o = order(OrderStatus::confirmed, PaymentStatus::captured);
  o.fulfillment_status = FulfillmentStatus::partially_shipped;
  o.lines[0].fulfilled_quantity = 2;
  o.lines[0].shipped_quantity = 1;
  return o;
}

TEST(CancelLines, ABuyerMayWhatNoFulfilmentHoldsOthersWhatIsNotShipped) {
  const std::array<std::pair<CancelRole, std::int64_t>, 3> cases{
      {{CancelRole::buyer, 1}, {CancelRole::seller, 2}, {CancelRole::support, 2}}};
  for (const auto& [role, most] : cases) {
    for (std::int64_t quantity = 1; quantity <= 3; ++quantity) {
      auto o = on_its_way();
      const auto canceled = cancel(o, lines({{LineId("l1"), quantity}}, role), kNow);
      EXPECT_EQ(canceled.has_value(), quantity <= most) << static_cast<int>(role) << " " << quantity;
      EXPECT_EQ(o.status, OrderStatus::confirmed);
    }
  }
}

TEST(CancelWhole, IsOfAllOrNothingButSupportTakesWhatIsLeft) {
  auto for_buyer = on_its_way();
  EXPECT_EQ(cancel(for_buyer, {.role = CancelRole::buyer}, kNow).error().code, "not_cancelable");
  auto for_seller = on_its_way();
  EXPECT_EQ(cancel(for_seller, {.role = CancelRole::seller}, kNow).error().code, "not_cancelable");
  auto for_support = on_its_way();
  const auto canceled = cancel(for_support, {.role = CancelRole::support}, kNow);
  ASSERT_TRUE(canceled.has_value());
  EXPECT_EQ(canceled->units, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(for_support.status, OrderStatus::confirmed) << "a unit was sent";
  EXPECT_EQ(for_support.lines[0].reserved_quantity(), 0);
  EXPECT_EQ(cancel(for_support, {.role = CancelRole::support}, kNow).error().code, "not_cancelable");
}

TEST(CancelWhole, EndsAnOrderThatIsPackedForASeller) {
  auto packed = order(OrderStatus::confirmed, PaymentStatus::captured);
  packed.fulfillment_status = FulfillmentStatus::fulfilled;
  packed.lines[0].fulfilled_quantity = 3;
  ASSERT_TRUE(cancel(packed, {.role = CancelRole::seller}, kNow).has_value());
  EXPECT_EQ(packed.status, OrderStatus::canceled);
  EXPECT_EQ(packed.cancel_reason, CancelReason::seller);
}

TEST(CancelReasons, AreThoseOfWhoCancels) {
  using enum CancelReason;
  const std::array<std::pair<CancelRole, std::vector<CancelReason>>, 3> allowed{
      {{CancelRole::buyer, {buyer}},
       {CancelRole::seller, {seller, out_of_stock}},
       {CancelRole::support, {buyer, seller, support, out_of_stock, fraud}}}};
  for (const auto& [role, reasons] : allowed) {
    for (const auto reason : {expired, buyer, seller, support, out_of_stock, fraud}) {
      auto o = order();
      const bool yes = std::find(reasons.begin(), reasons.end(), reason) != reasons.end();
      const auto canceled = cancel(o, {.role = role, .reason = reason}, kNow);
      ASSERT_EQ(canceled.has_value(), yes) << to_string(reason);
      if (yes) {
        EXPECT_EQ(o.cancel_reason, reason);
      } else {
        EXPECT_EQ(canceled.error().fields[0].pointer, "/reason");
        EXPECT_EQ(o.version, 1);
      }
    }
  }
}

TEST(CancelRefund, IsNoMoreThanWhatIsStillTaken) {
  auto o = order(OrderStatus::confirmed, PaymentStatus::partially_refunded);
  o.captured_total = 1'500;
  o.refunded_total = 1'400;
  const auto canceled = cancel(o, lines({{LineId("l2"), 1}}), kNow);
  ASSERT_TRUE(canceled.has_value());
  EXPECT_EQ(canceled->amount, 500);
  EXPECT_EQ(canceled->to_refund, 100);
}

TEST(CanceledTotal, IsInProportionByLargestRemainder) {
  OrderLine line{.quantity = 3, .amounts = {1'000, 0, 0, 0, 1'000}};
  const std::array<std::int64_t, 4> totals{0, 333, 667, 1'000};
  for (std::int64_t units = 0; units <= 3; ++units) {
    line.canceled_quantity = units;
    EXPECT_EQ(line.canceled_total(), totals[static_cast<std::size_t>(units)]);
  }
  line.amounts.total = 0;
  EXPECT_EQ(line.canceled_total(), 0);
}

}  // namespace
}  // namespace agora::order
