#include "services/order/core/placing.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};

Offer offer(const char* id, const char* product, const char* seller, std::int64_t price, const char* currency = "USD",
            bool sellable = true) {
  return {.offer_id = OfferId(id),
          .product_id = ProductId(product),
          .variant_id = VariantId("v"),
          .seller_id = SellerId(seller),
          .sku = std::string("SKU-") + id,
          .title = "A thing",
          .price = Money{price, Currency::from_code(currency).value()},
          .sellable = sellable};
}

class Placing : public ::testing::Test {
 protected:
  Placing() {
    for (const auto& [o, quantity] :
         std::vector<std::pair<Offer, std::int64_t>>{{offer("o1", "p1", "s1", 500), 10},
                                                     {offer("o2", "p2", "s1", 700), 5},
                                                     {offer("o3", "p1", "s2", 450), 3},
                                                     {offer("o4", "p4", "s1", 1'200, "JPY"), 5},
                                                     {offer("o5", "p5", "s1", 100, "USD", false), 5},
                                                     {offer("o6", "p6", "s1", 99'999'999'999'999), 1'000'000},
                                                     {offer("o7", "p7", "s1", 500), 1},
                                                     {offer("o8", "p7", "s1", 500), 1}}) {
      stock_.add(o.offer_id, {quantity, 0, 1});
      assortment_.add(o);
    }
  }

  static LineRequest by_offer(const char* id, std::int64_t quantity, std::int64_t cents, std::string pointer = "") {
    return {.offer_id = OfferId(id), .quantity = quantity, .price = Decimal{cents, 2}, .pointer = std::move(pointer)};
  }
  static LineRequest by_product(const char* id, std::int64_t quantity, std::int64_t cents) {
    return {.product_id = ProductId(id), .quantity = quantity, .price = Decimal{cents, 2}};
  }

  Result<Placed> place_lines(std::vector<LineRequest> lines) {
    return place(
        {OrderId("order"), OrderGroupId("group"), UserId("u1"), std::move(lines), kNow, std::chrono::minutes(15)},
        assortment_, stock_);
  }

  /// Expects a refusal that names these lines and reserves nothing.
  void expect_no(std::vector<LineRequest> lines, Errc errc, const char* code,
                 std::vector<std::pair<std::string, std::string>> fields) {
    const auto placed = place_lines(std::move(lines));
    ASSERT_FALSE(placed.has_value()) << code;
    EXPECT_EQ(placed.error().errc, errc);
    EXPECT_EQ(placed.error().code, code);
    std::vector<std::pair<std::string, std::string>> got;
    for (const auto& field : placed.error().fields) got.emplace_back(field.pointer, field.code);
    EXPECT_EQ(got, fields);
    for (const auto& [id, entry] : stock_.entries()) EXPECT_EQ(entry.level.reserved, 0) << id.str();
  }

  Assortment assortment_;
  StockLevels stock_;
};

TEST_F(Placing, FreezesPricesSumsTotalsAndReserves) {
  const auto placed = place_lines({by_offer("o1", 2, 500), by_offer("o2", 1, 700)});
  ASSERT_TRUE(placed.has_value());
  const auto& order = placed->order;
  EXPECT_EQ(order.amounts, (Amounts{1'700, 0, 0, 0, 1'700}));
  EXPECT_EQ(order.lines[0].amounts.total, 1'000);
  EXPECT_EQ(order.lines[1].unit_price, 700);
  EXPECT_EQ(order.status, OrderStatus::pending);
  EXPECT_EQ(order.pay_by, kNow + std::chrono::minutes(15));
  EXPECT_EQ(order.seller_id.str(), "s1");
  EXPECT_EQ(placed->group.amounts, order.amounts);
  EXPECT_EQ(placed->group.pay_by, order.pay_by);
  EXPECT_EQ(stock_.available(OfferId("o1")), 8);
  EXPECT_EQ(stock_.available(OfferId("o2")), 4);
}

TEST_F(Placing, AProductMeansItsCheapestSellableOfferInStock) {
  EXPECT_EQ(place_lines({by_product("p1", 3, 450)})->order.lines[0].offer_id.str(), "o3");
  EXPECT_EQ(place_lines({by_product("p1", 1, 500)})->order.lines[0].offer_id.str(), "o1");
}

TEST_F(Placing, EqualPricesGoToTheLowerId) {
  EXPECT_EQ(place_lines({by_product("p7", 1, 500)})->order.lines[0].offer_id.str(), "o7");
  EXPECT_EQ(place_lines({by_product("p7", 1, 500)})->order.lines[0].offer_id.str(), "o8");
  const auto none = place_lines({by_product("p7", 1, 500)});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, "out_of_stock");
}

TEST_F(Placing, RefusesWhatIsUnknown) {
  expect_no({by_product("nope", 1, 1)}, Errc::not_found, "unknown_product", {{"/product_id", "unknown_product"}});
  expect_no({by_offer("nope", 1, 1, "/items/0")}, Errc::not_found, "unknown_offer",
            {{"/items/0/offer_id", "unknown_offer"}});
}

TEST_F(Placing, RefusesWhatIsNotSold) {
  expect_no({by_offer("o5", 1, 100)}, Errc::conflict, "offer_unavailable", {{"/offer_id", "offer_unavailable"}});
  expect_no({by_product("p5", 1, 100)}, Errc::conflict, "offer_unavailable", {{"/product_id", "offer_unavailable"}});
}

TEST_F(Placing, RefusesAnotherPriceWithTheCurrentOne) {
  expect_no({by_offer("o1", 1, 499)}, Errc::conflict, "price_changed", {{"/price", "price_changed"}});
  const auto placed = place_lines({by_offer("o1", 1, 499)});
  ASSERT_EQ(placed.error().details.size(), 2U);
  EXPECT_EQ(std::get<Money>(placed.error().details[0].value).minor, 500);
  EXPECT_EQ(std::get<std::string>(placed.error().details[1].value), "USD");
}

TEST_F(Placing, RefusesDecimalsThatTheCurrencyHasNot) {
  expect_no({by_offer("o4", 1, 120'000)}, Errc::invalid_argument, "validation_failed",
            {{"/price", "too_many_decimals"}});
}

TEST_F(Placing, NamesEveryLineThatIsOutOfStock) {
  expect_no(
      {by_offer("o1", 11, 500, "/items/0"), by_offer("o2", 1, 700, "/items/1"), by_offer("o7", 2, 500, "/items/2")},
      Errc::conflict, "out_of_stock", {{"/items/0/quantity", "out_of_stock"}, {"/items/2/quantity", "out_of_stock"}});
}

TEST_F(Placing, HasOneSellerOneCurrencyAndEachOfferOnce) {
  expect_no({by_offer("o1", 1, 500, "/items/0"), by_offer("o3", 1, 450, "/items/1")}, Errc::invalid_argument,
            "several_sellers", {{"/items/1", "several_sellers"}});
  expect_no({by_offer("o1", 1, 500, "/items/0"),
             {.offer_id = OfferId("o4"), .quantity = 1, .price = Decimal{1'200, 0}, .pointer = "/items/1"}},
            Errc::conflict, "mixed_currencies", {{"/items/1", "mixed_currencies"}});
  expect_no({by_offer("o1", 1, 500, "/items/0"), by_offer("o1", 1, 500, "/items/1")}, Errc::invalid_argument,
            "validation_failed", {{"/items/1", "duplicate_offer"}});
}

TEST_F(Placing, RefusesATotalThatReachesTheLimit) {
  expect_no({by_offer("o6", 1'000'000, 99'999'999'999'999)}, Errc::invalid_argument, "validation_failed",
            {{"/quantity", "amount_too_large"}});
  expect_no({by_offer("o6", 2, 99'999'999'999'999)}, Errc::invalid_argument, "validation_failed",
            {{"/quantity", "amount_too_large"}});
}

}  // namespace
}  // namespace agora::order
