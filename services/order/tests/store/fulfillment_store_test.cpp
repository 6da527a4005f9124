// How paid orders come to their buyers, on both engines: one transaction for fulfilment, order, group, stock with its
// movements, and events; what happens at once; what time alone does.

#include "services/order/store/fulfillment_store.hpp"

#include <atomic>
#include <barrier>
#include <thread>

#include "libs/testing/run.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

using Types = std::vector<std::string>;

std::string render_fulfillment(const Order& order, const Fulfillment& fulfillment) {
  return order.order_id.str() + " " + fulfillment.fulfillment_id.str() + " " +
         std::string(to_string(fulfillment.state));
}
constexpr FulfillmentStore::Renderers kRenderers{render_fulfillment, render};

std::string render_group(const GroupWithOrders& whole) {
  return whole.group.number;
}

class FulfillmentStoreTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    members_of("s1", {"m1"});
    members_of("s2", {"m2"});
  }

  /// Three of o1, paid.
  PlaceCommand paid(std::int64_t quantity = 3) {
    const auto placed = command("u1", "o1", quantity, 500);
    EXPECT_TRUE(place(placed).has_value());
    capture(placed, ("pay-" + placed.order.order_id.str()).c_str(), 500 * quantity);
    return placed;
  }
  /// Two of o1 and one of o4, of two sellers, paid at once.
  GroupWithOrders paid_of_two() {
    database_->write_blocking({}, [](sql::Tx& tx) {
      apply(tx, SellerState{SellerId("s3"), "open", "Third", {{UserId("m1"), "owner"}}}, {"test", 3, true});
      ASSERT_TRUE(apply(tx, offer("o4", "s3", 300, 100), kSource, kNow).has_value());
    });
    CheckOutCommand command;
    command.checkout = {
        .group_id = new_id<OrderGroupTag>(kNow),
        .order_ids = {OrderId(new_uuid_v7(kNow)), OrderId(new_uuid_v7(kNow))},
        .user_id = UserId("u1"),
        .lines = {{.offer_id = OfferId("o1"), .quantity = 2, .price = Decimal{5, 0}, .line_id = new_id<LineTag>(kNow)},
                  {.offer_id = OfferId("o4"), .quantity = 1, .price = Decimal{3, 0}, .line_id = new_id<LineTag>(kNow)}},
        .now = kNow,
        .payment_window = std::chrono::minutes(15)};
    AddressEdit address{};
    address[0] = {true, "Arthur"};
    address[1] = {true, "Lane 1"};
    address[3] = {true, "Cottington"};
    address[6] = {true, "GB"};
    command.contact = {.shipping_address = {true, address}};
    std::sort(command.checkout.order_ids.begin(), command.checkout.order_ids.end());
    database_->write_blocking({}, [&](sql::Tx& tx) {
      EXPECT_TRUE(handle_check_out(tx, std::span(&command, 1), render_group).front().has_value());
      apply_capture(tx, {PaymentId("pay"), command.checkout.group_id, 1'300, *Currency::from_code("USD")}, kNow, {});
    });
    return group(command.checkout.group_id);
  }
  GroupWithOrders group(const OrderGroupId& group_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_group(tx, group_id).value(); });
  }
  Order order_of(const OrderId& order_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_order(tx, order_id).value(); });
  }

  static CreateFulfillment packing(const Order& of, std::int64_t quantity, const char* user = "m1") {
    return {.order_id = of.order_id,
            .fulfillment_id = new_id<FulfillmentTag>(kNow),
            .lines = {{of.lines[0].line_id, quantity, "/items/0"}},
            .caller = {UserId(user)},
            .now = kNow};
  }
  Result<Answered> create(const CreateFulfillment& command) {
    return database_->write_blocking({},
                                     [&](sql::Tx& tx) { return handle_create_fulfillment(tx, command, kRenderers); });
  }
  FulfillmentId pack(const Order& of, std::int64_t quantity) {
    const auto command = packing(of, quantity);
    EXPECT_TRUE(create(command).has_value());
    return command.fulfillment_id;
  }
  Result<std::string> update(const FulfillmentId& id, FulfillmentEdit edit, const Caller& caller = {UserId("m1")}) {
    const UpdateFulfillment command{.fulfillment_id = id, .edit = std::move(edit), .caller = caller, .now = kNow};
    return database_->write_blocking({},
                                     [&](sql::Tx& tx) { return handle_update_fulfillment(tx, command, kRenderers); });
  }
  Result<std::string> move(const FulfillmentId& id, FulfillmentState state) { return update(id, {.state = state}); }
  Result<Answered> confirm(const OrderId& order_id, const Caller& caller = {UserId("u1")}) {
    const ConfirmDelivery command{.order_id = order_id, .caller = caller, .now = kNow};
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_confirm_delivery(tx, command, kRenderers); });
  }
  int advance(Due due, const OrderGroupId& group_id, Timestamp before) {
    const Advance command{due, group_id, before, before + std::chrono::hours(1)};
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_advance(tx, command); });
  }

  /// Orders or fulfilments that the job is given.
  std::vector<std::string> due(Due due, Timestamp before) {
    FulfillmentStore store(*database_, kRenderers);
    const auto groups = testing::run(store.due_groups({}, due, before, std::nullopt, 100));
    std::vector<std::string> ids;
    for (const auto& group : groups) ids.push_back(group.id);
    return ids;
  }
  /// Of the one event of its type.
  std::string data_of(const char* type) {
    return database_->read_blocking({}, [&](sql::Tx& tx) {
      auto rows = tx.query("SELECT data FROM outbox WHERE type = $1", {type});
      EXPECT_TRUE(rows.next());
      return std::string(rows.text(0));
    });
  }
  std::int64_t on_hand() {
    static constexpr sql::Sql kOnHand{"SELECT on_hand FROM stock WHERE offer_id = 'o1'"};
    return number(kOnHand);
  }
  /// Each subject's versions are 1, 2, 3… and the newest is its row's.
  void expect_every_version_is_told() {
    static constexpr sql::Sql kUntold{
        "SELECT (SELECT count(*) FROM order_groups g WHERE g.version <> (SELECT max(version) FROM outbox WHERE subject "
        "= g.group_id) OR g.version <> (SELECT count(*) FROM outbox WHERE subject = g.group_id)) + (SELECT count(*) "
        "FROM orders o WHERE o.version <> (SELECT max(version) FROM outbox WHERE subject = o.order_id) OR o.version "
        "<> (SELECT count(*) FROM outbox WHERE subject = o.order_id))"};
    EXPECT_EQ(number(kUntold), 0);
  }
  void TearDown() override {
    expect_stock_adds_up();
    expect_every_version_is_told();
    OrderStoreTest::TearDown();
  }
};

TEST_P(FulfillmentStoreTest, PackingShippingAndDeliveringAreKept) {
  const auto placed = paid();
  const auto id = pack(order(placed), 2);
  auto found = order(placed);
  EXPECT_EQ(found.fulfillment_status, FulfillmentStatus::partially_fulfilled);
  ASSERT_EQ(found.fulfillments.size(), 1U);
  EXPECT_EQ(found.fulfillments[0].fulfillment_id, id);
  EXPECT_EQ(found.fulfillments[0].lines[0].quantity, 2);
  EXPECT_EQ(on_hand(), 10);
  EXPECT_EQ(reserved(), 3);

  const TrackingEdit tracking{.carrier = {true, "DHL"}, .number = {true, "1"}, .url = {true, "https://example.com/1"}};
  ASSERT_TRUE(update(id, {.tracking = {true, tracking}, .state = FulfillmentState::shipped}).has_value());
  EXPECT_EQ(on_hand(), 8) << "both fall together";
  EXPECT_EQ(reserved(), 1);
  static constexpr sql::Sql kShipped{
      "SELECT CAST(sum(delta) AS BIGINT) FROM stock_movements WHERE kind = 'shipped' AND offer_id = 'o1'"};
  EXPECT_EQ(number(kShipped), -2);
  found = order(placed);
  EXPECT_EQ(found.fulfillment_status, FulfillmentStatus::partially_shipped);
  EXPECT_EQ(found.fulfillments[0].tracking, (Tracking{"DHL", "1", "https://example.com/1"}));
  EXPECT_EQ(found.fulfillments[0].shipped_at, kNow);

  ASSERT_TRUE(move(id, FulfillmentState::delivered).has_value());
  const auto rest = pack(found, 1);
  ASSERT_TRUE(move(rest, FulfillmentState::shipped).has_value());
  ASSERT_TRUE(move(rest, FulfillmentState::delivered).has_value());
  found = order(placed);
  EXPECT_EQ(found.fulfillment_status, FulfillmentStatus::delivered);
  EXPECT_EQ(found.delivered_at, kNow);
  EXPECT_EQ(found.status, OrderStatus::confirmed);
  EXPECT_EQ(on_hand(), 7);
  EXPECT_EQ(group(placed.order.group_id).group.fulfillment_status, FulfillmentStatus::delivered);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.paid", "order_group.paid",
                           "order.fulfillment_created", "order_group.updated", "order.shipped", "order_group.updated",
                           "order.delivered", "order_group.updated", "order.fulfillment_created", "order.shipped",
                           "order.delivered", "order_group.updated"}));
}

TEST_P(FulfillmentStoreTest, IsForMembersOfItsSellerAndSupport) {
  const auto placed = paid();
  const auto whole = order(placed);
  const auto id = pack(whole, 1);
  const auto events_before = events();
  for (const auto* stranger : {"m2", "u1", "nobody"}) {
    EXPECT_EQ(create(packing(whole, 1, stranger)).error().code, "not_found") << stranger;
    EXPECT_EQ(update(id, {.state = FulfillmentState::shipped}, {UserId(stranger)}).error().code, "not_found");
  }
  auto of_none = packing(whole, 1);
  of_none.order_id = OrderId("none");
  EXPECT_EQ(create(of_none).error().code, "not_found");
  EXPECT_EQ(move(FulfillmentId("none"), FulfillmentState::shipped).error().code, "not_found");
  for (const auto* stranger : {"m1", "u2"})
    EXPECT_EQ(confirm(whole.order_id, {UserId(stranger)}).error().code, "not_found");
  EXPECT_EQ(events(), events_before);
  static constexpr sql::Sql kLogged{"SELECT count(*) FROM audit_log"};
  EXPECT_EQ(number(kLogged), 0);

  const Caller support{UserId("support1"), true};
  auto by_support = packing(whole, 1);
  by_support.caller = support;
  EXPECT_TRUE(create(by_support).has_value());
  EXPECT_TRUE(update(id, {.state = FulfillmentState::shipped}, support).has_value());
  EXPECT_TRUE(update(id, {.state = FulfillmentState::shipped}, support).has_value()) << "nothing new, nothing logged";
  EXPECT_TRUE(confirm(whole.order_id, support).has_value());
  EXPECT_EQ(number(kLogged), 3);
}

TEST_P(FulfillmentStoreTest, WhoeverWasErasedFulfillsNothing) {
  const auto placed = paid();
  const auto whole = order(placed);
  const auto id = pack(whole, 1);
  erase("m1");
  EXPECT_EQ(create(packing(whole, 1)).error().code, "invalid_token");
  EXPECT_EQ(move(id, FulfillmentState::shipped).error().code, "invalid_token");
  erase("u1");
  EXPECT_EQ(confirm(whole.order_id).error().code, "invalid_token");
  static constexpr sql::Sql kKeys{"SELECT count(*) FROM idempotency_keys"};
  EXPECT_EQ(number(kKeys), 0);
}

TEST_P(FulfillmentStoreTest, TrackingIsToldWhenItBecomesKnown) {
  const auto placed = paid();
  const auto id = pack(order(placed), 3);
  const TrackingEdit tracking{.carrier = {true, "DHL"}, .number = {true, "1"}};
  ASSERT_TRUE(update(id, {.tracking = {true, tracking}}).has_value());
  EXPECT_EQ(told().back(), "order.fulfillment_updated");
  EXPECT_EQ(order(placed).fulfillments[0].tracking, (Tracking{"DHL", "1", std::nullopt}));
  const auto version = order(placed).version;
  ASSERT_TRUE(update(id, {.tracking = {true, tracking}}).has_value());
  EXPECT_EQ(order(placed).version, version) << "nothing new";
  ASSERT_TRUE(update(id, {.tracking = {.given = true}}).has_value());
  EXPECT_FALSE(order(placed).fulfillments[0].tracking.has_value());
}

TEST_P(FulfillmentStoreTest, OnlyWhatIsPaidIsPacked) {
  const auto unpaid = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(unpaid).has_value());
  EXPECT_EQ(create(packing(order(unpaid), 1)).error().code, "not_fulfillable");
  ASSERT_TRUE(cancel({.order_id = unpaid.order.order_id, .buyer = UserId("u1"), .now = kNow}).has_value());
  EXPECT_EQ(create(packing(order(unpaid), 1)).error().code, "not_fulfillable");
}

TEST_P(FulfillmentStoreTest, AKeyRepeatsTheAnswerAndNothingElse) {
  const auto placed = paid();
  auto first = packing(order(placed), 2);
  first.key = sql::idempotency_key("m1", "createFulfillment", {first.order_id.str()}, "k", "body");
  const auto made = create(first);
  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->answer.status, 201);
  EXPECT_EQ(made->answer.location, "/api/v1/fulfillments/" + first.fulfillment_id.str());
  auto again = packing(order(placed), 2);
  again.key = first.key;
  const auto repeated = create(again);
  ASSERT_TRUE(repeated.has_value());
  EXPECT_TRUE(repeated->replayed);
  EXPECT_EQ(repeated->answer.body, made->answer.body);
  again.key = sql::idempotency_key("m1", "createFulfillment", {first.order_id.str()}, "k", "another body");
  EXPECT_EQ(create(again).error().code, "idempotency_key_reused");
  EXPECT_EQ(order(placed).fulfillments.size(), 1U);
  again.key = sql::idempotency_key("m1", "createFulfillment", {first.order_id.str()}, "k2", "body");
  EXPECT_EQ(create(again).error().code, "too_many_units");
  static constexpr sql::Sql kKeys{"SELECT count(*) FROM idempotency_keys"};
  EXPECT_EQ(number(kKeys), 1) << "a refusal is not kept";
}

TEST_P(FulfillmentStoreTest, ABuyerConfirmsAllThatIsOnItsWay) {
  const auto placed = paid();
  const auto whole = order(placed);
  EXPECT_EQ(confirm(whole.order_id).error().code, "nothing_to_confirm");
  const auto one = pack(whole, 1);
  const auto other = pack(whole, 1);
  const auto last = pack(whole, 1);
  EXPECT_EQ(confirm(whole.order_id).error().code, "nothing_to_confirm");
  ASSERT_TRUE(move(one, FulfillmentState::shipped).has_value());
  ASSERT_TRUE(move(other, FulfillmentState::shipped).has_value());
  ASSERT_TRUE(confirm(whole.order_id).has_value());
  EXPECT_EQ(order(placed).fulfillment_status, FulfillmentStatus::partially_delivered);
  EXPECT_EQ(order(placed).status, OrderStatus::confirmed);
  ASSERT_TRUE(move(last, FulfillmentState::shipped).has_value());
  const auto version = order(placed).version;
  ASSERT_TRUE(confirm(whole.order_id).has_value());
  EXPECT_EQ(order(placed).status, OrderStatus::completed);
  EXPECT_EQ(order(placed).completed_at, kNow);
  EXPECT_EQ(order(placed).version, version + 2) << "one delivered, and then completed";
  EXPECT_EQ(group(placed.order.group_id).group.status, OrderStatus::completed);
  EXPECT_EQ(confirm(whole.order_id).error().code, "nothing_to_confirm");
  EXPECT_EQ(reserved(), 0);
}

TEST_P(FulfillmentStoreTest, ACompletedOrderHasNothingPackedAndTellsItsMoney) {
  const auto placed = paid();
  const auto whole = order(placed);
  const auto sent = pack(whole, 1);
  const auto left = pack(whole, 2);
  ASSERT_TRUE(move(sent, FulfillmentState::shipped).has_value());
  ASSERT_TRUE(refund(refund_of(placed, "r1", 500, 1, true)).has_value());
  const CancelCommand rest{
      .order_id = whole.order_id, .support = UserId("support1"), .reason = CancelReason::support, .now = kNow};
  ASSERT_TRUE(cancel(rest).has_value());
  ASSERT_TRUE(confirm(whole.order_id).has_value());
  const auto completed = order(placed);
  EXPECT_EQ(completed.status, OrderStatus::completed);
  EXPECT_EQ(completed.lines[0].fulfilled_quantity, 1);
  static constexpr sql::Sql kPacked{"SELECT count(*) FROM fulfillments WHERE status = 'packed'"};
  EXPECT_EQ(number(kPacked), 0);
  const auto version = completed.version;
  EXPECT_EQ(move(left, FulfillmentState::shipped).error().code, "illegal_transition");
  EXPECT_EQ(order(placed).version, version);
  const auto told_last = data_of("order.completed");
  for (const auto* amount :
       {R"("total":1500)", R"("canceled_total":1000)", R"("captured_total":1500)", R"("refunded_total":500)"}) {
    EXPECT_NE(told_last.find(amount), std::string::npos) << amount << " in " << told_last;
  }
}

TEST_P(FulfillmentStoreTest, ABuyerCancelsUntilItIsPackedAndSupportUntilItIsShipped) {
  const CancelCommand by_buyer{.order_id{}, .buyer = UserId("u1"), .now = kNow};
  const CancelCommand by_support{
      .order_id{}, .support = UserId("support1"), .reason = CancelReason::support, .now = kNow};
  const auto cancels = [&](const PlaceCommand& placed, CancelCommand command) {
    command.order_id = placed.order.order_id;
    const auto result = cancel(command);
    return result ? "yes" : result.error().code;
  };
  const auto packed = paid();
  const auto unpacked = pack(order(packed), 2);
  EXPECT_EQ(cancels(packed, by_buyer), "not_cancelable");
  EXPECT_EQ(cancels(packed, by_support), "yes");
  EXPECT_EQ(order(packed).lines[0].fulfilled_quantity, 0);
  EXPECT_EQ(move(unpacked, FulfillmentState::shipped).error().code, "illegal_transition") << "it was canceled with it";
  EXPECT_EQ(reserved(), 0);

  const auto given_up = paid();
  ASSERT_TRUE(move(pack(order(given_up), 2), FulfillmentState::canceled).has_value());
  EXPECT_EQ(cancels(given_up, by_buyer), "yes");

  const auto shipped = paid();
  ASSERT_TRUE(move(pack(order(shipped), 1), FulfillmentState::shipped).has_value());
  EXPECT_EQ(cancels(shipped, by_buyer), "not_cancelable");
  EXPECT_EQ(cancels(shipped, by_support), "yes") << "what is not shipped";
  EXPECT_EQ(order(shipped).status, OrderStatus::confirmed);
  EXPECT_EQ(order(shipped).fulfillment_status, FulfillmentStatus::shipped);
  EXPECT_EQ(cancels(shipped, by_support), "not_cancelable") << "nothing is left";
}

TEST_P(FulfillmentStoreTest, TheLongestHandlingIsFrozenWhenItIsPlaced) {
  const auto handled_in = [&](std::int64_t days) {
    database_->write_blocking({}, [&](sql::Tx& tx) {
      auto changed = offer("o1", "s1", 500, 10);
      changed.handling_days = days;
      ASSERT_TRUE(apply(tx, changed, {"test", 2 + days, true}, kNow).has_value());
    });
  };
  handled_in(3);
  const auto placed = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(placed).has_value());
  handled_in(9);
  EXPECT_FALSE(order(placed).ship_by.has_value());
  capture(placed, "pay");
  EXPECT_EQ(order(placed).ship_by, kNow + std::chrono::hours(72));
}

TEST_P(FulfillmentStoreTest, WhatIsNotShippedInTimeEnds) {
  const auto late = paid();
  const auto id = pack(order(late), 1);
  const auto ship_by = *order(late).ship_by;
  EXPECT_EQ(advance(Due::cancellation, late.order.group_id, ship_by - std::chrono::seconds(1)), 0);
  EXPECT_EQ(advance(Due::cancellation, late.order.group_id, ship_by), 1);
  EXPECT_EQ(order(late).status, OrderStatus::canceled);
  EXPECT_EQ(order(late).cancel_reason, CancelReason::not_shipped);
  EXPECT_EQ(order(late).payment_status, PaymentStatus::captured) << "until its refund";
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(advance(Due::cancellation, late.order.group_id, ship_by), 0);
  const auto on_its_way = paid();
  ASSERT_TRUE(move(pack(order(on_its_way), 3), FulfillmentState::shipped).has_value());
  EXPECT_EQ(advance(Due::cancellation, on_its_way.order.group_id, ship_by + std::chrono::hours(999)), 0);
  const auto unpaid = command("u1", "o1", 1, 500);
  ASSERT_TRUE(place(unpaid).has_value());
  EXPECT_EQ(advance(Due::cancellation, unpaid.order.group_id, ship_by + std::chrono::hours(999)), 0);
}

TEST_P(FulfillmentStoreTest, TheRestThatIsNotShippedInTimeIsCanceledAndTheOrderGoesOn) {
  const auto late = paid();
  const auto sent = pack(order(late), 1);
  const auto left = pack(order(late), 1);
  ASSERT_TRUE(move(sent, FulfillmentState::shipped).has_value());
  const auto ship_by = *order(late).ship_by;
  const auto group_id = late.order.group_id;
  EXPECT_TRUE(due(Due::cancellation, ship_by - std::chrono::seconds(1)).empty());
  EXPECT_EQ(due(Due::cancellation, ship_by), (std::vector{late.order.order_id.str()}));
  EXPECT_EQ(advance(Due::cancellation, group_id, ship_by), 1);
  const auto found = order(late);
  EXPECT_EQ(found.status, OrderStatus::confirmed);
  EXPECT_EQ(found.fulfillment_status, FulfillmentStatus::shipped);
  EXPECT_EQ(found.lines[0].canceled_quantity, 2);
  EXPECT_EQ(found.canceled_total(), 1'000);
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(on_hand(), 9);
  const auto event = data_of("order.lines_canceled");
  for (const auto* told : {R"("reason":"not_shipped")", R"("quantity":2)", R"("refund_amount":1000)"}) {
    EXPECT_NE(event.find(told), std::string::npos) << told << " in " << event;
  }
  EXPECT_EQ(group(group_id).group.fulfillment_status, FulfillmentStatus::shipped);
  static constexpr sql::Sql kPacked{"SELECT count(*) FROM fulfillments WHERE status = 'packed'"};
  EXPECT_EQ(number(kPacked), 0);
  EXPECT_EQ(move(left, FulfillmentState::shipped).error().code, "illegal_transition");
  EXPECT_TRUE(due(Due::cancellation, ship_by).empty());
  EXPECT_EQ(advance(Due::cancellation, group_id, ship_by), 0);
  ASSERT_TRUE(confirm(found.order_id).has_value());
  EXPECT_EQ(order(late).status, OrderStatus::completed);
}

TEST_P(FulfillmentStoreTest, WhatIsPartlyDeliveredAndWhollySentIsNotDue) {
  const auto placed = paid();
  const auto one = pack(order(placed), 1);
  const auto rest = pack(order(placed), 2);
  for (const auto& id : {one, rest}) ASSERT_TRUE(move(id, FulfillmentState::shipped).has_value());
  ASSERT_TRUE(move(one, FulfillmentState::delivered).has_value());
  EXPECT_EQ(order(placed).fulfillment_status, FulfillmentStatus::partially_delivered);
  EXPECT_TRUE(due(Due::cancellation, *order(placed).ship_by).empty());
}

TEST_P(FulfillmentStoreTest, TimeDeliversAndCompletesWhatNobodySpeaksOf) {
  const auto placed = paid();
  const auto group_id = placed.order.group_id;
  const auto one = pack(order(placed), 1);
  const auto other = pack(order(placed), 2);
  ASSERT_TRUE(move(one, FulfillmentState::shipped).has_value());
  EXPECT_EQ(advance(Due::delivery, group_id, kNow - std::chrono::seconds(1)), 0);
  ASSERT_TRUE(move(other, FulfillmentState::shipped).has_value());
  EXPECT_EQ(advance(Due::completion, group_id, kNow + std::chrono::hours(999)), 0);
  EXPECT_EQ(advance(Due::delivery, group_id, kNow), 2);
  EXPECT_EQ(advance(Due::delivery, group_id, kNow), 0);
  EXPECT_EQ(order(placed).fulfillment_status, FulfillmentStatus::delivered);
  const auto delivered_at = *order(placed).delivered_at;
  EXPECT_EQ(advance(Due::completion, group_id, delivered_at - std::chrono::seconds(1)), 0);
  EXPECT_EQ(advance(Due::completion, group_id, delivered_at), 1);
  EXPECT_EQ(advance(Due::completion, group_id, delivered_at), 0);
  EXPECT_EQ(order(placed).status, OrderStatus::completed);
  EXPECT_EQ(told().back(), "order_group.updated");
}

TEST_P(FulfillmentStoreTest, AGroupFollowsItsOrders) {
  const auto whole = paid_of_two();
  const auto& id = whole.group.group_id;
  std::vector<FulfillmentId> ids;
  for (const auto& one : whole.orders) ids.push_back(pack(one, one.lines[0].quantity));
  EXPECT_EQ(group(id).group.fulfillment_status, FulfillmentStatus::fulfilled);
  ASSERT_TRUE(move(ids[0], FulfillmentState::shipped).has_value());
  EXPECT_EQ(group(id).group.fulfillment_status, FulfillmentStatus::partially_shipped);
  ASSERT_TRUE(confirm(whole.orders[0].order_id).has_value());
  EXPECT_EQ(group(id).group.fulfillment_status, FulfillmentStatus::partially_delivered);
  EXPECT_EQ(group(id).group.status, OrderStatus::confirmed) << "the other is not completed";
  ASSERT_TRUE(move(ids[1], FulfillmentState::shipped).has_value());
  ASSERT_TRUE(confirm(whole.orders[1].order_id).has_value());
  EXPECT_EQ(group(id).group.fulfillment_status, FulfillmentStatus::delivered);
  EXPECT_EQ(group(id).group.status, OrderStatus::completed);
}

/// Each connection would find the other's order not yet delivered, and leave the group partially so for good.
TEST_P(FulfillmentStoreTest, TwoOrdersDeliveredAtOnceLeaveTheirGroupDelivered) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const auto whole = paid_of_two();
    std::vector<FulfillmentId> ids;
    for (const auto& one : whole.orders) {
      ids.push_back(pack(one, one.lines[0].quantity));
      ASSERT_TRUE(move(ids.back(), FulfillmentState::shipped).has_value());
    }
    std::barrier start(2);
    std::vector<std::thread> sellers;
    for (const auto& fulfillment_id : ids) {
      sellers.emplace_back([&] {
        start.arrive_and_wait();
        EXPECT_TRUE(move(fulfillment_id, FulfillmentState::delivered).has_value());
      });
    }
    for (auto& seller : sellers) seller.join();
    EXPECT_EQ(group(whole.group.group_id).group.fulfillment_status, FulfillmentStatus::delivered) << round;
    database_->write_blocking({}, [](sql::Tx& tx) {
      tx.execute("UPDATE stock SET on_hand = on_hand + 2 WHERE offer_id = 'o1'");
      tx.execute("INSERT INTO stock_movements (offer_id, kind, delta, made_at) VALUES ('o1', 'adjustment', 2, 0)");
    });
  }
}

TEST_P(FulfillmentStoreTest, OfPackingsAtOnceNoneTakesAnothersUnits) {
  constexpr int kSellers = 20;
  const auto placed = paid();
  const auto whole = order(placed);
  std::barrier start(kSellers);
  std::atomic<int> packed = 0;
  std::atomic<int> refused = 0;
  std::vector<std::thread> sellers;
  for (int i = 0; i < kSellers; ++i) {
    sellers.emplace_back([&] {
      start.arrive_and_wait();
      const auto result = create(packing(whole, 1));
      if (result) ++packed;
      if (!result && result.error().code == "too_many_units") ++refused;
    });
  }
  for (auto& seller : sellers) seller.join();
  EXPECT_EQ(packed, 3);
  EXPECT_EQ(refused, kSellers - 3);
  EXPECT_EQ(order(placed).fulfillment_status, FulfillmentStatus::fulfilled);
}

TEST_P(FulfillmentStoreTest, OfACancellationAndAShipmentAtOnceOneWins) {
  constexpr int kRounds = 10;
  int shipped = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto placed = paid(1);
    const auto id = pack(order(placed), 1);
    std::barrier start(2);
    bool ships = false;
    bool cancels = false;
    std::thread seller([&] {
      start.arrive_and_wait();
      ships = move(id, FulfillmentState::shipped).has_value();
    });
    start.arrive_and_wait();
    cancels = cancel({.order_id = placed.order.order_id,
                      .support = UserId("support1"),
                      .reason = CancelReason::support,
                      .now = kNow})
                  .has_value();
    seller.join();
    EXPECT_NE(ships, cancels) << round;
    EXPECT_EQ(order(placed).status == OrderStatus::canceled, cancels);
    shipped += ships ? 1 : 0;
    expect_stock_adds_up();
  }
  EXPECT_EQ(on_hand(), 10 - shipped);
}

INSTANTIATE_TEST_SUITE_P(Engines, FulfillmentStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
