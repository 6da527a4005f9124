#include "services/order/core/cart.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
constexpr Timestamp kLater = kNow + std::chrono::seconds(1);

Offer offer(const char* id, std::int64_t price = 500, const char* currency = "USD", bool sellable = true) {
  return {.offer_id = OfferId(id), .price = Money{price, Currency::from_code(currency).value()}, .sellable = sellable};
}

Cart cart(const char* id = "c", const char* user = "u1") {
  return {.cart_id = CartId(id), .user_id = UserId(user), .created_at = kNow, .updated_at = kNow};
}

std::string code_of(const Result<void>& result) {
  if (result) return "yes";
  const auto& fields = result.error().fields;
  return result.error().code + (fields.empty() ? "" : " " + fields.front().pointer + "=" + fields.front().code);
}

TEST(Cart, HoldsOneLineForEachOffer) {
  auto c = cart();
  ASSERT_TRUE(c.add(offer("o1"), 2, LineId("l1"), kLater).has_value());
  ASSERT_TRUE(c.add(offer("o2"), 1, LineId("l2"), kLater).has_value());
  ASSERT_TRUE(c.add(offer("o1", 550), 3, LineId("l3"), kLater).has_value());
  ASSERT_EQ(c.lines.size(), 2U);
  EXPECT_EQ(c.lines[0], (CartLine{LineId("l1"), OfferId("o1"), 1, 5, 550}));
  EXPECT_EQ(c.lines[1].position, 2);
  EXPECT_EQ(c.currency, Currency::from_code("USD"));
  EXPECT_EQ(c.version, 4);
  EXPECT_EQ(c.updated_at, kLater);
}

TEST(Cart, HasOneCurrencyUntilItIsEmpty) {
  auto c = cart();
  ASSERT_TRUE(c.add(offer("o1"), 1, LineId("l1"), kNow).has_value());
  EXPECT_EQ(code_of(c.add(offer("yen", 100, "JPY"), 1, LineId("l2"), kNow)), "mixed_currencies");
  ASSERT_TRUE(c.remove(LineId("l1"), kNow).has_value());
  EXPECT_FALSE(c.currency.has_value());
  EXPECT_TRUE(c.add(offer("yen", 100, "JPY"), 1, LineId("l2"), kNow).has_value());
}

TEST(Cart, HasItsLimits) {
  auto c = cart();
  EXPECT_EQ(code_of(c.add(offer("o", 500, "USD", false), 1, LineId("l"), kNow)), "offer_unavailable");
  ASSERT_TRUE(c.add(offer("o0", 1), kQuantityMax, LineId("l"), kNow).has_value());
  EXPECT_EQ(code_of(c.add(offer("o0", 1), 1, LineId("l"), kNow)), "validation_failed /quantity=out_of_range");
  EXPECT_EQ(code_of(c.add(offer("dear", 99'999'999'999'999), 2, LineId("l"), kNow)),
            "validation_failed /quantity=amount_too_large");
  for (std::size_t i = 1; i < kLinesMax; ++i) {
    const auto id = "o" + std::to_string(i);
    ASSERT_TRUE(c.add(offer(id.c_str()), 1, LineId("l" + std::to_string(i)), kNow).has_value());
  }
  const auto version = c.version;
  EXPECT_EQ(code_of(c.add(offer("more"), 1, LineId("l"), kNow)), "validation_failed /offer_id=out_of_range");
  EXPECT_TRUE(c.add(offer("o5"), 1, LineId("l"), kNow).has_value()) << "a line that is there may grow";
  EXPECT_EQ(c.version, version + 1);
}

TEST(Cart, ThatWasCheckedOutStaysAsItIs) {
  auto c = cart();
  ASSERT_TRUE(c.add(offer("o1"), 1, LineId("l1"), kNow).has_value());
  ASSERT_TRUE(c.check_out(OrderGroupId("g"), kLater).has_value());
  EXPECT_EQ(c.status, CartStatus::checked_out);
  EXPECT_EQ(c.group_id, OrderGroupId("g"));
  const auto version = c.version;
  EXPECT_EQ(code_of(c.add(offer("o1"), 1, LineId("l"), kNow)), "cart_closed");
  EXPECT_EQ(code_of(c.set_quantity(LineId("l1"), 2, kNow)), "cart_closed");
  EXPECT_EQ(code_of(c.remove(LineId("l1"), kNow)), "cart_closed");
  EXPECT_EQ(code_of(c.edit({}, kNow)), "cart_closed");
  EXPECT_EQ(code_of(c.check_out(OrderGroupId("h"), kNow)), "cart_closed");
  EXPECT_EQ(c.version, version);
}

TEST(Cart, HasNoLineThatIsNotThere) {
  auto c = cart();
  EXPECT_EQ(code_of(c.set_quantity(LineId("none"), 2, kNow)), "not_found");
  EXPECT_EQ(code_of(c.remove(LineId("none"), kNow)), "not_found");
  EXPECT_EQ(c.version, 1);
}

TEST(CartsMerging, SumWhatBothHaveAndKeepWhatIsTheUsers) {
  auto own = cart("mine");
  own.contact.email = "mine@example.com";
  ASSERT_TRUE(own.add(offer("o1"), 1, LineId("a"), kNow).has_value());
  ASSERT_TRUE(own.add(offer("o2"), kQuantityMax, LineId("b"), kNow).has_value());
  auto guests = cart("theirs", "g1");
  guests.contact = {.email = "guest@example.com", .shipping_address = Address{.name = "G"}};
  ASSERT_TRUE(guests.add(offer("o3"), 4, LineId("c"), kNow).has_value());
  ASSERT_TRUE(guests.add(offer("o1"), 2, LineId("d"), kNow).has_value());
  ASSERT_TRUE(guests.add(offer("o2"), 2, LineId("e"), kNow).has_value());
  ASSERT_TRUE(own.can_take_in(guests));
  own.take_in(guests, kLater);
  ASSERT_EQ(own.lines.size(), 3U);
  EXPECT_EQ(own.lines[0].quantity, 3);
  EXPECT_EQ(own.lines[1].quantity, kQuantityMax);
  EXPECT_EQ(own.lines[2], (CartLine{LineId("c"), OfferId("o3"), 3, 4, 500}));
  EXPECT_EQ(own.contact.email, "mine@example.com");
  EXPECT_EQ(own.contact.shipping_address->name, "G");
}

TEST(CartsMerging, StayApartWhereTheyDoNotFit) {
  auto own = cart();
  ASSERT_TRUE(own.add(offer("o1"), 1, LineId("a"), kNow).has_value());
  auto yen = cart("y", "g1");
  ASSERT_TRUE(yen.add(offer("yen", 100, "JPY"), 1, LineId("y"), kNow).has_value());
  EXPECT_FALSE(own.can_take_in(yen));
  auto full = cart("f", "g1");
  for (std::size_t i = 0; i < kLinesMax; ++i) {
    const auto id = "x" + std::to_string(i);
    ASSERT_TRUE(full.add(offer(id.c_str()), 1, LineId(id), kNow).has_value());
  }
  EXPECT_FALSE(own.can_take_in(full));
  auto empty = cart("e");
  EXPECT_TRUE(empty.can_take_in(full));
  ASSERT_TRUE(own.check_out(OrderGroupId("g"), kNow).has_value());
  EXPECT_FALSE(own.can_take_in(cart("z", "g1")));
}

TEST(CartPrices, AreTodaysAndLeaveOutWhatCannotBeBought) {
  auto c = cart();
  for (const auto* id : {"o1", "gone", "short", "unknown"}) {
    ASSERT_TRUE(c.add(offer(id), 2, LineId(id), kNow).has_value());
  }
  Assortment assortment;
  assortment.add(offer("o1", 600));
  assortment.add(offer("gone", 500, "USD", false));
  assortment.add(offer("short", 700));
  StockLevels stock;
  stock.add(OfferId("o1"), {2, 0, 1});
  stock.add(OfferId("short"), {5, 4, 1});
  const auto priced = price(c, assortment, stock);
  ASSERT_EQ(priced.lines.size(), 4U);
  EXPECT_EQ(priced.lines[0].availability, LineAvailability::available);
  EXPECT_EQ(priced.lines[0].amounts.total, 1'200);
  EXPECT_EQ(priced.lines[1].availability, LineAvailability::unavailable);
  EXPECT_EQ(priced.lines[1].amounts.total, 0);
  EXPECT_EQ(priced.lines[2].availability, LineAvailability::out_of_stock);
  EXPECT_EQ(priced.lines[3].availability, LineAvailability::unavailable);
  EXPECT_FALSE(priced.lines[3].offer.has_value());
  EXPECT_EQ(priced.amounts, (Amounts{2'600, 0, 0, 0, 2'600}));
}

TEST(CartPrices, ThatNoAmountHoldsMakeALineUnavailable) {
  auto c = cart();
  ASSERT_TRUE(c.add(offer("o1", 1), kQuantityMax, LineId("l"), kNow).has_value());
  Assortment assortment;
  assortment.add(offer("o1", 99'999'999'999'999));
  const auto priced = price(c, assortment, {});
  EXPECT_EQ(priced.lines[0].availability, LineAvailability::unavailable);
  EXPECT_EQ(priced.amounts.total, 0);
}

}  // namespace
}  // namespace agora::order
