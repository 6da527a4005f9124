#include "services/order/api/offers_file.hpp"

#include "libs/testing/temporary_database.hpp"
#include "services/order/store/order_store.hpp"
#include "services/order/store/stock_table.hpp"

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};

std::string refusal(const std::string& text) {
  try {
    read_offers(text);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(BuiltinOffers, AreThoseOfTheFirstContract) {
  const auto events = read_offers(builtin_offers());
  EXPECT_TRUE(demo_users_of(events).contains(UserId("u1")));
  testing::TemporaryDatabase database(sql::Engine::sqlite);
  database->migrate(migrations());
  apply_offers(*database, events, kNow);
  apply_offers(*database, events, kNow);
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

TEST(OffersFile, NamesTheLineThatIsWrong) {
  const std::string good =
      R"({"specversion":"1.0","id":"1","source":"/x","type":"user.registered","subject":"u","logid":"offers-file","version":"1","data":{"user_id":"u"}})";
  EXPECT_EQ(refusal(good + "\n\n" + good), "");
  EXPECT_NE(refusal(good + "\n{").find("line 2"), std::string::npos);
  const auto changed = [&](const std::string& from, const std::string& to) {
    auto text = good;
    return refusal(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_NE(changed("\"1\",\"data\"", "\"0\",\"data\"").find("version"), std::string::npos);
  EXPECT_NE(changed("offers-file", "another-log").find("logid"), std::string::npos);
  EXPECT_NE(changed("{\"user_id\":\"u\"}", "[]").find("data"), std::string::npos);
  EXPECT_NE(changed("\"type\"", "\"kind\"").find("/type"), std::string::npos);
}

TEST(OffersFile, IsAppliedWholeOrNotAtAll) {
  const std::string text =
      std::string(builtin_offers()) +
      R"({"specversion":"1.0","id":"1","source":"/x","type":"offer.created","subject":"o","logid":"offers-file","version":"1","data":{"price":1}})";
  testing::TemporaryDatabase database(sql::Engine::sqlite);
  database->migrate(migrations());
  EXPECT_THROW(apply_offers(*database, read_offers(text), kNow), std::runtime_error);
  const auto offers = database->read_blocking({}, [](sql::Tx& tx) {
    static constexpr sql::Sql kCount{"SELECT count(*) FROM offers"};
    auto rows = tx.query(kCount);
    rows.next();
    return rows.int64(0);
  });
  EXPECT_EQ(offers, 0);
}

}  // namespace
}  // namespace agora::order
