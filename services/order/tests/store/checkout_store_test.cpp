// Checking out of several sellers, on both engines: one transaction for cart, group, orders, stock and events; what
// becomes of a group whose orders end one by one.

#include <barrier>
#include <thread>

#include "services/order/store/cart_store.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

const Address kAddress{.name = "Arthur", .line1 = "Lane 1", .city = "Cottington", .country = "GB"};

std::string render_group(const GroupWithOrders& whole) {
  std::string text = whole.group.group_id.str() + " " + whole.group.number;
  for (const auto& order : whole.orders) text += " " + order.order_id.str();
  return text;
}

std::string render_cart(const PricedCart& priced) {
  return priced.cart.cart_id.str() + " v" + std::to_string(priced.cart.version);
}
std::string render_carts(const std::vector<PricedCart>& carts) {
  std::string text;
  for (const auto& cart : carts) text += render_cart(cart) + ";";
  return text;
}
constexpr CartStore::Renderers kRenderers{render_cart, render_carts};

class CheckoutStoreTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    database_->write_blocking({}, [](sql::Tx& tx) {
      apply(tx, SellerState{SellerId("s3"), "open", "Third"}, kSource);
      ASSERT_TRUE(apply(tx, offer("o4", "s3", 300, 10), kSource, kNow).has_value());
    });
  }

  static ContactEdit contact() {
    AddressEdit address{};
    address[0] = {true, "Arthur"};
    address[1] = {true, "Lane 1"};
    address[3] = {true, "Cottington"};
    address[6] = {true, "GB"};
    return {.email = {true, "arthur@example.com"}, .shipping_address = {true, address}};
  }

  /// Two of o1 and one of o4: of two sellers, 13.00 together.
  static CheckOutCommand of_items(const char* user = "u1") {
    CheckOutCommand command;
    command.checkout = {
        .group_id = new_id<OrderGroupTag>(kNow),
        .order_ids = {OrderId(new_uuid_v7(kNow)), OrderId(new_uuid_v7(kNow))},
        .user_id = UserId(user),
        .lines = {{.offer_id = OfferId("o1"), .quantity = 2, .price = Decimal{5, 0}, .line_id = new_id<LineTag>(kNow)},
                  {.offer_id = OfferId("o4"), .quantity = 1, .price = Decimal{3, 0}, .line_id = new_id<LineTag>(kNow)}},
        .now = kNow,
        .payment_window = std::chrono::minutes(15)};
    std::sort(command.checkout.order_ids.begin(), command.checkout.order_ids.end());
    command.contact = contact();
    return command;
  }

  CartId new_cart(const char* user, const std::vector<const char*>& offers) {
    const CreateCart create{
        .cart_id = new_id<CartTag>(kNow), .user_id = UserId(user), .contact = contact(), .carts_max = 20, .now = kNow};
    database_->write_blocking(
        {}, [&](sql::Tx& tx) { ASSERT_TRUE(handle_create_cart(tx, create, kRenderers).has_value()); });
    for (const auto* offer_id : offers) {
      const ChangeCart add{
          .cart_id = create.cart_id,
          .user_id = UserId(user),
          .edit = AddLine{{.offer_id = OfferId(offer_id), .quantity = 1, .line_id = new_id<LineTag>(kNow)}},
          .now = kNow};
      database_->write_blocking({},
                                [&](sql::Tx& tx) { ASSERT_TRUE(handle_change_cart(tx, add, kRenderers).has_value()); });
    }
    return create.cart_id;
  }
  Cart cart(const CartId& cart_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_cart(tx, cart_id).value(); });
  }

  /// A cart as it is now, for what it costs.
  CheckOutCommand of_cart(const CartId& cart_id, std::int64_t cents, const char* user = "u1") {
    CheckOutCommand command;
    command.checkout = {.group_id = new_id<OrderGroupTag>(kNow),
                        .user_id = UserId(user),
                        .now = kNow,
                        .payment_window = std::chrono::minutes(15)};
    for (int i = 0; i < 4; ++i) command.checkout.order_ids.emplace_back(new_uuid_v7(kNow));
    command.checkout.seen = SeenTotal{Decimal{cents, 2}, std::nullopt};
    command.cart = CheckOutCommand::FromCart{cart_id, cart(cart_id).version};
    return command;
  }

  std::vector<Result<Answered>> check_out(const std::vector<CheckOutCommand>& commands) {
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_check_out(tx, commands, render_group); });
  }
  std::string code_of(const CheckOutCommand& command) {
    const auto results = check_out({command});
    return results.front() ? "yes" : results.front().error().code;
  }
  GroupWithOrders group(const CheckOutCommand& of) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_group(tx, of.checkout.group_id).value(); });
  }
  void pay(const CheckOutCommand& of, const char* payment_id, std::int64_t amount) {
    const Capture capture{PaymentId(payment_id), of.checkout.group_id, amount, *Currency::from_code("USD")};
    database_->write_blocking({}, [&](sql::Tx& tx) { apply_capture(tx, capture, kNow, {}); });
  }
  Result<Answered> cancel_order(const Order& order) {
    return cancel({.order_id = order.order_id, .buyer = order.user_id, .now = kNow});
  }
  /// Each subject's versions are 1, 2, 3… and the newest is its row's.
  void expect_every_version_is_told() {
    static constexpr sql::Sql kUntold{
        "SELECT count(*) FROM order_groups g WHERE g.version <> (SELECT max(version) FROM outbox WHERE topic = "
        "'agora.order_groups' AND subject = g.group_id) OR g.version <> (SELECT count(*) FROM outbox WHERE topic = "
        "'agora.order_groups' AND subject = g.group_id)"};
    EXPECT_EQ(number(kUntold), 0);
  }
};

using Types = std::vector<std::string>;

TEST_P(CheckoutStoreTest, WritesAGroupWithAnOrderForEachSeller) {
  const auto command = of_items();
  const auto results = check_out({command});
  ASSERT_TRUE(results.front().has_value()) << results.front().error().code;
  EXPECT_EQ(results.front()->answer.status, 201);
  EXPECT_EQ(results.front()->answer.location, "/api/v1/order-groups/" + command.checkout.group_id.str());
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.placed"}));
  const auto placed = group(command);
  EXPECT_EQ(render_group(placed), results.front()->answer.body) << "read in the order they were answered";
  EXPECT_EQ(placed.group.amounts.total, 1'300);
  EXPECT_EQ(placed.group.amount_due, 1'300);
  ASSERT_EQ(placed.orders.size(), 2U);
  EXPECT_EQ(placed.orders[0].seller_id.str(), "s1");
  EXPECT_EQ(placed.orders[1].seller_id.str(), "s3");
  EXPECT_EQ(placed.contact.email, "arthur@example.com");
  EXPECT_EQ(placed.contact.shipping_address, kAddress);
  EXPECT_EQ(reserved(), 3);
  expect_stock_adds_up();
  expect_every_version_is_told();
}

TEST_P(CheckoutStoreTest, ARefusalWritesNothing) {
  const auto before = events();
  auto without_address = of_items();
  without_address.contact = {};
  EXPECT_EQ(code_of(without_address), "validation_failed");
  auto dearer = of_items();
  dearer.checkout.lines[1].price = Decimal{2, 0};
  EXPECT_EQ(code_of(dearer), "price_changed");
  auto too_many = of_items();
  too_many.checkout.lines[0].quantity = 11;
  EXPECT_EQ(code_of(too_many), "out_of_stock");
  EXPECT_EQ(orders(), 0);
  EXPECT_EQ(reserved(), 0);
  EXPECT_EQ(events(), before);
  static constexpr sql::Sql kContacts{
      "SELECT (SELECT count(*) FROM addresses) + (SELECT count(*) FROM order_contacts)"};
  EXPECT_EQ(number(kContacts), 0);
}

TEST_P(CheckoutStoreTest, ACartIsClosedByItsGroupAndOnlyOnce) {
  const auto cart_id = new_cart("u1", {"o1", "o4"});
  const auto first = of_cart(cart_id, 800);
  const auto second = of_cart(cart_id, 800);
  const auto results = check_out({first, second});
  ASSERT_TRUE(results[0].has_value()) << results[0].error().code;
  ASSERT_FALSE(results[1].has_value());
  EXPECT_EQ(results[1].error().code, "cart_closed");
  EXPECT_EQ(std::get<std::string>(results[1].error().details.at(0).value), first.checkout.group_id.str());
  const auto closed = cart(cart_id);
  EXPECT_EQ(closed.status, CartStatus::checked_out);
  EXPECT_EQ(closed.group_id, first.checkout.group_id);
  EXPECT_EQ(closed.version, 4);
  EXPECT_EQ(code_of(second), "cart_closed");
  EXPECT_EQ(group(first).contact.shipping_address, kAddress) << "of its own, whatever becomes of the cart";
  EXPECT_EQ(orders(), 2);
}

TEST_P(CheckoutStoreTest, ACartMustBeTheOneThatWasSeen) {
  const auto cart_id = new_cart("u1", {"o1", "o4"});
  auto command = of_cart(cart_id, 800);
  command.cart->version = 2;
  EXPECT_EQ(code_of(command), "cart_changed");
  EXPECT_EQ(code_of(of_cart(cart_id, 799)), "price_changed");
  EXPECT_EQ(code_of(of_cart(cart_id, 800, "u2")), "not_found");
  auto nowhere = of_cart(cart_id, 800);
  nowhere.cart->cart_id = CartId("none");
  EXPECT_EQ(code_of(nowhere), "not_found");
  EXPECT_EQ(code_of(of_cart(new_cart("u1", {}), 0)), "cart_empty");
  EXPECT_EQ(cart(cart_id).status, CartStatus::open);
  EXPECT_EQ(orders(), 0);
}

TEST_P(CheckoutStoreTest, OfFiftyKeysOnOneCartOneMakesAGroup) {
  const auto cart_id = new_cart("u1", {"o1", "o4"});
  sql::Span<CheckOutCommand, Result<Answered>> span(*database_, "check_out",
                                                    [](sql::Tx& tx, std::span<const CheckOutCommand> commands) {
                                                      return handle_check_out(tx, commands, render_group);
                                                    });
  std::vector<CheckOutCommand> commands;
  for (int i = 0; i < 50; ++i) {
    auto command = of_cart(cart_id, 800);
    command.key = sql::idempotency_key("u1", "createOrderGroup", {}, "k" + std::to_string(i), "body");
    commands.push_back(std::move(command));
  }
  std::atomic<int> winners{0};
  std::atomic<int> closed{0};
  std::barrier start(50);
  std::vector<std::thread> clicks;
  for (auto& command : commands) {
    clicks.emplace_back([&] {
      start.arrive_and_wait();
      const auto answer = span.blocking({}, command);
      if (answer) ++winners;
      if (!answer && answer.error().code == "cart_closed") ++closed;
    });
  }
  for (auto& click : clicks) click.join();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(closed, 49);
  EXPECT_EQ(orders(), 2);
  static constexpr sql::Sql kKeys{"SELECT count(*) FROM idempotency_keys"};
  EXPECT_EQ(number(kKeys), 1) << "of the refused none";
  expect_stock_adds_up();
}

TEST_P(CheckoutStoreTest, CartsAndOffersInAnyOrderNeverDeadlock) {
  constexpr int kBuyers = 8;
  constexpr int kRounds = 10;
  database_->write_blocking({}, [](sql::Tx& tx) {
    tx.execute("UPDATE stock SET on_hand = on_hand + 1000");
    tx.execute("UPDATE stock_movements SET delta = delta + 1000");
  });
  sql::Span<CheckOutCommand, Result<Answered>> span(*database_, "check_out",
                                                    [](sql::Tx& tx, std::span<const CheckOutCommand> commands) {
                                                      return handle_check_out(tx, commands, render_group);
                                                    });
  std::vector<std::vector<CheckOutCommand>> of_buyers(kBuyers);
  for (int buyer = 0; buyer < kBuyers; ++buyer) {
    const auto user = "buyer" + std::to_string(buyer);
    for (int round = 0; round < kRounds; ++round) {
      const auto cart_id =
          new_cart(user.c_str(), buyer % 2 == 0 ? std::vector{"o1", "o2", "o4"} : std::vector{"o4", "o2", "o1"});
      auto command = of_cart(cart_id, 1'500, user.c_str());
      command.key = sql::idempotency_key(user, "createOrderGroup", {}, "k" + std::to_string(round), "body");
      of_buyers[static_cast<std::size_t>(buyer)].push_back(std::move(command));
    }
  }
  std::atomic<int> placed{0};
  std::vector<std::thread> buyers;
  std::barrier start(kBuyers);
  for (const auto& commands : of_buyers) {
    buyers.emplace_back([&] {
      start.arrive_and_wait();
      for (const auto& command : commands) placed += span.blocking({}, command).has_value() ? 1 : 0;
    });
  }
  for (auto& buyer : buyers) buyer.join();
  EXPECT_EQ(placed, kBuyers * kRounds);
  if (GetParam() == sql::Engine::postgresql) {
    EXPECT_NE(database_.metrics().find("sqlstate=\"40P01\"} 0\n"), std::string::npos) << database_.metrics();
  }
  expect_stock_adds_up();
}

TEST_P(CheckoutStoreTest, AGroupTellsOfItselfWhenOneOfItsOrdersEnds) {
  const auto command = of_items();
  ASSERT_TRUE(check_out({command}).front().has_value());
  const auto orders = group(command).orders;
  ASSERT_TRUE(cancel_order(orders[0]).has_value());
  EXPECT_EQ(told().back(), "order_group.updated");
  EXPECT_EQ(group(command).group.status, OrderStatus::pending);
  EXPECT_EQ(group(command).group.amount_due, 300);
  EXPECT_EQ(group(command).group.version, 2);
  expect_every_version_is_told();
  ASSERT_TRUE(cancel_order(orders[1]).has_value());
  EXPECT_EQ(told().back(), "order_group.canceled");
  EXPECT_EQ(group(command).group.status, OrderStatus::canceled);
  expect_every_version_is_told();
  expect_stock_adds_up();
}

TEST_P(CheckoutStoreTest, WhatIsLeftOfAGroupIsPaidByWhatItCosts) {
  const auto command = of_items();
  ASSERT_TRUE(check_out({command}).front().has_value());
  ASSERT_TRUE(cancel_order(group(command).orders[0]).has_value());
  pay(command, "pay1", 1'300);
  EXPECT_EQ(told().back(), "order_group.capture_refused");
  pay(command, "pay2", 300);
  EXPECT_EQ(told().back(), "order_group.paid");
  const auto paid = group(command);
  EXPECT_EQ(paid.group.status, OrderStatus::confirmed);
  EXPECT_EQ(paid.group.amount_due, 0);
  EXPECT_EQ(paid.orders[0].status, OrderStatus::canceled);
  EXPECT_EQ(paid.orders[1].status, OrderStatus::confirmed);
  expect_every_version_is_told();
}

TEST_P(CheckoutStoreTest, ACaptureOfMoreThanIsLeftWasGivenBackAndPaysNothingLater) {
  const auto command = of_items();
  ASSERT_TRUE(check_out({command}).front().has_value());
  pay(command, "pay1", 300);
  EXPECT_EQ(told().back(), "order_group.capture_refused");
  ASSERT_TRUE(cancel_order(group(command).orders[0]).has_value());
  const auto before = told();
  pay(command, "pay1", 300);  // what is due now
  EXPECT_EQ(told(), before);
  EXPECT_EQ(group(command).group.status, OrderStatus::pending);
}

TEST_P(CheckoutStoreTest, OnePaymentConfirmsEveryOrder) {
  const auto command = of_items();
  ASSERT_TRUE(check_out({command}).front().has_value());
  pay(command, "pay1", 1'300);
  EXPECT_EQ(told(), (Types{"order_group.placed", "order.placed", "order.placed", "order.paid", "order.paid",
                           "order_group.paid"}));
  // Of two that are confirmed one is canceled: nothing of the group is another, so it tells nothing.
  ASSERT_TRUE(cancel_order(group(command).orders[0]).has_value());
  EXPECT_EQ(told().back(), "order.canceled");
  EXPECT_EQ(group(command).group.version, 2);
  expect_every_version_is_told();
  expect_stock_adds_up();
}

TEST_P(CheckoutStoreTest, AGroupExpiresWhole) {
  const auto command = of_items();
  ASSERT_TRUE(check_out({command}).front().has_value());
  EXPECT_EQ(expire({command.checkout.group_id, kNow + std::chrono::minutes(15)}), Expired::expired);
  for (const auto& order : group(command).orders) EXPECT_EQ(order.cancel_reason, CancelReason::expired);
  EXPECT_EQ(reserved(), 0);
  expect_every_version_is_told();
}

TEST_P(CheckoutStoreTest, ErasureTakesWhoAndWhereAndLeavesTheOrders) {
  const auto cart_id = new_cart("u1", {"o1"});
  ASSERT_TRUE(check_out({of_items(), of_cart(cart_id, 500)}).back().has_value());
  ASSERT_TRUE(check_out({of_items("u2")}).front().has_value());
  new_cart("u1", {"o4"});
  erase("u1");
  static constexpr sql::Sql kLeft{"SELECT count(*) FROM addresses"};
  static constexpr sql::Sql kCarts{"SELECT (SELECT count(*) FROM carts) + (SELECT count(*) FROM cart_lines)"};
  EXPECT_EQ(number(kLeft), 1) << "the other buyer's";
  EXPECT_EQ(number(kCarts), 0);
  EXPECT_EQ(orders(), 5);
  EXPECT_EQ(code_of(of_items()), "invalid_token");
}

TEST_P(CheckoutStoreTest, WhatIsCheckedOutWhileItsBuyerIsErasedIsErasedToo) {
  for (int round = 0; round < 10; ++round) {
    const auto user = "gone" + std::to_string(round);
    const auto command = of_items(user.c_str());
    std::barrier start(2);
    std::thread buyer([&] {
      start.arrive_and_wait();
      static_cast<void>(check_out({command}));
    });
    std::thread eraser([&] {
      start.arrive_and_wait();
      database_->write_blocking({}, [&](sql::Tx& tx) {
        lock_for_erasure(tx, {user});
        erase_user(tx, UserId(user), 2);
      });
    });
    buyer.join();
    eraser.join();
    static constexpr sql::Sql kLeft{"SELECT (SELECT count(*) FROM addresses) + (SELECT count(*) FROM order_contacts)"};
    EXPECT_EQ(number(kLeft), 0) << "round " << round;
    if (round % 3 == 2) {
      database_->write_blocking({}, [](sql::Tx& tx) {
        tx.execute("UPDATE stock SET on_hand = on_hand + 10");
        tx.execute("UPDATE stock_movements SET delta = delta + 10");
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, CheckoutStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
