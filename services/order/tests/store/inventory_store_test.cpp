// How many there are of an offer, on both engines: who may say so, and that movements and events say it too.

#include "services/order/store/inventory_store.hpp"

#include <thread>

#include "libs/sql/sha256.hpp"
#include "libs/testing/run.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

std::string render_level(const Inventory& inventory) {
  const auto& [on_hand, reserved, version] = inventory.level;
  return inventory.offer_id.str() + " " + std::to_string(on_hand) + " " + std::to_string(reserved) + " " +
         std::to_string(version);
}

class InventoryStoreTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    members_of("s1", {"m1"});
    auto unstocked = offer("o9", "s1", 500, 0);
    unstocked.initial_quantity.reset();
    database_->write_blocking({}, [&](sql::Tx& tx) { ASSERT_TRUE(apply(tx, unstocked, kSource, kNow)); });
  }

  static ChangeInventory edit(InventoryEdit edit, const char* offer_id = "o1", const char* user_id = "m1") {
    return {.offer_id = OfferId(offer_id), .caller = {UserId(user_id)}, .edit = std::move(edit), .now = kNow};
  }
  Result<Answered> change(ChangeInventory command) { return testing::run(inventory_.change({}, std::move(command))); }
  std::optional<Inventory> find(const char* offer_id, Caller caller) {
    return testing::run(inventory_.find({}, OfferId(offer_id), std::move(caller)));
  }
  StockLevel level(const char* offer_id = "o1") { return find(offer_id, {UserId("m1")})->level; }

  InventoryStore inventory_{*database_, render_level};
};

TEST_P(InventoryStoreTest, ACountIsWhatIsOnHandWithItsMovementAndEvent) {
  ASSERT_TRUE(place(command("u1", "o1", 4, 500)));
  const auto before = events();
  const auto answer = change(edit(SetOnHand{25}));
  ASSERT_TRUE(answer.has_value()) << answer.error().code;
  EXPECT_EQ(answer->answer.body, "o1 25 4 3");
  EXPECT_EQ(events() - before, 1);
  static constexpr sql::Sql kCounted{
      "SELECT CAST(sum(delta) AS BIGINT) FROM stock_movements WHERE offer_id = 'o1' AND kind = 'adjustment' AND "
      "reason = 'counted'"};
  EXPECT_EQ(number(kCounted), 15);
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, WhatIsSoAlreadyChangesNothing) {
  const auto before = events();
  const auto answer = change(edit(SetOnHand{10}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->answer.body, "o1 10 0 1");
  EXPECT_EQ(events(), before);
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, AnAdjustmentAddsAndIsRepeatedByItsKey) {
  auto command = edit(AdjustOnHand{-3, "damaged"});
  command.key = sql::idempotency_key("m1", "adjustInventory", {"o1"}, "k", "body");
  const auto first = change(command);
  const auto again = change(command);
  ASSERT_TRUE(first.has_value() && again.has_value());
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(first->answer.body, again->answer.body);
  EXPECT_EQ(level().on_hand, 7);
  static constexpr sql::Sql kDamaged{"SELECT count(*) FROM stock_movements WHERE reason = 'damaged' AND delta = -3"};
  EXPECT_EQ(number(kDamaged), 1);
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, AnOfferThatWasNeverCountedHasNoneAndCanBe) {
  EXPECT_EQ(level("o9").version, 0);
  ASSERT_TRUE(change(edit(AdjustOnHand{6, "received"}, "o9")).has_value());
  EXPECT_EQ(level("o9").on_hand, 6);
  EXPECT_EQ(level("o9").version, 1);
  // What the offer began with comes too late.
  auto late = offer("o9", "s1", 500, 100);
  database_->write_blocking({}, [&](sql::Tx& tx) { ASSERT_TRUE(apply(tx, late, {"test", 2, true}, kNow)); });
  EXPECT_EQ(level("o9").on_hand, 6);
  EXPECT_TRUE(place(command("u1", "o9", 6, 500)));
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, ThatNoneAreThereIsACountToo) {
  ASSERT_TRUE(change(edit(SetOnHand{0}, "o9")).has_value());
  EXPECT_EQ(level("o9").version, 1);
  const auto before = events();
  ASSERT_TRUE(change(edit(SetOnHand{0}, "o9")).has_value());
  EXPECT_EQ(events(), before) << "counted again, nothing is new";
  // What the offer began with comes too late.
  auto late = offer("o9", "s1", 500, 100);
  database_->write_blocking({}, [&](sql::Tx& tx) { ASSERT_TRUE(apply(tx, late, {"test", 2, true}, kNow)); });
  EXPECT_EQ(level("o9").on_hand, 0);
  static constexpr sql::Sql kMoved{"SELECT count(*) FROM stock_movements WHERE offer_id = 'o9'"};
  EXPECT_EQ(number(kMoved), 0);
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, IsTheSellersAndSupportsAlone) {
  EXPECT_TRUE(find("o1", {UserId("m1")}).has_value());
  EXPECT_TRUE(find("o1", {UserId("support1"), true}).has_value());
  EXPECT_FALSE(find("o1", {UserId("u1")}).has_value());
  EXPECT_FALSE(find("o3", {UserId("m1")}).has_value()) << "another seller's";
  EXPECT_FALSE(find("none", {UserId("support1"), true}).has_value());
  const auto before = events();
  for (const auto& command : {edit(SetOnHand{1}, "o1", "u1"), edit(SetOnHand{1}, "o3"), edit(SetOnHand{1}, "none")}) {
    EXPECT_EQ(change(command).error().code, "not_found");
  }
  EXPECT_EQ(events(), before);
}

TEST_P(InventoryStoreTest, SupportsChangesStandInTheAuditLog) {
  auto command = edit(SetOnHand{50}, "o1", "support1");
  command.caller.is_support = true;
  ASSERT_TRUE(change(command).has_value());
  command.edit = AdjustOnHand{1, "received"};
  ASSERT_TRUE(change(command).has_value());
  ASSERT_TRUE(change(edit(SetOnHand{9})).has_value());
  static constexpr sql::Sql kLogged{
      "SELECT count(*) FROM audit_log WHERE actor_id = 'support1' AND subject_id = 'o1' AND action IN "
      "('inventory.set', 'inventory.adjust')"};
  EXPECT_EQ(number(kLogged), 2);
}

TEST_P(InventoryStoreTest, ARefusalChangesNothing) {
  ASSERT_TRUE(place(command("u1", "o1", 4, 500)));
  const auto before = events();
  EXPECT_EQ(change(edit(SetOnHand{3})).error().code, "below_reserved");
  EXPECT_EQ(change(edit(AdjustOnHand{-7, "lost"})).error().code, "below_reserved");
  auto stale = edit(SetOnHand{8});
  stale.if_match = {1};
  EXPECT_EQ(change(stale).error().code, "precondition_failed");
  EXPECT_EQ(events(), before);
  stale.if_match = {1, 2};
  EXPECT_TRUE(change(stale).has_value());
  erase("m1");
  EXPECT_EQ(change(edit(SetOnHand{7})).error().code, "invalid_token");
  EXPECT_EQ(level().on_hand, 8);
  expect_stock_adds_up();
}

TEST_P(InventoryStoreTest, AdjustmentsAndPlacementsAtOnceAllCount) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 10; ++round) {
        if (i % 2 == 0) {
          EXPECT_TRUE(change(edit(AdjustOnHand{1, "received"}, "o9")).has_value());
        } else {
          static_cast<void>(place(command("u1", "o9", 1, 500)));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(level("o9").on_hand, 20);
  EXPECT_EQ(level("o9").reserved, orders());
  expect_stock_adds_up();
}

INSTANTIATE_TEST_SUITE_P(Engines, InventoryStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
