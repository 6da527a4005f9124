// On both engines: what the log says of an order, and of many.

#include "services/order/store/order_events.hpp"

#include "libs/events/numbering.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

using Told = std::vector<std::pair<std::string, std::string>>;

class OrderEventsTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    first_ = command("u1", "o1", 1, 500);
    second_ = command("u2", "o1", 1, 500);
    ASSERT_TRUE(place(first_).has_value());
    ASSERT_TRUE(place(second_).has_value());
    capture(first_, "pay");
    ASSERT_TRUE(cancel({.order_id = second_.order.order_id, .buyer = UserId("u2"), .now = kNow}).has_value());
    if (GetParam() == sql::Engine::postgresql) {
      database_->write_blocking({}, [](sql::Tx& tx) { events::number_committed(tx, 1'000); });
    }
    head_ = database_->read_blocking({}, [](sql::Tx& tx) { return events::EventLog("order", {}).state(tx).head; });
  }
  static Told told_of(const std::vector<OrderEvent>& events) {
    Told told;
    std::int64_t before = 0;
    for (const auto& event : events) {
      EXPECT_GT(event.sequence, before);
      before = event.sequence;
      told.emplace_back(event.order_id.str(), event.type);
    }
    return told;
  }
  std::vector<OrderEvent> of(const PlaceCommand& placed, std::int64_t after, std::int64_t through, std::int64_t limit) {
    return database_->read_blocking(
        {}, [&](sql::Tx& tx) { return events_of_order(tx, {after, through}, placed.order.order_id.str(), limit); });
  }

  PlaceCommand first_ = command("", "", 1, 1);
  PlaceCommand second_ = first_;
  std::int64_t head_ = 0;
};

TEST_P(OrderEventsTest, AnOrdersOwnInTheOrderInWhichTheyHappened) {
  const auto id = first_.order.order_id.str();
  const auto all = of(first_, 0, head_, 100);
  EXPECT_EQ(told_of(all), (Told{{id, "order.placed"}, {id, "order.paid"}}));
  EXPECT_EQ(told_of(of(first_, 0, head_, 1)), (Told{{id, "order.placed"}}));
  EXPECT_EQ(told_of(of(first_, all[0].sequence, head_, 100)), (Told{{id, "order.paid"}}));
  EXPECT_EQ(told_of(of(first_, 0, all[1].sequence - 1, 100)), (Told{{id, "order.placed"}}));
}

TEST_P(OrderEventsTest, OfManyThoseThatAreAskedFor) {
  const auto a = first_.order.order_id.str();
  const auto b = second_.order.order_id.str();
  const auto of_many = [&](const std::unordered_set<std::string>& ids) {
    return told_of(database_->read_blocking({}, [&](sql::Tx& tx) { return events_of_orders(tx, {0, head_}, ids); }));
  };
  EXPECT_EQ(of_many({a, b}),
            (Told{{a, "order.placed"}, {b, "order.placed"}, {a, "order.paid"}, {b, "order.canceled"}}));
  EXPECT_EQ(of_many({b, "nobody"}), (Told{{b, "order.placed"}, {b, "order.canceled"}}));
  EXPECT_EQ(of_many({first_.order.group_id.str(), "o1"}), Told{}) << "groups and stock have topics of their own";
}

INSTANTIATE_TEST_SUITE_P(Engines, OrderEventsTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
