// Carts on both engines: each change in one transaction with its key and its answer; merging, listing, cleaning.

#include "services/order/store/cart_store.hpp"

#include <barrier>
#include <thread>

#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

std::string render_cart(const PricedCart& priced) {
  return priced.cart.cart_id.str() + " v" + std::to_string(priced.cart.version) + " " +
         std::to_string(priced.amounts.total);
}
std::string render_carts(const std::vector<PricedCart>& carts) {
  std::string text;
  for (const auto& cart : carts) text += render_cart(cart) + ";";
  return text;
}
constexpr CartStore::Renderers kRenderers{render_cart, render_carts};

class CartStoreTest : public OrderStoreTest {
 protected:
  Result<CartAnswer> create(const CreateCart& command) {
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_create_cart(tx, command, kRenderers); });
  }
  Result<CartAnswer> change(const ChangeCart& command) {
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_change_cart(tx, command, kRenderers); });
  }
  Result<CartAnswer> merge(const MergeCarts& command) {
    return database_->write_blocking({}, [&](sql::Tx& tx) { return handle_merge_carts(tx, command, kRenderers); });
  }

  static CreateCart create_command(const char* user, Timestamp now = kNow) {
    return {.cart_id = new_id<CartTag>(now), .user_id = UserId(user), .carts_max = 3, .now = now};
  }
  CartId new_cart(const char* user, Timestamp now = kNow) {
    const auto command = create_command(user, now);
    EXPECT_TRUE(create(command).has_value());
    return command.cart_id;
  }
  static ChangeCart change_command(const CartId& cart_id, CartEdit edit, const char* user = "u1") {
    return {.cart_id = cart_id, .user_id = UserId(user), .edit = std::move(edit), .now = kNow};
  }
  static AddLine line(const char* offer_id, std::int64_t quantity = 1) {
    return {{.offer_id = OfferId(offer_id), .quantity = quantity, .line_id = new_id<LineTag>(kNow)}};
  }
  std::optional<Cart> cart(const CartId& cart_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_cart(tx, cart_id); });
  }
  std::string code_of(const ChangeCart& command) {
    const auto result = change(command);
    return result ? "yes" : result.error().code;
  }
  std::int64_t carts() {
    static constexpr sql::Sql kCount{"SELECT count(*) FROM carts"};
    return number(kCount);
  }
};

TEST_P(CartStoreTest, ACartReadsBackAsItWasChanged) {
  const auto cart_id = new_cart("u1");
  const auto added = change(change_command(cart_id, line("o1", 2)));
  ASSERT_TRUE(added.has_value()) << added.error().code;
  EXPECT_EQ(added->answered.answer.status, 201);
  EXPECT_EQ(added->version, 2);
  ASSERT_TRUE(change(change_command(cart_id, line("o2"))).has_value());
  const auto more = change(change_command(cart_id, line("o1")));
  EXPECT_EQ(more->answered.answer.status, 200) << "no new line";
  auto now = cart(cart_id).value();
  ASSERT_EQ(now.lines.size(), 2U);
  EXPECT_EQ(now.lines[0].quantity, 3);
  EXPECT_EQ(added->answered.answer.location, "/api/v1/carts/" + cart_id.str() + "/items/" + now.lines[0].line_id.str());
  ASSERT_TRUE(change(change_command(cart_id, SetQuantity{now.lines[0].line_id, 7})).has_value());
  ASSERT_TRUE(change(change_command(cart_id, RemoveLine{now.lines[1].line_id})).has_value());
  AddressEdit address{};
  for (const std::size_t member : {0U, 1U, 3U}) address[member] = {true, "X"};
  address[6] = {true, "GB"};
  ASSERT_TRUE(change(change_command(cart_id, ContactEdit{.email = {true, "a@b"}, .billing_address = {true, address}}))
                  .has_value());
  now = cart(cart_id).value();
  ASSERT_EQ(now.lines.size(), 1U);
  EXPECT_EQ(now.lines[0].quantity, 7);
  EXPECT_EQ(now.currency, Currency::from_code("USD"));
  EXPECT_EQ(now.contact.email, "a@b");
  EXPECT_EQ(now.contact.billing_address->country, "GB");
  EXPECT_FALSE(now.contact.shipping_address.has_value());
  EXPECT_EQ(now.version, 7);
  ASSERT_TRUE(change(change_command(
                         cart_id, ContactEdit{.email = {true, std::nullopt}, .billing_address = {true, std::nullopt}}))
                  .has_value());
  EXPECT_EQ(cart(cart_id)->contact, Contact{});
  EXPECT_EQ(events(), 3) << "a cart tells nobody: those of the offers' stock";
}

TEST_P(CartStoreTest, ARefusalChangesNothing) {
  const auto cart_id = new_cart("u1");
  ASSERT_TRUE(change(change_command(cart_id, line("o1"))).has_value());
  const auto before = cart(cart_id).value();
  EXPECT_EQ(code_of(change_command(cart_id, line("none"))), "unknown_offer");
  EXPECT_EQ(code_of(change_command(cart_id, line("o3"))), "offer_unavailable");
  EXPECT_EQ(code_of(change_command(cart_id, line("o1"), "u2")), "not_found");
  EXPECT_EQ(code_of(change_command(CartId("none"), line("o1"))), "not_found");
  EXPECT_EQ(code_of(change_command(cart_id, SetQuantity{LineId("none"), 1})), "not_found");
  auto stale = change_command(cart_id, line("o1"));
  stale.if_match = {1, 3};
  EXPECT_EQ(code_of(stale), "precondition_failed");
  EXPECT_EQ(cart(cart_id)->lines, before.lines);
  EXPECT_EQ(cart(cart_id)->version, before.version);
  stale.if_match = {1, 2};
  EXPECT_EQ(code_of(stale), "yes");
}

TEST_P(CartStoreTest, MembersOfASellerPutNothingOfItsIntoTheirCart) {
  database_->write_blocking({}, [](sql::Tx& tx) {
    apply(tx, SellerState{SellerId("s1"), "open", "S", {{UserId("u1"), "staff"}}}, {"test", 2, true});
  });
  EXPECT_EQ(code_of(change_command(new_cart("u1"), line("o1"))), "own_seller");
  EXPECT_EQ(code_of(change_command(new_cart("u2"), line("o1"), "u2")), "yes");
}

TEST_P(CartStoreTest, AKeyAddsOnce) {
  const auto cart_id = new_cart("u1");
  auto add = change_command(cart_id, line("o1"));
  add.key = sql::idempotency_key("u1", "addCartLine", {cart_id.str()}, "k", "body");
  const auto first = change(add);
  const auto again = change(add);
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_FALSE(first->answered.replayed);
  EXPECT_TRUE(again->answered.replayed);
  EXPECT_EQ(again->answered.answer.body, first->answered.answer.body);
  EXPECT_EQ(again->version, 0);
  EXPECT_EQ(cart(cart_id)->lines[0].quantity, 1);
  auto begin = create_command("u1");
  begin.key = sql::idempotency_key("u1", "createCart", {}, "k", "");
  const auto begun = create(begin);
  begin.cart_id = new_id<CartTag>(kNow);
  EXPECT_EQ(create(begin)->answered.answer.body, begun->answered.answer.body);
  EXPECT_EQ(carts(), 2);
}

TEST_P(CartStoreTest, ABuyerHasSoManyOpenCarts) {
  for (int i = 0; i < 3; ++i) new_cart("u1");
  const auto more = create(create_command("u1"));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, "too_many_carts");
  EXPECT_TRUE(create(create_command("u2")).has_value());
}

TEST_P(CartStoreTest, ChangesAtOnceAllCount) {
  constexpr int kThreads = 8;
  const auto cart_id = new_cart("u1");
  std::barrier start(kThreads);
  std::vector<std::thread> threads;
  std::atomic<int> added{0};
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      for (int round = 0; round < 5; ++round)
        added += change(change_command(cart_id, line(round % 2 == 0 ? "o1" : "o2"))).has_value() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(added, kThreads * 5);
  const auto now = cart(cart_id).value();
  ASSERT_EQ(now.lines.size(), 2U);
  EXPECT_EQ(now.lines[0].quantity + now.lines[1].quantity, kThreads * 5);
  EXPECT_EQ(now.version, 1 + kThreads * 5);
}

TEST_P(CartStoreTest, AGuestsCartsAndKeysBecomeTheUsers) {
  const auto guests = new_cart("g1");
  ASSERT_TRUE(change(change_command(guests, line("o1", 2), "g1")).has_value());
  ASSERT_TRUE(change(change_command(guests, line("o2"), "g1")).has_value());
  const auto key = [](const char* user, const char* name) {
    return sql::idempotency_key(user, "createOrder", {}, name, "body");
  };
  auto of_guest = command("g1", "o1", 1, 500);
  of_guest.key = key("g1", "k");
  auto of_user = command("u1", "o1", 1, 500);
  of_user.key = key("u1", "both");
  auto also_of_guest = command("g1", "o1", 1, 500);
  also_of_guest.key = key("g1", "both");
  const auto placed = place(of_guest);
  const auto own = place(of_user);
  ASSERT_TRUE(placed.has_value() && own.has_value() && place(also_of_guest).has_value());

  const auto first = merge({UserId("g1"), UserId("u1"), kNow});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->answered.answer.body, guests.str() + " v4 1700;") << "handed over: the user had none";
  EXPECT_EQ(cart(guests)->user_id.str(), "u1");

  auto repeat = of_guest;
  repeat.key = key("u1", "k");
  EXPECT_EQ(place(repeat)->answer.body, placed->answer.body);
  repeat.key = key("u1", "both");
  EXPECT_EQ(place(repeat)->answer.body, own->answer.body) << "the user's own wins";
  static constexpr sql::Sql kOfGuest{"SELECT count(*) FROM idempotency_keys WHERE principal = 'g1'"};
  EXPECT_EQ(number(kOfGuest), 0);

  const auto later = new_cart("g2");
  ASSERT_TRUE(change(change_command(later, line("o1", 3), "g2")).has_value());
  const auto second = merge({UserId("g2"), UserId("u1"), kNow});
  EXPECT_EQ(second->answered.answer.body, guests.str() + " v5 3200;");
  EXPECT_FALSE(cart(later).has_value());
  EXPECT_EQ(carts(), 1);
  EXPECT_EQ(merge({UserId("g2"), UserId("u1"), kNow})->answered.answer.body, "") << "nothing is left to merge";
}

TEST_P(CartStoreTest, TheNewestCartTakesTheGuestsIn) {
  const auto older = new_cart("u1", kNow);
  const auto newer = new_cart("u1", kNow + std::chrono::seconds(1));
  const auto guests = new_cart("g1", kNow + std::chrono::seconds(2));
  ASSERT_TRUE(change(change_command(guests, line("o1"), "g1")).has_value());
  ASSERT_TRUE(merge({UserId("g1"), UserId("u1"), kNow}).has_value());
  EXPECT_EQ(cart(newer)->lines.size(), 1U);
  EXPECT_TRUE(cart(older)->lines.empty());
}

TEST_P(CartStoreTest, PagesAreStableAndHaveOpenCartsAlone) {
  std::vector<CartId> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(new_cart("u1", kNow + std::chrono::seconds(i)));
  new_cart("u2");
  database_->write_blocking({}, [&](sql::Tx& tx) {
    auto before = find_cart(tx, ids[1]).value();
    auto after = before;
    ASSERT_TRUE(after.check_out(OrderGroupId("g"), kNow).has_value());
    save_cart(tx, before, after);
  });
  const auto page = [&](const std::optional<CartPosition>& after, int limit) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return list_open_carts(tx, UserId("u1"), after, limit); });
  };
  const auto first = page(std::nullopt, 1);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].cart_id, ids[2]);
  const auto rest = page(CartPosition{first[0].created_at, first[0].cart_id}, 5);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].cart_id, ids[0]);
}

TEST_P(CartStoreTest, WhatNobodyTouchesIsCleanedAway) {
  const auto old = new_cart("u1", kNow - std::chrono::hours(2));
  const auto touched = new_cart("u1", kNow - std::chrono::hours(2));
  ASSERT_TRUE(change(change_command(touched, line("o1"))).has_value());
  new_cart("u2", kNow - std::chrono::hours(3));
  const auto clean = [&](int limit) {
    return database_->write_blocking(
        {}, [&](sql::Tx& tx) { return delete_stale_carts(tx, kNow - std::chrono::hours(1), limit); });
  };
  EXPECT_EQ(clean(1), 1);
  EXPECT_EQ(clean(10), 1);
  EXPECT_EQ(clean(10), 0);
  EXPECT_FALSE(cart(old).has_value());
  EXPECT_TRUE(cart(touched).has_value());
}

INSTANTIATE_TEST_SUITE_P(Engines, CartStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
