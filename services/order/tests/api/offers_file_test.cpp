#include "libs/service/offers_file.hpp"

#include "libs/testing/manual_clock.hpp"
#include "libs/testing/temporary_database.hpp"
#include "services/order/api/demo_users.hpp"
#include "services/order/api/on_event.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

using service::apply_offers;
using service::builtin_offers;
using service::read_offers;

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};

/// A handler with a clock that stands.
EventHandler& test_handler() {
  static testing::ManualClock clock{kNow};
  static service::ErasedUsers erased;
  static EventHandler handler(clock, erased);
  return handler;
}

/// An event of an offers file, in a line.
std::string event(const std::string& type, const std::string& subject, const std::string& data) {
  return R"({"specversion":"1.0","id":"1","source":"/x","type":")" + type + R"(","subject":")" + subject +
         R"(","logid":"offers-file","version":"1","data":)" + data + "}\n";
}

TEST(BuiltinOffers, AreThoseOfTheFirstContract) {
  const auto events = read_offers(builtin_offers());
  EXPECT_TRUE(demo_users_of(events).contains(UserId("u1")));
  testing::TemporaryDatabase database(sql::Engine::sqlite);
  database->migrate(migrations());
  apply_offers(*database, events, test_handler());
  apply_offers(*database, events, test_handler());
  database->read_blocking({}, [](sql::Tx& tx) {
    const auto assortment = load_assortment(tx, {OfferId("o42")}, {});
    const auto* offer = assortment.find(OfferId("o42"));
    ASSERT_NE(offer, nullptr);
    EXPECT_EQ(to_decimal_string(offer->price), "499.99");
    EXPECT_TRUE(offer->sellable);
    EXPECT_EQ(offer->seller_id.str(), "s42");
    EXPECT_EQ(lock_stock(tx, {OfferId("o42")}).available(OfferId("o42")), 1'000'000);
  });
}

TEST(OffersFile, IsAppliedWholeOrNotAtAll) {
  const std::string text =
      std::string(builtin_offers()) +
      R"({"specversion":"1.0","id":"1","source":"/x","type":"offer.created","subject":"o","logid":"offers-file","version":"1","data":{"price":1}})";
  testing::TemporaryDatabase database(sql::Engine::sqlite);
  database->migrate(migrations());
  EXPECT_THROW(apply_offers(*database, read_offers(text), test_handler()), std::runtime_error);
  const auto offers = database->read_blocking({}, [](sql::Tx& tx) {
    static constexpr sql::Sql kCount{"SELECT count(*) FROM offers"};
    auto rows = tx.query(kCount);
    rows.next();
    return rows.int64(0);
  });
  EXPECT_EQ(offers, 0);
}

TEST(DemoUsers, AreTheUsersOfTheFileAlone) {
  const auto users = demo_users_of(read_offers(event("user.registered", "u1", R"({"user_id":"u1"})") +
                                               event("user.renamed", "u2", R"({"user_id":"u2"})") +
                                               event("seller.opened", "s1", "{}") + event("username.x", "no", "{}")));
  EXPECT_EQ(users, (DemoUsers{UserId("u1"), UserId("u2")}));
}

TEST(OffersFile, SaysWhichEventCouldNotBeApplied) {
  testing::TemporaryDatabase database(sql::Engine::sqlite);
  database->migrate(migrations());
  const auto why = [&](const std::string& text) -> std::string {
    try {
      apply_offers(*database, read_offers(text), test_handler());
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  const auto offer = [](const std::string& price, const std::string& currency) {
    return event("offer.created", "o9",
                 R"({"offer_id":"o9","seller_id":"s","product_id":"p","variant_id":"v","sku":"S","price":)" + price +
                     R"(,"currency":")" + currency + R"(","status":"active","requires_shipping":true})");
  };
  for (const auto& text :
       {offer("-1", "USD"), offer("1.5", "USD"), offer("1", "XXX"), offer("1", "usd"), offer("1000000000000", "JPY")}) {
    const auto reason = why(text);
    EXPECT_TRUE(reason.starts_with("offers file, offer.created o9: ")) << reason << " for " << text;
  }
  EXPECT_NE(why(event("seller.opened", "s9", "{}")).find("/seller_id is required"), std::string::npos);
  EXPECT_NE(why(event("product.published", "p9", "{}")).find("/product_id is required"), std::string::npos);
  EXPECT_NE(why(event("user.registered", "u9", "{}")).find("/user_id is required"), std::string::npos);
  EXPECT_EQ(why(offer("999999999999", "JPY")), "");
  EXPECT_EQ(why(event("parcel.shipped", "x", "{}")), "") << "of no concern";
  EXPECT_NE(why(event("user.deleted", "u9", R"({"user_id":"u1"})")).find("/subject must be"), std::string::npos)
      << "another's deletion";
  std::string title;
  for (int i = 0; i < 512; ++i) title += "\u96fb";
  const auto product = [](const std::string& of) {
    return event("product.published", "p9", R"({"product_id":"p9","status":"published","title":")" + of + "\"}");
  };
  EXPECT_EQ(why(product(title)), "") << "512 characters, 1,536 bytes";
  EXPECT_NE(why(product(title + "x")).find("at most 512 characters"), std::string::npos);
}

}  // namespace
}  // namespace agora::order
