// What other services ask of groups, on both engines.

#include "services/order/store/buyer_store.hpp"

#include <thread>

#include "libs/testing/run.hpp"
#include "services/order/store/contacts.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

using namespace std::chrono_literals;

const Address kAddress{.name = "Arthur Dent", .line1 = "155 Country Lane", .city = "Cottington", .country = "GB"};

class BuyerStoreTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    auto download = offer("o4", "s1", 500, 100);
    download.requires_shipping = false;
    database_->write_blocking({}, [&](sql::Tx& tx) { ASSERT_TRUE(apply(tx, download, kSource, kNow).has_value()); });
  }

  /// One of o4 (nothing to ship) or o1 (shipped), 5.00, bought by u1.
  PlaceCommand placed(const char* offer_id, std::chrono::milliseconds payment_window = 15min) {
    auto one = command("u1", offer_id, 1, 500);
    one.order.payment_window = payment_window;
    EXPECT_TRUE(place(one));
    return one;
  }
  OrderGroupId placed_group(const char* offer_id, std::chrono::milliseconds payment_window = 15min) {
    return placed(offer_id, payment_window).order.group_id;
  }
  /// As its checkout keeps it.
  void know(const OrderGroupId& group_id, const Contact& contact) {
    const UserId user_id("u1");
    database_->write_blocking({}, [&](sql::Tx& tx) { insert_group_contacts(tx, {{&group_id, &user_id, &contact}}); });
  }
  Result<PaymentTerms> begin(const OrderGroupId& group_id, const char* payment_id = "pay1", Timestamp now = kNow,
                             const char* user_id = "u1") {
    return testing::run(
        buyers_.begin_payment({}, PaymentAttempt{group_id, UserId(user_id), PaymentId(payment_id), now, 10min}));
  }
  /// pay_by of the group, of its orders, their versions, and how many events there are.
  std::vector<std::int64_t> state(const OrderGroupId& group_id) {
    return database_->read_blocking({}, [&](sql::Tx& tx) {
      static constexpr sql::Sql kState{
          "SELECT g.pay_by, o.pay_by, g.version, o.version, (SELECT count(*) FROM outbox), "
          "(SELECT count(*) FROM payment_holds) FROM order_groups g JOIN orders o ON o.group_id = g.group_id "
          "WHERE g.group_id = $1"};
      auto rows = tx.query(kState, {group_id});
      rows.next();
      std::vector<std::int64_t> values;
      for (int i = 0; i < 6; ++i) values.push_back(rows.int64(i));
      return values;
    });
  }
  static std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }

  BuyerStore buyers_{*database_};
};

TEST_P(BuyerStoreTest, BeginsAPaymentAndChangesNothing) {
  const auto group = placed_group("o4");
  const auto before = state(group);
  const auto terms = begin(group);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->amount, 500);
  EXPECT_EQ(terms->currency.code(), "USD");
  EXPECT_EQ(terms->pay_by, kNow + 15min);
  EXPECT_EQ(terms->parts.size(), 1U);
  EXPECT_EQ(state(group), before);
}

TEST_P(BuyerStoreTest, ExtendsAHoldOnceWithoutAnEvent) {
  const auto group = placed_group("o4", 2min);
  const auto before = state(group);
  const auto first = begin(group);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->pay_by, kNow + 10min);
  const auto after = state(group);
  EXPECT_EQ(after, (std::vector<std::int64_t>{micros(kNow + 10min), micros(kNow + 10min), before[2], before[3],
                                              before[4], 1}));
  // The same attempt, asked again because its answer was lost, and another one later.
  const auto again = begin(group);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pay_by, first->pay_by);
  const auto later = begin(group, "pay2", kNow + 9min);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->pay_by, first->pay_by);
  EXPECT_EQ(state(group), after);
}

TEST_P(BuyerStoreTest, RefusesWhatCannotBePaid) {
  const auto order = placed("o4", 2min);
  const auto& group = order.order.group_id;
  const auto refused = [&](const Result<PaymentTerms>& terms, const char* code) {
    ASSERT_FALSE(terms);
    EXPECT_EQ(terms.error().code, code);
  };
  refused(begin(OrderGroupId("nobodys")), "not_found");
  refused(begin(group, "pay1", kNow, "u2"), "not_found");
  refused(begin(group, "pay1", kNow + 2min), "order_group_ended");
  EXPECT_EQ(state(group)[5], 0);
  capture(order, "pay1");
  refused(begin(group), "already_paid");
  const auto ended = placed_group("o4");
  ASSERT_EQ(expire({ended, kNow + 1h, {}}), Expired::expired);
  refused(begin(ended), "order_group_ended");
}

TEST_P(BuyerStoreTest, NeedsToKnowWhereToShip) {
  const auto refuse = [this](const OrderGroupId& group) {
    const auto terms = begin(group);
    ASSERT_FALSE(terms);
    EXPECT_EQ(terms.error().code, "address_required");
  };
  refuse(placed_group("o1"));
  const auto billed = placed_group("o1");
  know(billed, {.email = "arthur@example.com", .billing_address = kAddress});
  refuse(billed);
  const auto shipped = placed_group("o1");
  know(shipped, {.shipping_address = kAddress});
  EXPECT_TRUE(begin(shipped));
  // Who was erased lives nowhere any more.
  erase("u1");
  refuse(shipped);
}

TEST_P(BuyerStoreTest, ManyAttemptsAtOnceExtendOnce) {
  const auto group = placed_group("o4", 2min);
  constexpr int kAttempts = 20;
  std::vector<std::thread> threads;
  std::atomic<int> granted{0};
  std::atomic<int> extended{0};
  for (int i = 0; i < kAttempts; ++i) {
    threads.emplace_back([&, i] {
      // Each a second later: whoever came first has set the end.
      const auto terms = begin(group, ("pay" + std::to_string(i)).c_str(), kNow + std::chrono::seconds(i));
      if (terms) ++granted;
      if (terms && terms->extends_hold) ++extended;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(granted, kAttempts);
  EXPECT_EQ(extended, 1);
  EXPECT_EQ(state(group)[0], state(group)[1]);
}

TEST_P(BuyerStoreTest, KnowsWhoBoughtAndWhereItGoes) {
  const auto group = placed_group("o1");
  EXPECT_FALSE(testing::run(buyers_.find({}, OrderGroupId("nobodys"))));
  const auto bare = testing::run(buyers_.find({}, group));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->user_id, UserId("u1"));
  EXPECT_EQ(bare->contact, Contact{});

  const Contact contact{.email = "arthur@example.com", .shipping_address = kAddress};
  know(group, contact);
  const auto whole = testing::run(buyers_.find({}, group));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->contact, contact);
  erase("u1");
  const auto erased = testing::run(buyers_.find({}, group));
  ASSERT_TRUE(erased);
  EXPECT_EQ(erased->contact, Contact{});
}

/// Where it goes, as a placement says it.
ContactEdit to_arthur() {
  AddressEdit address{};
  address[0] = {true, "Arthur Dent"};
  address[1] = {true, "155 Country Lane"};
  address[3] = {true, "Cottington"};
  address[6] = {true, "GB"};
  return {.email = {true, "arthur@example.com"}, .shipping_address = {true, address}};
}

TEST_P(BuyerStoreTest, AnOrderThatSaidWhereItGoesCanBePaid) {
  auto one = command("u1", "o1", 1, 500);
  one.contact = to_arthur();
  ASSERT_TRUE(place(one).has_value());
  EXPECT_TRUE(begin(one.order.group_id).has_value());
  const auto buyer = testing::run(buyers_.find({}, one.order.group_id));
  EXPECT_EQ(buyer->contact.email, "arthur@example.com");
  EXPECT_EQ(buyer->contact.shipping_address, kAddress);
  auto wrong = command("u1", "o1", 1, 500);
  wrong.contact.email = {true, "nowhere"};
  const auto refused = place(wrong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().fields[0].pointer, "/email");
}

TEST_P(BuyerStoreTest, WhereItGoesIsErasedAlsoOfWhatIsPlacedMeanwhile) {
  for (int round = 0; round < 10; ++round) {
    const auto user = "gone" + std::to_string(round);
    auto one = command(user, "o4", 1, 500);
    one.contact = to_arthur();
    std::thread buyer([&] { static_cast<void>(place(one)); });
    std::thread eraser([&] {
      database_->write_blocking({}, [&](sql::Tx& tx) {
        lock_for_erasure(tx, {user});
        erase_user(tx, UserId(user), 2);
      });
    });
    buyer.join();
    eraser.join();
    static constexpr sql::Sql kLeft{"SELECT (SELECT count(*) FROM addresses) + (SELECT count(*) FROM order_contacts)"};
    EXPECT_EQ(number(kLeft), 0) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, BuyerStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
