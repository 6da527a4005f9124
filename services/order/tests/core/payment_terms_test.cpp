#include "services/order/core/payment_terms.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};

OrderLine line(bool requires_shipping) {
  return {.line_id = LineId("l1"), .quantity = 2, .requires_shipping = requires_shipping};
}

Order order(const char* id, std::int64_t total, OrderStatus status = OrderStatus::pending) {
  Order order{.order_id = OrderId(id), .seller_id = SellerId("s1"), .currency = *Currency::from_code("USD")};
  order.status = status;
  order.amounts.total = total;
  order.lines = {line(false)};
  return order;
}

OrderGroup group(std::optional<Timestamp> pay_by = kNow + 1h, OrderStatus status = OrderStatus::pending) {
  OrderGroup group{.group_id = OrderGroupId("g1"),
                   .number = "4T8QX0WZ1M",
                   .user_id = UserId("u1"),
                   .currency = *Currency::from_code("USD")};
  group.status = status;
  group.pay_by = pay_by;
  return group;
}

PaymentAttempt attempt(const char* user = "u1") {
  return {OrderGroupId("g1"), UserId(user), PaymentId("pay1"), kNow, 10min};
}

Result<PaymentTerms> decide(const OrderGroup& group, const std::vector<Order>& orders, PaymentHold hold = {},
                            const PaymentAttempt& attempt_ = attempt()) {
  std::vector<const Order*> view;
  for (const auto& one : orders) view.push_back(&one);
  return begin_payment(attempt_, group, view, hold);
}

void refused(const Result<PaymentTerms>& terms, Errc errc, const char* code) {
  ASSERT_FALSE(terms);
  EXPECT_EQ(terms.error().errc, errc);
  EXPECT_EQ(terms.error().code, code);
}

TEST(BeginPayment, AsksForWhatWaitsForPayment) {
  const auto terms = decide(group(), {order("a", 500), order("b", 300, OrderStatus::canceled), order("c", 200)});
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->amount, 700);
  EXPECT_EQ(terms->number, "4T8QX0WZ1M");
  ASSERT_EQ(terms->parts.size(), 2u);
  EXPECT_EQ(terms->parts[0].amount, 500);
  EXPECT_EQ(terms->parts[1].order_id, OrderId("c"));
  EXPECT_EQ(terms->pay_by, kNow + 1h);
  EXPECT_FALSE(terms->extends_hold);
}

TEST(BeginPayment, ExtendsTheHoldOnce) {
  const auto first = decide(group(kNow + 1min), {order("a", 500)});
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->extends_hold);
  EXPECT_EQ(first->pay_by, kNow + 10min);
  const auto second = decide(group(kNow + 1min), {order("a", 500)}, {.extended = true});
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->extends_hold);
  EXPECT_EQ(second->pay_by, kNow + 1min);
}

TEST(BeginPayment, RefusesAnothersGroupAsAMissingOne) {
  refused(decide(group(), {order("a", 500)}, {}, attempt("u2")), Errc::not_found, "not_found");
}

TEST(BeginPayment, RefusesAnEndedGroup) {
  refused(decide(group(std::nullopt, OrderStatus::canceled), {order("a", 500, OrderStatus::canceled)}), Errc::conflict,
          "order_group_ended");
  // The job that expires it has not come to it yet.
  refused(decide(group(kNow), {order("a", 500)}), Errc::conflict, "order_group_ended");
  refused(decide(group(kNow - 1h), {order("a", 500)}), Errc::conflict, "order_group_ended");
}

TEST(BeginPayment, RefusesAPaidGroup) {
  for (const auto status : {OrderStatus::confirmed, OrderStatus::completed}) {
    refused(decide(group(std::nullopt, status), {order("a", 500, status)}), Errc::conflict, "already_paid");
  }
}

TEST(BeginPayment, NeedsAnAddressWhereSomethingIsShipped) {
  auto shipped = order("a", 500);
  shipped.lines.push_back(line(true));
  refused(decide(group(), {shipped}), Errc::failed_precondition, "address_required");
  EXPECT_TRUE(decide(group(), {shipped}, {.has_address = true}));
  // What was taken out of it is not shipped.
  shipped.lines.back().canceled_quantity = 2;
  EXPECT_TRUE(decide(group(), {shipped}));
  shipped.lines.back().canceled_quantity = 0;
  shipped.status = OrderStatus::canceled;
  EXPECT_TRUE(decide(group(), {shipped, order("b", 300)}));
}

}  // namespace
}  // namespace agora::order
