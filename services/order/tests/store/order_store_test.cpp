// What the store promises, on both engines: one transaction for key, group, order, lines, stock and events; races with
// one winner.

#include <barrier>
#include <thread>

#include "libs/sql/sha256.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

TEST_P(OrderStoreTest, APlacementWritesOrderGroupLinesStockAndEvents) {
  const auto before = events();
  const auto placed = place(command("u1", "o1", 3, 500));
  ASSERT_TRUE(placed.has_value()) << placed.error().code;
  EXPECT_EQ(placed->answer.status, 201);
  EXPECT_EQ(orders(), 1);
  EXPECT_EQ(reserved(), 3);
  EXPECT_EQ(events() - before, 3);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, WhatWasPlacedReadsBack) {
  auto wanted = command("u1", "o1", 2, 500);
  wanted.order.lines.push_back({.offer_id = OfferId("o2"),
                                .quantity = 1,
                                .price = Decimal{7, 0},
                                .line_id = new_id<LineTag>(kNow),
                                .pointer = "/items/1"});
  const auto order_id = wanted.order.order_id;
  ASSERT_TRUE(place(wanted).has_value());
  const auto order = database_->read_blocking({}, [&](sql::Tx& tx) { return find_order(tx, order_id); });
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->amounts.total, 1'700);
  ASSERT_EQ(order->lines.size(), 2U);
  EXPECT_EQ(order->lines[1].offer_id.str(), "o2");
  EXPECT_EQ(order->placed_at, kNow);
  EXPECT_EQ(order->pay_by, kNow + std::chrono::minutes(15));
}

TEST_P(OrderStoreTest, ARefusalWritesNothing) {
  const auto before = events();
  for (const auto& wanted : {command("u1", "o1", 11, 500), command("u1", "o1", 1, 499), command("u1", "none", 1, 1),
                             command("u1", "o3", 1, 100)}) {
    EXPECT_FALSE(place(wanted).has_value());
  }
  EXPECT_EQ(orders(), 0);
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(events(), before);
}

TEST_P(OrderStoreTest, ASpanDecidesInQueueOrderAndTellsStockOnce) {
  const auto before = events();
  const std::vector<PlaceCommand> commands{command("u1", "o1", 6, 500), command("u2", "o1", 6, 500),
                                           command("u3", "o1", 4, 500)};
  const auto results = database_->write_blocking({}, [&](sql::Tx& tx) { return handle_place(tx, commands, render); });
  EXPECT_TRUE(results[0].has_value());
  ASSERT_FALSE(results[1].has_value());
  EXPECT_EQ(results[1].error().code, "out_of_stock");
  EXPECT_TRUE(results[2].has_value());
  EXPECT_EQ(reserved(), 10);
  EXPECT_EQ(events() - before, 2 * 2 + 1);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, AKeyRepeatsTheBytesWithinAndAcrossSpans) {
  const auto key = sql::idempotency_key("u1", "createOrder", {}, "k", "body");
  std::vector<PlaceCommand> commands{command("u1", "o1", 1, 500), command("u1", "o1", 1, 500)};
  for (auto& c : commands) c.key = key;
  const auto results = database_->write_blocking({}, [&](sql::Tx& tx) { return handle_place(tx, commands, render); });
  ASSERT_TRUE(results[0].has_value() && results[1].has_value());
  EXPECT_FALSE(results[0]->replayed);
  EXPECT_TRUE(results[1]->replayed);
  EXPECT_EQ(results[0]->answer.body, results[1]->answer.body);
  const auto later = place(commands[1]);
  ASSERT_TRUE(later.has_value());
  EXPECT_TRUE(later->replayed);
  EXPECT_EQ(later->answer.body, results[0]->answer.body);
  EXPECT_EQ(orders(), 1);
}

TEST_P(OrderStoreTest, ARefusedKeyMaySucceedLater) {
  auto wanted = command("u1", "o1", 11, 500);
  wanted.key = sql::idempotency_key("u1", "createOrder", {}, "k", "body");
  EXPECT_FALSE(place(wanted).has_value());
  wanted.order.lines[0].quantity = 1;
  const auto placed = place(wanted);
  ASSERT_TRUE(placed.has_value());
  EXPECT_FALSE(placed->replayed);
}

TEST_P(OrderStoreTest, ACancellationGivesTheStockBackOnce) {
  const auto wanted = command("u1", "o1", 3, 500);
  ASSERT_TRUE(place(wanted).has_value());
  const auto before = events();
  const CancelCommand request{.order_id = wanted.order.order_id, .buyer = UserId("u1"), .now = kNow};
  EXPECT_TRUE(cancel(request).has_value());
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(events() - before, 3);
  const auto again = cancel(request);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, "already_canceled");
  EXPECT_EQ(events() - before, 3);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, AnothersOrderCancelsLikeAMissingOne) {
  const auto wanted = command("u1", "o1", 3, 500);
  ASSERT_TRUE(place(wanted).has_value());
  const auto others = cancel({.order_id = wanted.order.order_id, .buyer = UserId("u2"), .now = kNow});
  const auto missing = cancel({.order_id = OrderId("none"), .buyer = UserId("u2"), .now = kNow});
  ASSERT_FALSE(others.has_value());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(others.error().code, missing.error().code);
  EXPECT_EQ(reserved(), 3);
}

TEST_P(OrderStoreTest, ExpiryEndsWhatIsDueAndLeavesTheRest) {
  const auto wanted = command("u1", "o1", 3, 500);
  ASSERT_TRUE(place(wanted).has_value());
  EXPECT_EQ(expire({wanted.order.group_id, kNow + std::chrono::minutes(14)}), Expired::left);
  EXPECT_EQ(reserved(), 3);
  EXPECT_EQ(expire({wanted.order.group_id, kNow + std::chrono::minutes(15)}), Expired::expired);
  EXPECT_EQ(expire({wanted.order.group_id, kNow + std::chrono::minutes(16)}), Expired::left);
  EXPECT_EQ(reserved(), 0);
  const auto order = database_->read_blocking({}, [&](sql::Tx& tx) { return find_order(tx, wanted.order.order_id); });
  EXPECT_EQ(order->status, OrderStatus::canceled);
  EXPECT_EQ(order->cancel_reason, CancelReason::expired);
  EXPECT_FALSE(order->pay_by.has_value());
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, CancellationAgainstExpiryHasOneWinner) {
  for (int round = 0; round < 20; ++round) {
    const auto wanted = command("u1", "o1", 1, 500);
    ASSERT_TRUE(place(wanted).has_value());
    std::barrier start(2);
    bool canceled = false;
    auto expired = Expired::left;
    std::thread canceler([&] {
      start.arrive_and_wait();
      canceled = cancel({.order_id = wanted.order.order_id, .buyer = UserId("u1"), .now = kNow}).has_value();
    });
    std::thread expirer([&] {
      start.arrive_and_wait();
      expired = expire({wanted.order.group_id, kNow + std::chrono::hours(1)});
    });
    canceler.join();
    expirer.join();
    // The expiry skips a group that is held: then the cancellation wins. Never both.
    EXPECT_NE(canceled, expired == Expired::expired);
    EXPECT_EQ(reserved(), 0);
  }
  expect_stock_adds_up();
}

using Types = std::vector<std::string>;

TEST_P(OrderStoreTest, ACaptureConfirmsWhatWaitsAndKeepsItsStock) {
  const auto wanted = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(wanted).has_value());
  capture(wanted, "pay1");
  EXPECT_EQ(order(wanted).status, OrderStatus::confirmed);
  EXPECT_EQ(order(wanted).payment_status, PaymentStatus::captured);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.paid", "order_group.paid"}));
  EXPECT_EQ(reserved(), 1);
  EXPECT_EQ(expire({wanted.order.group_id, kNow + std::chrono::hours(1)}), Expired::left);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, ACaptureOfThePaymentThatPaidIsNothingNewAnothersIsRefused) {
  const auto wanted = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(wanted).has_value());
  capture(wanted, "pay1");
  const auto before = told();
  capture(wanted, "pay1");
  EXPECT_EQ(told(), before);
  capture(wanted, "pay2");
  EXPECT_EQ(told().back(), "order_group.capture_refused");
  EXPECT_NE(last_event().find(R"("reason":"already_paid")"), std::string::npos);
}

TEST_P(OrderStoreTest, ACaptureOfWhatEndedOrCostsSomethingElseIsRefusedAndChangesNoOrder) {
  const auto ended = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(ended).has_value());
  ASSERT_TRUE(cancel({.order_id = ended.order.order_id, .buyer = UserId("u1"), .now = kNow}).has_value());
  capture(ended, "pay1");
  EXPECT_NE(last_event().find(R"("reason":"ended")"), std::string::npos);
  EXPECT_EQ(order(ended).status, OrderStatus::canceled);
  const auto waiting = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(waiting).has_value());
  capture(waiting, "pay2", 499);
  EXPECT_NE(last_event().find(R"("reason":"amount_mismatch")"), std::string::npos);
  EXPECT_EQ(order(waiting).status, OrderStatus::pending);
  EXPECT_EQ(order(waiting).version, 1);
  capture(waiting, "pay3");
  EXPECT_EQ(order(waiting).status, OrderStatus::confirmed);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, ACaptureThatWasRefusedStaysRefusedWhateverBecomesOfTheGroup) {
  const auto wanted = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(wanted).has_value());
  capture(wanted, "pay1", 300);
  const auto before = told();
  EXPECT_EQ(before.back(), "order_group.capture_refused");
  capture(wanted, "pay1", 500);  // as if it were right now
  EXPECT_EQ(told(), before) << "it was given back";
  EXPECT_EQ(order(wanted).status, OrderStatus::pending);
  capture(wanted, "pay2");
  EXPECT_EQ(order(wanted).status, OrderStatus::confirmed);
}

TEST_P(OrderStoreTest, EveryCaptureOfALostGroupIsGivenBackUnderAVersionOfItsOwn) {
  static constexpr sql::Sql kVersions{
      "SELECT CAST(sum(version * 10 + 1) AS BIGINT) FROM outbox WHERE type = 'order_group.capture_refused'"};
  const auto never_placed = command("u1", "o1", 1, 500);
  capture(never_placed, "pay1");
  EXPECT_NE(last_event().find(R"("reason":"unknown")"), std::string::npos);
  EXPECT_EQ(last_event().find("user_id"), std::string::npos);
  capture(never_placed, "pay2");
  EXPECT_EQ(number(kVersions), 11 + 21) << "versions 1 and 2";
  capture(never_placed, "pay1");
  EXPECT_EQ(number(kVersions), 11 + 21) << "and told once";
}

TEST_P(OrderStoreTest, CaptureAgainstCancellationAndExpiryHasOneWinnerAndLosesNoMoney) {
  for (int round = 0; round < 30; ++round) {
    const auto wanted = command("u1", "o1", 1, 500);
    ASSERT_TRUE(place(wanted).has_value());
    std::barrier start(3);
    std::thread payer([&] {
      start.arrive_and_wait();
      capture(wanted, ("pay" + std::to_string(round)).c_str());
    });
    std::thread expirer([&] {
      start.arrive_and_wait();
      expire({wanted.order.group_id, kNow + std::chrono::hours(1)});
    });
    std::thread canceler([&] {
      start.arrive_and_wait();
      static_cast<void>(cancel({.order_id = wanted.order.order_id, .buyer = UserId("u1"), .now = kNow}));
    });
    payer.join();
    expirer.join();
    canceler.join();
    // A buyer may cancel what was paid just before: then nothing is refused, and the refund is of the cancellation.
    const auto ended = order(wanted);
    const bool paid = ended.payment_status == PaymentStatus::captured;
    const bool refused = told().back() == "order_group.capture_refused";
    EXPECT_NE(paid, refused) << "round " << round;
    EXPECT_TRUE(paid || ended.status == OrderStatus::canceled);
    EXPECT_EQ(reserved(), ended.status == OrderStatus::canceled ? 0 : 1);
    if (ended.status != OrderStatus::canceled) {
      ASSERT_TRUE(
          cancel({.order_id = wanted.order.order_id, .reason = CancelReason::support, .now = kNow}).has_value());
    }
  }
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, WhoWasErasedWhileWaitingIsRefused) {
  const auto before = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(before).has_value());
  erase("u1");
  const auto count = events();
  const auto placed = place(command("u1", "o1", 1, 500));
  const auto canceled = cancel({.order_id = before.order.order_id, .buyer = UserId("u1"), .now = kNow});
  ASSERT_FALSE(placed.has_value());
  ASSERT_FALSE(canceled.has_value());
  EXPECT_EQ(placed.error().code, "invalid_token");
  EXPECT_EQ(canceled.error().code, "invalid_token");
  EXPECT_EQ(events(), count);
  EXPECT_TRUE(place(command("u2", "o1", 1, 500)).has_value());
  EXPECT_TRUE(cancel({.order_id = before.order.order_id, .reason = CancelReason::support, .now = kNow}).has_value());
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, ErasureForgetsStoredAnswersAndKeepsOrders) {
  auto wanted = command("u1", "o1", 1, 500);
  wanted.key = sql::idempotency_key("u1", "createOrder", {}, "k", "body");
  ASSERT_TRUE(place(wanted).has_value());
  static constexpr sql::Sql kKeys{"SELECT count(*) FROM idempotency_keys"};
  EXPECT_EQ(number(kKeys), 1);
  erase("u1");
  EXPECT_EQ(number(kKeys), 0);
  EXPECT_EQ(orders(), 1);
}

TEST_P(OrderStoreTest, AnOfferKeepsItsCurrencyAndIsSoldWithItsTaxAlone) {
  auto state = offer("o1", "s1", 500, 10);
  state.currency = "JPY";
  const auto applied =
      database_->write_blocking({}, [&](sql::Tx& tx) { return apply(tx, state, {"test", 9, true}, kNow); });
  ASSERT_FALSE(applied.has_value());
  EXPECT_EQ(applied.error().code, "currency_changed");
  state.currency = "USD";
  state.tax_included = false;
  ASSERT_TRUE(database_->write_blocking({}, [&](sql::Tx& tx) { return apply(tx, state, {"test", 10, true}, kNow); })
                  .has_value());
  const auto placed = place(command("u1", "o1", 1, 500));
  ASSERT_FALSE(placed.has_value());
  EXPECT_EQ(placed.error().code, "offer_unavailable");
}

TEST_P(OrderStoreTest, NobodyBuysFromASellerForWhomTheyMayAct) {
  const auto members = [&](std::vector<SellerState::Member> of_s1, std::int64_t version) {
    const SellerState seller{SellerId("s1"), "open", "Seller", std::move(of_s1)};
    database_->write_blocking({}, [&](sql::Tx& tx) { apply(tx, seller, {"test", version, true}); });
  };
  members({{UserId("u1"), "owner"}, {UserId("u2"), "staff"}}, 2);
  for (const auto* user : {"u1", "u2"}) {
    const auto placed = place(command(user, "o1", 1, 500));
    ASSERT_FALSE(placed.has_value());
    EXPECT_EQ(placed.error().errc, Errc::forbidden);
    EXPECT_EQ(placed.error().code, "own_seller");
  }
  EXPECT_EQ(orders(), 0);
  EXPECT_TRUE(place(command("u3", "o1", 1, 500)).has_value());
  members({{UserId("u2"), "staff"}}, 3);
  EXPECT_TRUE(place(command("u1", "o1", 1, 500)).has_value()) << "no longer a member";
}

TEST_P(OrderStoreTest, WhatSupportCancelsStandsInALogThatNobodyCanChange) {
  static constexpr sql::Sql kLogged{
      "SELECT count(*) FROM audit_log WHERE actor_id = 'support1' AND action = 'order.cancel'"};
  const auto wanted = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(wanted).has_value());
  const CancelCommand by_support{
      .order_id = wanted.order.order_id, .support = UserId("support1"), .reason = CancelReason::support, .now = kNow};
  ASSERT_TRUE(cancel(by_support).has_value());
  EXPECT_EQ(number(kLogged), 1);
  EXPECT_FALSE(cancel(by_support).has_value());
  EXPECT_EQ(number(kLogged), 1) << "a refusal did nothing";
  for (const auto* change : {"DELETE FROM audit_log", "UPDATE audit_log SET actor_id = 'nobody'"}) {
    EXPECT_THROW(database_->write_blocking({}, [&](sql::Tx& tx) { tx.execute(sql::Sql{change}); }), sql::DatabaseError);
  }
  EXPECT_EQ(number(kLogged), 1);
}

TEST_P(OrderStoreTest, OfFiftyBuyersOfTheLastUnitOneWins) {
  ASSERT_TRUE(place(command("u0", "o1", 9, 500)).has_value());
  std::atomic<int> winners{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> buyers;
  std::barrier start(50);
  sql::Span<PlaceCommand, Result<Answered>> span(
      *database_, "place",
      [](sql::Tx& tx, std::span<const PlaceCommand> commands) { return handle_place(tx, commands, render); });
  for (int i = 0; i < 50; ++i) {
    buyers.emplace_back([&, i] {
      start.arrive_and_wait();
      const auto answer = span.blocking({}, command("u" + std::to_string(i), "o1", 1, 500));
      ++(answer.has_value() ? winners : refused);
    });
  }
  for (auto& buyer : buyers) buyer.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(refused, 49);
  expect_stock_adds_up();
}

TEST_P(OrderStoreTest, AnOlderVersionOfALogNeverOverwritesANewerOne) {
  const auto price_of_o1 = [&] {
    static constexpr sql::Sql kPrice{"SELECT price FROM offers WHERE offer_id = 'o1'"};
    return number(kPrice);
  };
  const auto put = [&](std::int64_t price, const SourceVersion& source) {
    database_->write_blocking(
        {}, [&](sql::Tx& tx) { ASSERT_TRUE(apply(tx, offer("o1", "s1", price, 99), source, kNow).has_value()); });
  };
  put(900, {"test", 3});
  put(800, {"test", 2});
  EXPECT_EQ(price_of_o1(), 900);
  // Read at every start, a file does not take back what was told since.
  put(600, {"other-log", 9});
  EXPECT_EQ(price_of_o1(), 900);
  // A consumer's inbox knows which is newer, also when a log begins anew.
  put(600, {"other-log", 1, true});
  EXPECT_EQ(price_of_o1(), 600);
  put(500, {"other-log", 1, true});
  EXPECT_EQ(price_of_o1(), 500);
  // The initial quantity was applied once, with the first of all.
  static constexpr sql::Sql kOnHand{"SELECT on_hand FROM stock WHERE offer_id = 'o1'"};
  EXPECT_EQ(number(kOnHand), 10);
}

class OrderMigrations : public ::testing::TestWithParam<sql::Engine> {};

TEST_P(OrderMigrations, OrdersOfBeforeTheyWereClusteredAreStillThere) {
  testing::TemporaryDatabase database(GetParam());
  database->migrate(migrations().first(2));
  database->write_blocking({}, [](sql::Tx& tx) {
    tx.run_script(
        "INSERT INTO orders (order_id, number, group_id, user_id, seller_id, currency, status, payment_status, "
        "fulfillment_status, subtotal, discount_total, shipping_total, tax_total, total, version, placed_at, "
        "updated_at) "
        "VALUES ('old', '4T8QX0WZ1M', 'g', 'u1', 's1', 'USD', 'pending', 'not_paid', 'not_fulfilled', 5, 0, 0, 0, 5, "
        "3, "
        "7, 7);"
        "INSERT INTO order_lines (order_id, position, line_id, offer_id, product_id, variant_id, sku, title, quantity, "
        "canceled_quantity, unit_price, subtotal, discount_total, shipping_total, tax_total, total, requires_shipping) "
        "VALUES ('old', 1, 'l', 'o1', 'p1', 'v1', 'S', 'T', 1, 0, 5, 5, 0, 0, 0, 5, 1);");
  });
  database->migrate(migrations());
  const auto found = database->read_blocking({}, [](sql::Tx& tx) { return find_order(tx, OrderId("old")); });
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->number, "4T8QX0WZ1M");
  EXPECT_EQ(found->version, 3);
  EXPECT_EQ(found->placed_at, Timestamp(std::chrono::microseconds(7)));
  EXPECT_EQ(found->lines.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Engines, OrderMigrations, testing::kEngines, testing::engine_name);

INSTANTIATE_TEST_SUITE_P(Engines, OrderStoreTest, testing::kEngines, testing::engine_name);

TEST(OrderSchema, EveryComparedTextColumnIsCollatedBytewiseOnPostgresql) {
  testing::TemporaryDatabase database(sql::Engine::postgresql);
  database->migrate(migrations());
  const auto wrong = database->read_blocking({}, [](sql::Tx& tx) {
    static constexpr sql::Sql kWrong{
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'schema_migrations'"};
    std::vector<std::string> columns;
    auto rows = tx.query(kWrong);
    while (rows.next()) columns.emplace_back(rows.text(0));
    return columns;
  });
  EXPECT_TRUE(wrong.empty()) << wrong.front();
}

}  // namespace
}  // namespace agora::order
