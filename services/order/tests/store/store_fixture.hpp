#pragma once
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "libs/testing/temporary_database.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/pay.hpp"
#include "services/order/store/replicas.hpp"
#include "services/order/store/rows.hpp"

namespace agora::order {

inline constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
inline const SourceVersion kSource{"test", 1};

inline std::string render(const Order& order) {
  return order.order_id.str() + " " + order.number;
}

/// A database with some offers of two sellers that sell and one that does not, on each engine.
class OrderStoreTest : public ::testing::TestWithParam<sql::Engine> {
 protected:
  void SetUp() override {
    database_->migrate(migrations());
    database_->write_blocking({}, [](sql::Tx& tx) {
      apply(tx, SellerState{SellerId("s1"), "open", "Seller"}, kSource);
      apply(tx, SellerState{SellerId("s2"), "suspended", "Suspended"}, kSource);
      apply(tx, ProductState{ProductId("p1"), "published", "Product"}, kSource);
      for (const auto& state : {offer("o1", "s1", 500, 10), offer("o2", "s1", 700, 5), offer("o3", "s2", 100, 5)}) {
        ASSERT_TRUE(apply(tx, state, kSource, kNow).has_value());
      }
    });
  }

  /// What was emitted is compared with contracts/events by the test that follows (CMakeLists.txt).
  void TearDown() override {
    const char* file = std::getenv("AGORA_EMITTED_EVENTS");
    if (file == nullptr) return;
    static std::ofstream out(file, std::ios::trunc);
    database_->read_blocking({}, [](sql::Tx& tx) {
      auto rows = tx.query("SELECT topic, type, data FROM outbox");
      while (rows.next()) {
        out << R"({"topic":")" << rows.text(0) << R"(","type":")" << rows.text(1) << R"(","data":)" << rows.text(2)
            << "}\n";
      }
    });
    out.flush();
  }

  static OfferState offer(const char* id, const char* seller, std::int64_t price, std::int64_t quantity) {
    return {.offer_id = OfferId(id),
            .seller_id = SellerId(seller),
            .product_id = ProductId("p1"),
            .variant_id = VariantId("v1"),
            .sku = std::string("SKU-") + id,
            .price = price,
            .currency = "USD",
            .status = "active",
            .initial_quantity = quantity};
  }

  static PlaceCommand command(const std::string& user, const char* offer_id, std::int64_t quantity,
                              std::int64_t cents) {
    return {{.order_id = new_id<OrderTag>(kNow),
             .group_id = new_id<OrderGroupTag>(kNow),
             .user_id = UserId(user),
             .lines = {{.offer_id = OfferId(offer_id),
                        .quantity = quantity,
                        .price = Decimal{cents, 2},
                        .line_id = new_id<LineTag>(kNow)}},
             .now = kNow,
             .payment_window = std::chrono::minutes(15)}};
  }

  Result<Answered> place(PlaceCommand command) {
    return database_->write_blocking(
        {}, [&](sql::Tx& tx) { return handle_place(tx, std::span(&command, 1), render).front(); });
  }
  Result<Answered> cancel(const CancelCommand& command) {
    return database_->write_blocking(
        {}, [&](sql::Tx& tx) { return handle_cancel(tx, std::span(&command, 1), render).front(); });
  }
  Expired expire(const ExpireCommand& command) {
    return database_->write_blocking({},
                                     [&](sql::Tx& tx) { return handle_expire(tx, std::span(&command, 1)).front(); });
  }

  void capture(const PlaceCommand& of, const char* payment_id, std::int64_t amount = 500) {
    const Capture capture{PaymentId(payment_id), of.order.group_id, amount, *Currency::from_code("USD")};
    database_->write_blocking({}, [&](sql::Tx& tx) { apply_capture(tx, capture, kNow, {}); });
  }
  void erase(const char* user_id) {
    database_->write_blocking({}, [&](sql::Tx& tx) { erase_user(tx, UserId(user_id), 2); });
  }
  Order order(const PlaceCommand& of) {
    return database_->read_blocking({}, [&](sql::Tx& tx) { return find_order(tx, of.order.order_id).value(); });
  }
  /// Types of the events that were written, oldest first, but those of stock.
  std::vector<std::string> told() {
    static constexpr sql::Sql kTypes{"SELECT type FROM outbox WHERE topic <> 'agora.stock' ORDER BY sequence",
                                     "SELECT type FROM outbox WHERE topic <> 'agora.stock' ORDER BY id"};
    return database_->read_blocking({}, [](sql::Tx& tx) {
      std::vector<std::string> types;
      auto rows = tx.query(kTypes);
      while (rows.next()) types.emplace_back(rows.text(0));
      return types;
    });
  }
  std::string last_event() {
    static constexpr sql::Sql kLast{"SELECT data FROM outbox ORDER BY sequence DESC LIMIT 1",
                                    "SELECT data FROM outbox ORDER BY id DESC LIMIT 1"};
    return database_->read_blocking({}, [](sql::Tx& tx) {
      auto rows = tx.query(kLast);
      rows.next();
      return std::string(rows.text(0));
    });
  }

  std::int64_t number(const sql::Sql& sql) {
    return database_->read_blocking({}, [&sql](sql::Tx& tx) {
      auto rows = tx.query(sql);
      rows.next();
      return rows.int64(0);
    });
  }
  std::int64_t reserved() {
    static constexpr sql::Sql kSum{"SELECT CAST(sum(reserved) AS BIGINT) FROM stock"};
    return number(kSum);
  }
  std::int64_t events() {
    static constexpr sql::Sql kCount{"SELECT count(*) FROM outbox"};
    return number(kCount);
  }
  std::int64_t orders() {
    static constexpr sql::Sql kCount{"SELECT count(*) FROM orders"};
    return number(kCount);
  }
  /// What a seller's event says of who may act for it.
  void members_of(const char* seller_id, const std::vector<std::string>& user_ids) {
    SellerState seller{SellerId(seller_id), "open", "Seller"};
    for (const auto& user_id : user_ids) seller.members.push_back({UserId(user_id), "staff"});
    database_->write_blocking({}, [&](sql::Tx& tx) { apply(tx, seller, {"test", 2, true}); });
  }

  /// I4, recounted from the lines.
  void expect_stock_adds_up() {
    static constexpr sql::Sql kDifference{
        "SELECT count(*) FROM stock s WHERE s.reserved <> (SELECT COALESCE(sum(l.quantity - l.canceled_quantity - "
        "l.shipped_quantity), 0) "
        "FROM order_lines l "
        "JOIN orders o ON o.order_id = l.order_id WHERE l.offer_id = s.offer_id AND o.status IN ('pending', "
        "'confirmed')) "
        "OR s.on_hand <> (SELECT COALESCE(sum(m.delta), 0) FROM stock_movements m WHERE m.offer_id = s.offer_id)"};
    EXPECT_EQ(number(kDifference), 0);
  }

  testing::TemporaryDatabase database_{GetParam()};
};

}  // namespace agora::order
