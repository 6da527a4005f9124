// Who waits for whom on PostgreSQL: batches that a consumer applies against placements, and an expiry against whoever
// holds a part of a group.

#include <algorithm>
#include <future>
#include <random>
#include <thread>

#include "services/order/store/stock_table.hpp"
#include "services/order/tests/store/store_fixture.hpp"

namespace agora::order {
namespace {

constexpr int kOffers = 6;
constexpr int kRounds = 60;

class LockOrderTest : public OrderStoreTest {
 protected:
  void SetUp() override {
    OrderStoreTest::SetUp();
    database_->write_blocking({}, [](sql::Tx& tx) {
      apply(tx, SellerState{SellerId("s3"), "open", "Third"}, kSource);
      ASSERT_TRUE(apply(tx, offer("b0", "s3", 500, 10), kSource, kNow));
      for (int i = 0; i < kOffers; ++i) {
        ASSERT_TRUE(apply(tx, offer(name_of(i).c_str(), "s1", 500, 100'000), kSource, kNow));
      }
    });
  }
  static std::string name_of(int i) { return "a" + std::to_string(i); }

  /// Has the server look for deadlocks soon: the default of a second would only make the test slow.
  void look_for_deadlocks_soon() {
    database_->write_blocking({}, [](sql::Tx& tx) {
      tx.run_script(
          "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''20ms''', current_database()); END "
          "$$");
    });
    database_.reopen();
  }
  std::int64_t deadlocks() {
    const auto counted = database_.metrics();
    const std::string line = "agora_sql_retries_total{sqlstate=\"40P01\"} ";
    const auto at = counted.find(line);
    return at == std::string::npos ? 0 : std::stol(counted.substr(at + line.size()));
  }

  /// Of each offer an order that was paid, of so many units that none is ever wholly refunded.
  std::vector<PlaceCommand> paid_orders() {
    std::vector<PlaceCommand> orders;
    for (int i = 0; i < kOffers; ++i) {
      orders.push_back(command("u1", name_of(i).c_str(), 1'000, 500));
      EXPECT_TRUE(place(orders.back()).has_value());
      capture(orders.back(), "pay1", 500'000);
    }
    return orders;
  }

  /// Batches of refunds, each of all orders in an order of its own, as events come.
  void refund_in_batches(const std::vector<PlaceCommand>& orders, const char* run, bool sorted) {
    std::mt19937 random(1);
    for (int round = 0; round < kRounds; ++round) {
      std::vector<Refund> batch;
      for (int i = 0; i < kOffers; ++i) {
        const auto id = std::string(run) + std::to_string(round * kOffers + i);
        batch.push_back(refund_of(orders[static_cast<std::size_t>(i)], id.c_str(), 500, 1, true));
      }
      std::shuffle(batch.begin(), batch.end(), random);
      database_->write_blocking({}, [batch, sorted](sql::Tx& tx) {
        if (sorted) {
          std::vector<OrderGroupId> groups;
          std::vector<OrderId> order_ids;
          for (const auto& one : batch) {
            groups.push_back(one.group_id);
            order_ids.push_back(one.order_id);
          }
          lock_groups(tx, groups, SkipLocked::no);
          lock_stock_of_orders(tx, order_ids);
        }
        for (const auto& one : batch) ASSERT_TRUE(apply_refund(tx, one, kNow, {}).has_value());
      });
    }
  }

  /// Places orders of all offers until told to stop.
  void place_meanwhile(const std::function<void()>& meanwhile) {
    std::atomic<bool> over = false;
    std::thread buyer([&] {
      while (!over) {
        auto all = command("u2", name_of(0).c_str(), 1, 500);
        for (int i = 1; i < kOffers; ++i) {
          all.order.lines.push_back({.offer_id = OfferId(name_of(i)),
                                     .quantity = 1,
                                     .price = Decimal{500, 2},
                                     .line_id = new_id<LineTag>(kNow),
                                     .pointer = "/items/" + std::to_string(i)});
        }
        EXPECT_TRUE(place(all).has_value());
      }
    });
    meanwhile();
    over = true;
    buyer.join();
  }
};

TEST_P(LockOrderTest, BatchesThatTouchStockNeverDeadlockWithPlacementsWithoutTheOrderTheyDo) {
  look_for_deadlocks_soon();
  const auto orders = paid_orders();
  place_meanwhile([&] { refund_in_batches(orders, "sorted-", true); });
  EXPECT_EQ(deadlocks(), 0);
  place_meanwhile([&] { refund_in_batches(orders, "shuffled-", false); });
  EXPECT_GT(deadlocks(), 0);
  // And nobody saw one: every refund was taken over.
  static constexpr sql::Sql kRefunds{"SELECT count(*) FROM refunds"};
  EXPECT_EQ(number(kRefunds), 2 * kRounds * kOffers);
  expect_stock_adds_up();
}

/// Somebody else's transaction that holds rows until it is let go.
class Holder {
 public:
  Holder(sql::Database& database, std::function<void(sql::Tx&)> lock)
      : thread_([this, &database, lock = std::move(lock)] {
          database.write_blocking({}, [&](sql::Tx& tx) {
            lock(tx);
            held_.set_value();
            let_go_.get_future().wait();
          });
        }) {
    held_.get_future().wait();
  }
  ~Holder() {
    if (thread_.joinable()) let_go();
  }
  void let_go() {
    let_go_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> held_{};
  std::promise<void> let_go_{};
  std::thread thread_;
};

TEST_P(LockOrderTest, AGroupOfWhichAPartIsHeldExpiresWholeOrNotAtAll) {
  CheckOutCommand wanted;
  wanted.checkout = {
      .group_id = new_id<OrderGroupTag>(kNow),
      .order_ids = {OrderId(new_uuid_v7(kNow)), OrderId(new_uuid_v7(kNow))},
      .user_id = UserId("u1"),
      .lines = {{.offer_id = OfferId("a0"), .quantity = 1, .price = Decimal{5, 0}, .line_id = new_id<LineTag>(kNow)},
                {.offer_id = OfferId("b0"), .quantity = 1, .price = Decimal{5, 0}, .line_id = new_id<LineTag>(kNow)}},
      .contact = {},
      .now = kNow,
      .payment_window = std::chrono::minutes(15)};
  AddressEdit address{};
  address[0] = {true, "Arthur"};
  address[1] = {true, "Lane 1"};
  address[3] = {true, "Cottington"};
  address[6] = {true, "GB"};
  wanted.contact.shipping_address = {true, address};
  database_->write_blocking({}, [&](sql::Tx& tx) {
    const auto render_group = [](const GroupWithOrders& whole) { return whole.group.number; };
    ASSERT_TRUE(handle_check_out(tx, std::span(&wanted, 1), render_group).front().has_value());
  });
  const auto ended = [&] {
    const auto now =
        database_->read_blocking({}, [&](sql::Tx& tx) { return *find_group(tx, wanted.checkout.group_id); });
    return std::count_if(now.orders.begin(), now.orders.end(),
                         [](const Order& one) { return one.cancel_reason == CancelReason::expired; });
  };
  const ExpireCommand due{wanted.checkout.group_id, kNow + std::chrono::hours(1)};
  static constexpr sql::Sql kLockGroup{"", "SELECT 1 FROM order_groups WHERE group_id = $1 FOR UPDATE"};
  static constexpr sql::Sql kLockOrder{
      "", "SELECT 1 FROM orders WHERE group_id = $1 ORDER BY order_id DESC LIMIT 1 FOR UPDATE"};
  {
    Holder holder(*database_, [&](sql::Tx& tx) { tx.query(kLockGroup, {wanted.checkout.group_id}); });
    EXPECT_EQ(expire(due), Expired::left) << "the next round sees it again";
    EXPECT_EQ(ended(), 0);
  }
  Holder holder(*database_, [&](sql::Tx& tx) { tx.query(kLockOrder, {wanted.checkout.group_id}); });
  auto expiring = std::async(std::launch::async, [&] { return expire(due); });
  static constexpr sql::Sql kWaits{
      "", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"};
  while (number(kWaits) == 0) std::this_thread::yield();
  EXPECT_EQ(ended(), 0) << "no order without the other";
  holder.let_go();
  EXPECT_EQ(expiring.get(), Expired::expired);
  EXPECT_EQ(ended(), 2);
  expect_stock_adds_up();
}

INSTANTIATE_TEST_SUITE_P(PostgreSQL, LockOrderTest, ::testing::Values(sql::Engine::postgresql), testing::engine_name);

}  // namespace
}  // namespace agora::order
