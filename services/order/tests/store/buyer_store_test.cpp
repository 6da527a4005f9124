// What other services ask of groups, on both engines.

#include "services/order/store/buyer_store.hpp"

#include <thread>

#include "services/order/store/pay.hpp"
#include "services/order/tests/store/placed_group.hpp"

namespace agora::order {
namespace {

using namespace std::chrono_literals;

class BuyerStoreTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override { provide_offers(*database_); }

  Result<PaymentTerms> begin(const OrderGroupId& group_id, const char* payment_id = "pay1", Timestamp now = kPlacedAt,
                             const char* user_id = "u1") {
    return testing::run(
        buyers_.begin_payment({}, PaymentAttempt{group_id, UserId(user_id), PaymentId(payment_id), now, 10min}));
  }
  void change(const sql::Sql& sql, std::initializer_list<sql::Value> values) {
    database_->write_blocking({}, [&](sql::Tx& tx) { tx.execute_one(sql, values); });
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

  testing::TemporaryDatabase database_{GetParam()};
  BuyerStore buyers_{*database_};
};

TEST_P(BuyerStoreTest, BeginsAPaymentAndChangesNothing) {
  const auto group = placed(*database_, one_of("o1"));
  const auto before = state(group);
  const auto terms = begin(group);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->amount, 500);
  EXPECT_EQ(terms->currency.code(), "USD");
  EXPECT_EQ(terms->pay_by, kPlacedAt + 15min);
  EXPECT_EQ(terms->parts.size(), 1U);
  EXPECT_EQ(state(group), before);
}

TEST_P(BuyerStoreTest, ExtendsAHoldOnceWithoutAnEvent) {
  const auto group = placed(*database_, one_of("o1", 2min));
  const auto before = state(group);
  const auto first = begin(group);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->pay_by, kPlacedAt + 10min);
  const auto after = state(group);
  EXPECT_EQ(after, (std::vector<std::int64_t>{micros(kPlacedAt + 10min), micros(kPlacedAt + 10min), before[2],
                                              before[3], before[4], 1}));
  // The same attempt, asked again because its answer was lost, and another one later.
  const auto again = begin(group);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->pay_by, first->pay_by);
  const auto later = begin(group, "pay2", kPlacedAt + 9min);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->pay_by, first->pay_by);
  EXPECT_EQ(state(group), after);
}

TEST_P(BuyerStoreTest, RefusesWhatCannotBePaid) {
  const auto group = placed(*database_, one_of("o1", 2min));
  const auto refused = [&](const Result<PaymentTerms>& terms, const char* code) {
    ASSERT_FALSE(terms);
    EXPECT_EQ(terms.error().code, code);
  };
  refused(begin(OrderGroupId("nobodys")), "not_found");
  refused(begin(group, "pay1", kPlacedAt, "u2"), "not_found");
  refused(begin(group, "pay1", kPlacedAt + 2min), "order_group_ended");
  EXPECT_EQ(state(group)[5], 0);
  const Capture capture{PaymentId("pay1"), group, 500, *Currency::from_code("USD")};
  database_->write_blocking({}, [&](sql::Tx& tx) { apply_capture(tx, capture, kPlacedAt, {}); });
  refused(begin(group), "already_paid");
  const auto ended = placed(*database_, one_of("o1"));
  const ExpireCommand expire{ended, kPlacedAt + 1h};
  database_->write_blocking({}, [&](sql::Tx& tx) { return handle_expire(tx, std::span(&expire, 1)).front(); });
  refused(begin(ended), "order_group_ended");
}

TEST_P(BuyerStoreTest, NeedsToKnowWhereToShip) {
  const auto group = placed(*database_, one_of("o2"));
  const auto terms = begin(group);
  ASSERT_FALSE(terms);
  EXPECT_EQ(terms.error().code, "address_required");
  change("INSERT INTO addresses (owner_id, kind, name, line1, city, country) VALUES ($1, 'shipping', $2, $3, $4, $5)",
         {group, "Arthur Dent", "155 Country Lane", "Cottington", "GB"});
  EXPECT_TRUE(begin(group));
}

TEST_P(BuyerStoreTest, ManyAttemptsAtOnceExtendOnce) {
  const auto group = placed(*database_, one_of("o1", 2min));
  constexpr int kAttempts = 20;
  std::vector<std::thread> threads;
  std::atomic<int> granted{0};
  std::atomic<int> extended{0};
  for (int i = 0; i < kAttempts; ++i) {
    threads.emplace_back([&, i] {
      // Each a second later: whoever came first has set the end.
      const auto terms = begin(group, ("pay" + std::to_string(i)).c_str(), kPlacedAt + std::chrono::seconds(i));
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
  const auto group = placed(*database_, one_of("o2"));
  EXPECT_FALSE(testing::run(buyers_.contact({}, OrderGroupId("nobodys"))));
  const auto bare = testing::run(buyers_.contact({}, group));
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->user_id, UserId("u1"));
  EXPECT_FALSE(bare->email || bare->shipping_address);

  change("INSERT INTO order_contacts (group_id, user_id, email) VALUES ($1, $2, $3)",
         {group, "u1", "arthur@example.com"});
  for (const auto* kind : {"billing", "shipping"}) {
    change(
        "INSERT INTO addresses (owner_id, kind, name, line1, city, country, postal_code) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {group, kind, std::string_view(kind) == "shipping" ? "Arthur Dent" : "Somebody else", "155 Country Lane",
         "Cottington", "GB", "CT1"});
  }
  const auto whole = testing::run(buyers_.contact({}, group));
  ASSERT_TRUE(whole && whole->shipping_address);
  EXPECT_EQ(whole->email, "arthur@example.com");
  EXPECT_EQ(whole->shipping_address->name, "Arthur Dent");
  EXPECT_EQ(whole->shipping_address->postal_code, "CT1");
  EXPECT_FALSE(whole->shipping_address->line2);
}

INSTANTIATE_TEST_SUITE_P(Engines, BuyerStoreTest, testing::kEngines, testing::engine_name);

}  // namespace
}  // namespace agora::order
