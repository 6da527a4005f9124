// What payments and refunds make of orders and stock, on both engines, once each and in any order; and cancellation by
// line.

#include <atomic>
#include <barrier>
#include <thread>

#include "services/order/store/stock_movements.hpp"
#include "services/order/store/stock_table.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

using Types = std::vector<std::string>;

class RefundingTest : public OrderStoreTest {
 protected:
  /// Of o1 at 5.00 each, paid.
  PlaceCommand paid(std::int64_t quantity) {
    auto wanted = command("u1", "o1", quantity, 500);
    EXPECT_TRUE(place(wanted).has_value());
    capture(wanted, "pay1", 500 * quantity);
    EXPECT_EQ(order(wanted).captured_total, 500 * quantity);
    return wanted;
  }
  StockLevel level() {
    return database_->read_blocking(
        {}, [](sql::Tx& tx) { return read_stock(tx, {OfferId("o1")}).entries().at(OfferId("o1")).level; });
  }
  /// As if fulfilments had sent so many in all.
  void ship(const PlaceCommand& of, std::int64_t all) {
    const auto quantity = all - order(of).lines[0].shipped_quantity;
    database_->write_blocking({}, [&](sql::Tx& tx) {
      static constexpr sql::Sql kShip{"UPDATE order_lines SET shipped_quantity = $1 WHERE order_id = $2"};
      static constexpr sql::Sql kLeave{
          "UPDATE stock SET on_hand = on_hand - $1, reserved = reserved - $1 WHERE offer_id = 'o1'"};
      tx.execute_one(kShip, {all, of.order.order_id});
      tx.execute_one(kLeave, {quantity});
      write_movements(tx, {{OfferId("o1"), "shipped", -quantity}}, kNow);
    });
  }
  CancelCommand lines(const PlaceCommand& of, std::int64_t quantity) {
    return {.order_id = of.order.order_id,
            .buyer = UserId("u1"),
            .lines = std::vector<LineUnits>{{of.order.lines[0].line_id, quantity}},
            .now = kNow};
  }
  std::string group_status(const PlaceCommand& of) {
    return database_->read_blocking({}, [&](sql::Tx& tx) {
      return std::string(to_string(find_group(tx, of.order.group_id)->group.payment_status));
    });
  }
};

TEST_P(RefundingTest, UnitsThatAreNotSentHoldNoStockAndAreSoldAgainOnlyWhereThatIsSaid) {
  const auto wanted = paid(4);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 500, 1, true)));
  EXPECT_EQ(level().on_hand, 10);
  EXPECT_EQ(level().reserved, 3);
  ASSERT_TRUE(refund(refund_of(wanted, "r2", 500, 1, false)));
  EXPECT_EQ(level().on_hand, 9) << "it cannot be sold";
  EXPECT_EQ(level().reserved, 2);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::partially_refunded);
  EXPECT_EQ(group_status(wanted), "partially_refunded");
  EXPECT_EQ(order(wanted).refunded_total, 1'000);
  EXPECT_EQ(order(wanted).lines[0].refunded_quantity(), 2);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, UnitsThatWereSentComeBackOnlyWhereThatIsSaid) {
  const auto wanted = paid(3);
  ship(wanted, 3);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 500, 1, true)));
  EXPECT_EQ(level().on_hand, 8);
  ASSERT_TRUE(refund(refund_of(wanted, "r2", 1'000, 2, false)));
  EXPECT_EQ(level().on_hand, 8);
  EXPECT_EQ(level().reserved, 0);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::refunded);
  EXPECT_EQ(order(wanted).status, OrderStatus::confirmed);
  static constexpr sql::Sql kBack{"SELECT count(*) FROM stock_movements WHERE kind = 'restock' AND delta = 1"};
  EXPECT_EQ(number(kBack), 1);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfAUnitThatWasSentLeavesThoseThatAreToBeSent) {
  const auto wanted = paid(3);
  ship(wanted, 1);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 500, 1, true)));
  EXPECT_EQ(level().on_hand, 10) << "it came back";
  EXPECT_EQ(level().reserved, 2);
  auto line = order(wanted).lines[0];
  EXPECT_EQ(line.refunded_quantity(), 1);
  EXPECT_EQ(line.reserved_quantity(), 2);
  ship(wanted, 3);
  line = order(wanted).lines[0];
  EXPECT_EQ(line.shipped_quantity, 3);
  EXPECT_EQ(line.refunded_shipped_quantity, 1);
  EXPECT_EQ(line.refunded_unshipped_quantity, 0);
  expect_stock_adds_up();
}

/// What a replica of the release before wrote, and writes: units that were not shipped came first, in one number.
TEST_P(RefundingTest, WhatWasRefundedBeforeStaysAsItWas) {
  const auto wanted = paid(3);
  ship(wanted, 1);
  database_->write_blocking({}, [&](sql::Tx& tx) {
    static constexpr sql::Sql kRefund{"UPDATE order_lines SET refunded_quantity = $1 WHERE order_id = $2"};
    tx.execute_one(kRefund, {3, wanted.order.order_id});
    tx.execute("UPDATE stock SET reserved = reserved - 2 WHERE offer_id = 'o1'");
  });
  expect_stock_adds_up();
  const auto line = order(wanted).lines[0];
  EXPECT_EQ(line.refunded_unshipped_quantity, 2);
  EXPECT_EQ(line.refunded_shipped_quantity, 1);
  EXPECT_EQ(line.reserved_quantity(), 0);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 100, 1)));
  EXPECT_EQ(order(wanted).lines[0].refunded_quantity(), 3) << "there are no more";
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfAllBeforeAnythingIsSentEndsTheOrderAndItsGroup) {
  const auto wanted = paid(2);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 1'000, 0, true)));
  EXPECT_EQ(order(wanted).status, OrderStatus::canceled);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::refunded);
  EXPECT_EQ(group_status(wanted), "refunded");
  EXPECT_EQ(level().reserved, 0);
  EXPECT_EQ(level().on_hand, 10);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.paid", "order_group.paid", "order.canceled",
                           "order_group.canceled"}));
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfAllBeforeAnythingIsSentEndsWhatWasFreeToo) {
  database_->write_blocking(
      {}, [](sql::Tx& tx) { ASSERT_TRUE(apply(tx, offer("o4", "s1", 0, 5), kSource, kNow).has_value()); });
  auto wanted = command("u1", "o1", 2, 500);
  wanted.order.lines.push_back(command("u1", "o4", 1, 0).order.lines[0]);
  ASSERT_TRUE(place(wanted));
  capture(wanted, "pay1", 1'000);
  EXPECT_EQ(reserved(), 3);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 1'000, 2, true)));
  EXPECT_EQ(order(wanted).status, OrderStatus::canceled);
  EXPECT_EQ(order(wanted).lines[1].reserved_quantity(), 0);
  EXPECT_EQ(group_status(wanted), "refunded");
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(told().back(), "order_group.canceled");
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfNoMoneyLeavesWhatWasPaid) {
  const auto wanted = paid(2);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 0, 1, true)));
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::captured);
  EXPECT_EQ(group_status(wanted), "captured");
  EXPECT_EQ(told().back(), "order.refunded");
  EXPECT_EQ(level().reserved, 1);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfTheMoneyAloneWritesNothingOff) {
  const auto wanted = paid(3);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 1'500, 1, false)));
  EXPECT_EQ(order(wanted).status, OrderStatus::canceled);
  EXPECT_EQ(level().reserved, 0);
  EXPECT_EQ(level().on_hand, 9) << "the one that it names, and no other";
  const auto another = paid(2);
  ASSERT_TRUE(refund(refund_of(another, "r2", 1'000, 0, false)));
  EXPECT_EQ(order(another).status, OrderStatus::canceled);
  EXPECT_EQ(level().on_hand, 9) << "nobody said that they are broken";
  expect_stock_adds_up();
}

TEST_P(RefundingTest, OfTheLastMoneyLeavesTheRestUnsent) {
  const auto wanted = paid(3);
  ship(wanted, 1);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 1'500)));
  EXPECT_EQ(order(wanted).status, OrderStatus::confirmed);
  EXPECT_EQ(order(wanted).lines[0].reserved_quantity(), 0);
  EXPECT_EQ(order(wanted).fulfillment_status, FulfillmentStatus::shipped);
  EXPECT_EQ(level().reserved, 0);
  EXPECT_EQ(level().on_hand, 9);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, ToldAgainIsNothingNewAlsoInAnotherLog) {
  const auto wanted = paid(3);
  const auto one = refund_of(wanted, "r1", 500, 1, false);
  ASSERT_TRUE(refund(one));
  const auto before = events();
  const auto was = level();
  ASSERT_TRUE(refund(one));
  EXPECT_EQ(events(), before);
  EXPECT_EQ(level().on_hand, was.on_hand);
  EXPECT_EQ(order(wanted).refunded_total, 500);
}

TEST_P(RefundingTest, WhatCannotBeIsRefusedAndChangesNothing) {
  const auto wanted = paid(2);
  auto waiting = command("u2", "o2", 1, 700);
  ASSERT_TRUE(place(waiting));
  const auto before = events();
  EXPECT_EQ(refund(refund_of(wanted, "r1", 1'001)).error().code, "refund_exceeds_capture");
  EXPECT_EQ(refund(refund_of(waiting, "r2", 1)).error().code, "missing_dependency");
  auto elsewhere = refund_of(wanted, "r3", 1);
  elsewhere.group_id = waiting.order.group_id;
  EXPECT_EQ(refund(elsewhere).error().code, "unknown_order");
  EXPECT_EQ(events(), before);
  static constexpr sql::Sql kRefunds{"SELECT count(*) FROM refunds"};
  EXPECT_EQ(number(kRefunds), 0);
  capture(waiting, "pay2", 700);
  EXPECT_TRUE(refund(refund_of(waiting, "r2", 1)).has_value()) << "once it is paid";
}

TEST_P(RefundingTest, AfterACancellationGivesBackTheMoneyAlone) {
  const auto wanted = paid(3);
  ASSERT_TRUE(cancel(lines(wanted, 2)).has_value());
  EXPECT_NE(last_event().find("\"offer_id\":\"o1\""), std::string::npos);
  EXPECT_EQ(level().reserved, 1);
  ASSERT_TRUE(refund(refund_of(wanted, "r1", 1'000)));
  EXPECT_EQ(order(wanted).status, OrderStatus::confirmed);
  EXPECT_EQ(order(wanted).lines[0].refunded_quantity(), 0);
  ASSERT_TRUE(cancel(lines(wanted, 1)).has_value());
  EXPECT_EQ(order(wanted).status, OrderStatus::canceled);
  EXPECT_EQ(group_status(wanted), "partially_refunded");
  ASSERT_TRUE(refund(refund_of(wanted, "r2", 500, 1, true)));
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::refunded);
  EXPECT_EQ(group_status(wanted), "refunded");
  EXPECT_EQ(told().back(), "order_group.updated");
  EXPECT_EQ(level().on_hand, 10);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, RefundsAtOnceNeverExceedWhatWasTaken) {
  const auto wanted = paid(10);
  std::barrier start(8);
  std::vector<std::thread> threads;
  std::atomic<int> taken = 0;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      start.arrive_and_wait();
      for (int i = 0; i < 2; ++i) {
        const auto id = "r" + std::to_string(thread) + "-" + std::to_string(i);
        taken += refund(refund_of(wanted, id.c_str(), 700, 1, true)).has_value() ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(taken, 7);
  EXPECT_EQ(order(wanted).refunded_total, 4'900);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, PaymentsTellHowFarTheyHaveComeWhicheverIsHeardFirst) {
  const auto wanted = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(wanted));
  progress(wanted, "pay1", PaymentStatus::awaiting);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::awaiting);
  EXPECT_EQ(group_status(wanted), "awaiting");
  progress(wanted, "pay2", PaymentStatus::requires_action);
  progress(wanted, "pay1", PaymentStatus::not_paid);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::requires_action) << "the first came to nothing, heard late";
  progress(wanted, "pay2", PaymentStatus::requires_action);
  EXPECT_EQ(order(wanted).version, 3) << "nothing new";
  progress(wanted, "pay2", PaymentStatus::authorized);
  capture(wanted, "pay2");
  progress(wanted, "pay3", PaymentStatus::awaiting);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::captured);
  EXPECT_EQ(told(),
            (Types{"order_group.placed", "order.placed", "order.updated", "order_group.updated", "order.updated",
                   "order_group.updated", "order.updated", "order_group.updated", "order.paid", "order_group.paid"}));
}

TEST_P(RefundingTest, PaymentsOfWhatEndedOrIsNotThereTellNothing) {
  const auto ended = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(ended));
  progress(ended, "pay1", PaymentStatus::authorized);
  ASSERT_TRUE(cancel({.order_id = ended.order.order_id, .buyer = UserId("u1"), .now = kNow}).has_value());
  EXPECT_EQ(order(ended).payment_status, PaymentStatus::canceled);
  const auto before = events();
  progress(ended, "pay1", PaymentStatus::not_paid);
  progress(command("u1", "o1", 1, 500), "pay2", PaymentStatus::awaiting);
  EXPECT_EQ(events(), before);
}

TEST_P(RefundingTest, WhatWasKeptOfPaymentsGoesWhenTheyAreSettled) {
  const auto settled = paid(1);
  const auto waiting = command("u2", "o2", 1, 700);
  ASSERT_TRUE(place(waiting));
  progress(waiting, "pay2", PaymentStatus::awaiting);
  database_->write_blocking({}, [&](sql::Tx& tx) {
    static constexpr sql::Sql kHold{
        "INSERT INTO payment_holds (group_id, payment_id, extended_at) VALUES ($1, 'p', 0)"};
    static constexpr sql::Sql kAttempt{
        "INSERT INTO payment_attempts (group_id, payment_id, status) VALUES ($1, 'p', 'awaiting')"};
    for (const auto* one : {&settled, &waiting}) tx.execute_one(kHold, {one->order.group_id});
    tx.execute_one(kAttempt, {settled.order.group_id});
  });
  const auto gone = database_->write_blocking({}, [](sql::Tx& tx) { return delete_settled_payments(tx, 100); });
  EXPECT_EQ(gone, 2);
  static constexpr sql::Sql kLeft{
      "SELECT (SELECT count(*) FROM payment_holds) * 10 + (SELECT count(*) FROM payment_attempts)"};
  EXPECT_EQ(number(kLeft), 11);
}

TEST_P(RefundingTest, SeveralCancellationsOfOneOrderInOneSpanAreEachToldAndAnswered) {
  const auto wanted = command("u1", "o1", 4, 500);
  ASSERT_TRUE(place(wanted));
  const std::vector<CancelCommand> commands{lines(wanted, 1), lines(wanted, 2), lines(wanted, 2), lines(wanted, 1)};
  const auto results = database_->write_blocking({}, [&](sql::Tx& tx) {
    return handle_cancel(tx, commands, [](const Order& o) { return std::to_string(o.lines[0].canceled_quantity); });
  });
  ASSERT_TRUE(results[0] && results[1] && results[3]);
  EXPECT_EQ(results[0]->answer.body, "1");
  EXPECT_EQ(results[1]->answer.body, "3");
  EXPECT_EQ(results[2].error().code, "not_cancelable");
  EXPECT_EQ(results[3]->answer.body, "4");
  EXPECT_EQ(order(wanted).status, OrderStatus::canceled);
  EXPECT_EQ(order(wanted).version, 4);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.lines_canceled", "order.lines_canceled",
                           "order.canceled", "order_group.canceled"}));
  expect_stock_adds_up();
}

TEST_P(RefundingTest, ASellersMemberCancelsAndAStrangerDoesNot) {
  members_of("s1", {"m1"});
  const auto wanted = paid(2);
  auto by_stranger = lines(wanted, 1);
  by_stranger.buyer = by_stranger.member = UserId("u2");
  EXPECT_EQ(cancel(by_stranger).error().code, "not_found");
  auto by_member = lines(wanted, 1);
  by_member.buyer = by_member.member = UserId("m1");
  by_member.reason = CancelReason::out_of_stock;
  ASSERT_TRUE(cancel(by_member).has_value());
  by_member.lines.reset();
  by_member.reason.reset();
  ASSERT_TRUE(cancel(by_member).has_value());
  EXPECT_EQ(order(wanted).cancel_reason, CancelReason::seller);
  expect_stock_adds_up();
}

TEST_P(RefundingTest, ToItsSellerWhatIsNotPaidIsNotThere) {
  members_of("s1", {"m1"});
  const auto waiting = command("u1", "o1", 2, 500);
  ASSERT_TRUE(place(waiting));
  auto by_member = lines(waiting, 1);
  by_member.buyer = by_member.member = UserId("m1");
  EXPECT_EQ(cancel(by_member).error().code, "not_found");
  ASSERT_TRUE(cancel({.order_id = waiting.order.order_id, .buyer = UserId("u1"), .now = kNow}).has_value());
  EXPECT_EQ(cancel(by_member).error().code, "not_found") << "whatever became of it";
}

TEST_P(RefundingTest, APaymentWhoseCaptureWasRefusedIsOutOfTheCount) {
  const auto wanted = command("u1", "o1", 2, 500);
  ASSERT_TRUE(place(wanted));
  progress(wanted, "pay1", PaymentStatus::authorized);
  progress(wanted, "pay2", PaymentStatus::awaiting);
  EXPECT_EQ(group_status(wanted), "authorized");
  capture(wanted, "pay1", 999);
  EXPECT_EQ(group_status(wanted), "awaiting");
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::awaiting);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.updated", "order_group.updated",
                           "order_group.capture_refused", "order.updated", "order_group.updated"}));
  static constexpr sql::Sql kGaps{
      "SELECT count(*) FROM order_groups g WHERE g.version <> (SELECT count(*) FROM outbox WHERE subject = g.group_id) "
      "OR g.version <> (SELECT max(version) FROM outbox WHERE subject = g.group_id)"};
  EXPECT_EQ(number(kGaps), 0);
  capture(wanted, "pay2", 1'000);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::captured);
}

INSTANTIATE_TEST_SUITE_P(Engines, RefundingTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
