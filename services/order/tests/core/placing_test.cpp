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
    return {.offer_id = OfferId(id),
            .quantity = quantity,
            .price = Decimal{cents, 2},
            .line_id = LineId(std::string("line-") + id),
            .pointer = std::move(pointer)};
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

TEST_F(Placing, IsHandledAsLongAsItsSlowestLine) {
  for (const auto* id : {"slow", "quick"}) {
    auto one = offer(id, "p9", "s1", 100);
    one.handling_days = id == std::string("slow") ? 5 : 1;
    assortment_.add(one);
    stock_.add(OfferId(id), {10, 0, 1});
  }
  const auto placed = place_lines({by_offer("slow", 1, 100), by_offer("quick", 1, 100)});
  ASSERT_TRUE(placed.has_value());
  EXPECT_EQ(placed->order.handling_days, 5);
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

TEST_F(Placing, CopiesWhatMustNotChangeLater) {
  const auto placed = place_lines({by_offer("o1", 2, 500), by_offer("o2", 1, 700)});
  ASSERT_TRUE(placed.has_value());
  const auto& [order, group] = *placed;
  EXPECT_EQ(order.order_id.str(), "order");
  EXPECT_EQ(order.user_id.str(), "u1");
  EXPECT_EQ(order.group_id, group.group_id);
  EXPECT_EQ(order.currency.code(), "USD");
  EXPECT_EQ(order.payment_status, PaymentStatus::not_paid);
  EXPECT_EQ(order.fulfillment_status, FulfillmentStatus::not_fulfilled);
  EXPECT_EQ(order.version, 1);
  EXPECT_EQ(order.placed_at, kNow);
  EXPECT_EQ(order.updated_at, kNow);
  EXPECT_FALSE(order.canceled_at.has_value());
  EXPECT_FALSE(order.cancel_reason.has_value());
  EXPECT_TRUE(order.number.empty()) << "the store draws it";
  ASSERT_EQ(order.lines.size(), 2U);
  EXPECT_EQ(order.lines[0].sku, "SKU-o1");
  EXPECT_EQ(order.lines[0].title, "A thing");
  EXPECT_EQ(order.lines[0].product_id.str(), "p1");
  EXPECT_EQ(order.lines[0].variant_id.str(), "v");
  EXPECT_EQ(order.lines[0].quantity, 2);
  EXPECT_EQ(order.lines[0].canceled_quantity, 0);
  EXPECT_EQ(order.lines[0].reserved_quantity(), 2);
  EXPECT_EQ(order.lines[0].unit_price, 500);
  EXPECT_EQ(order.lines[0].amounts, (Amounts{1'000, 0, 0, 0, 1'000}));
  EXPECT_EQ(order.lines[1].amounts, (Amounts{700, 0, 0, 0, 700}));
  EXPECT_TRUE(order.lines[0].requires_shipping);
  EXPECT_EQ(order.lines[0].line_id.str(), "line-o1") << "the caller names it: core draws no ids";
  EXPECT_EQ(group.user_id.str(), "u1");
  EXPECT_EQ(group.currency.code(), "USD");
  EXPECT_EQ(group.status, OrderStatus::pending);
  EXPECT_EQ(group.version, 1);
  EXPECT_EQ(group.placed_at, kNow);
}

TEST_F(Placing, ReservesWhatItOrdersAndNothingElse) {
  ASSERT_TRUE(place_lines({by_offer("o1", 10, 500), by_offer("o2", 1, 700)}).has_value());
  for (const auto& [id, entry] : stock_.entries()) {
    const auto reserved = id.str() == "o1" ? 10 : id.str() == "o2" ? 1 : 0;
    EXPECT_EQ(entry.level.reserved, reserved) << id.str();
    EXPECT_EQ(entry.changed, reserved > 0) << id.str();
  }
}

TEST_F(Placing, APriceIsTheSameHoweverItWasWritten) {
  for (const auto& price : {Decimal{5, 0}, Decimal{50, 1}, Decimal{500, 2}}) {
    EXPECT_TRUE(place_lines({{.offer_id = OfferId("o1"), .quantity = 1, .price = price}}).has_value()) << price.scale;
  }
  EXPECT_TRUE(place_lines({{.offer_id = OfferId("o4"), .quantity = 1, .price = Decimal{1'200, 0}}}).has_value());
}

TEST_F(Placing, NamesEveryLineThatIsUnknownProductsFirst) {
  expect_no({by_offer("no1", 1, 1, "/items/0"), by_offer("o1", 1, 500, "/items/1"), by_offer("no2", 1, 1, "/items/2")},
            Errc::not_found, "unknown_offer",
            {{"/items/0/offer_id", "unknown_offer"}, {"/items/2/offer_id", "unknown_offer"}});
  auto product = by_product("nope", 1, 1);
  product.pointer = "/items/1";
  expect_no({by_offer("no1", 1, 1, "/items/0"), product}, Errc::not_found, "unknown_product",
            {{"/items/1/product_id", "unknown_product"}});
}

TEST_F(Placing, NamesEveryLineThatIsNotSold) {
  auto product = by_product("p5", 1, 100);
  product.pointer = "/items/2";
  expect_no({by_offer("o5", 1, 100, "/items/0"), by_offer("o1", 1, 500, "/items/1"), product}, Errc::conflict,
            "offer_unavailable",
            {{"/items/0/offer_id", "offer_unavailable"}, {"/items/2/product_id", "offer_unavailable"}});
}

TEST_F(Placing, NamesEveryPriceThatChangedAndTheFirstOfTheNewOnes) {
  const std::vector<LineRequest> lines{by_offer("o1", 1, 500, "/items/0"), by_offer("o2", 1, 699, "/items/1"),
                                       by_offer("o7", 1, 501, "/items/2")};
  expect_no(lines, Errc::conflict, "price_changed",
            {{"/items/1/price", "price_changed"}, {"/items/2/price", "price_changed"}});
  const auto placed = place_lines(lines);
  ASSERT_FALSE(placed.has_value());
  ASSERT_EQ(placed.error().details.size(), 2U);
  EXPECT_EQ(placed.error().details[0].name, "current_price");
  EXPECT_EQ(std::get<Money>(placed.error().details[0].value).minor, 700);
  EXPECT_EQ(placed.error().details[1].name, "currency");
  EXPECT_EQ(placed.error().fields[0].message, "is now 7.00 USD");
  EXPECT_EQ(placed.error().fields[1].message, "is now 5.00 USD");
}

TEST_F(Placing, APriceInAnotherCurrencyIsNotTheOffers) {
  auto line = by_offer("o1", 1, 500);
  line.currency = Currency::from_code("JPY");
  expect_no({line}, Errc::conflict, "price_changed", {{"/price", "price_changed"}});
  line.currency = Currency::from_code("USD");
  EXPECT_TRUE(place_lines({line}).has_value());
}

TEST_F(Placing, AProductInAnotherCurrencyIsRefusedWithItsPrice) {
  auto line = by_product("p2", 1, 700);
  line.currency = Currency::from_code("EUR");
  expect_no({line}, Errc::conflict, "price_changed", {{"/price", "price_changed"}});
}

TEST_F(Placing, AProductSoldInSeveralCurrenciesIsNamedWithOne) {
  assortment_.add(offer("o9", "p1", "s3", 400, "JPY"));
  stock_.add(OfferId("o9"), {5, 0, 1});
  auto line = by_product("p1", 1, 450);
  expect_no({line}, Errc::invalid_argument, "validation_failed", {{"/currency", "required"}});
  line.currency = Currency::from_code("EUR");
  expect_no({line}, Errc::conflict, "offer_unavailable", {{"/product_id", "offer_unavailable"}});
  line.currency = Currency::from_code("USD");
  const auto placed = place_lines({line});
  ASSERT_TRUE(placed.has_value());
  EXPECT_EQ(placed->order.lines[0].offer_id.str(), "o3");
}

TEST_F(Placing, NamesEveryPriceWithTooManyDecimals) {
  auto fine = by_offer("o1", 1, 0, "/items/0");
  fine.price = Decimal{50'000, 4};
  auto off = by_offer("o2", 1, 0, "/items/2");
  off.price = Decimal{7'001, 3};
  expect_no({fine, by_offer("o7", 1, 499, "/items/1"), off}, Errc::invalid_argument, "validation_failed",
            {{"/items/0/price", "too_many_decimals"}, {"/items/2/price", "too_many_decimals"}});
}

TEST_F(Placing, NamesEveryLineOfAnotherSellerAndEveryRepeatedOffer) {
  expect_no(
      {by_offer("o1", 1, 500, "/items/0"), by_offer("o3", 1, 450, "/items/1"), by_offer("o2", 1, 700, "/items/2")},
      Errc::invalid_argument, "several_sellers", {{"/items/1", "several_sellers"}});
  auto same = by_product("p7", 1, 500);
  same.pointer = "/items/2";
  expect_no({by_offer("o7", 1, 500, "/items/0"), by_offer("o1", 1, 500, "/items/1"), same,
             by_offer("o1", 1, 500, "/items/3")},
            Errc::invalid_argument, "validation_failed",
            {{"/items/2", "duplicate_offer"}, {"/items/3", "duplicate_offer"}});
}

TEST_F(Placing, AnOfferWithoutAStockRowIsOutOfStock) {
  assortment_.add(offer("o9", "p9", "s1", 100));
  expect_no({by_offer("o9", 1, 100)}, Errc::conflict, "out_of_stock", {{"/quantity", "out_of_stock"}});
}

TEST_F(Placing, TellsOfThePriceBeforeTheStock) {
  expect_no({by_offer("o1", 11, 499)}, Errc::conflict, "price_changed", {{"/price", "price_changed"}});
}

TEST_F(Placing, NamesTheLineThatMakesTheTotalTooLarge) {
  ASSERT_TRUE(place_lines({by_offer("o6", 1, 99'999'999'999'999)}).has_value()) << "just below";
  stock_.release(OfferId("o6"), 1);
  expect_no({by_offer("o6", 1, 99'999'999'999'999, "/items/0"), by_offer("o1", 1, 500, "/items/1")},
            Errc::invalid_argument, "validation_failed", {{"/items/1/quantity", "amount_too_large"}});
}

class BuyBox : public ::testing::Test {
 protected:
  void add(Offer made, std::optional<std::int64_t> on_hand, std::int64_t reserved = 0) {
    if (on_hand) stock_.add(made.offer_id, {*on_hand, reserved, 1});
    assortment_.add(std::move(made));
  }
  std::string chosen(std::optional<Currency> currency = std::nullopt) const {
    const auto* found = assortment_.buy_box(ProductId("p"), currency, stock_);
    return found == nullptr ? "none" : found->offer_id.str();
  }

  Assortment assortment_;
  StockLevels stock_;
};

TEST_F(BuyBox, IsNoneForAProductThatNobodyOffers) {
  EXPECT_EQ(chosen(), "none");
  EXPECT_FALSE(assortment_.knows(ProductId("p")));
  add(offer("a", "p", "s", 100, "USD", false), 5);
  EXPECT_EQ(chosen(), "none") << "nobody sells it now";
  EXPECT_TRUE(assortment_.knows(ProductId("p")));
}

TEST_F(BuyBox, IsTheCheapestThatIsSoldAndThere) {
  add(offer("cheapest-not-sold", "p", "s", 1, "USD", false), 5);
  add(offer("cheap-all-reserved", "p", "s", 2), 5, 5);
  add(offer("cheap-no-row", "p", "s", 3), std::nullopt);
  add(offer("dear", "p", "s", 900), 5);
  add(offer("less-dear", "p", "s", 800), 1);
  add(offer("of-another-product", "q", "s", 4), 5);
  EXPECT_EQ(chosen(), "less-dear");
  stock_.reserve(OfferId("less-dear"), 1);
  EXPECT_EQ(chosen(), "dear");
  stock_.reserve(OfferId("dear"), 5);
  EXPECT_EQ(chosen(), "cheap-all-reserved") << "where none is in stock, the cheapest that is sold";
}

TEST_F(BuyBox, TiesGoToTheLowerIdInWhateverOrderTheyCame) {
  add(offer("b", "p", "s1", 100), 1);
  add(offer("a", "p", "s2", 100), 1);
  add(offer("B", "p", "s3", 100), 1);
  EXPECT_EQ(chosen(), "B") << "bytewise";
  stock_.reserve(OfferId("B"), 1);
  EXPECT_EQ(chosen(), "a");
  stock_.reserve(OfferId("a"), 1);
  stock_.reserve(OfferId("b"), 1);
  EXPECT_EQ(chosen(), "B") << "of those out of stock too";
}

TEST_F(BuyBox, ComparesPricesOfOneCurrency) {
  const auto usd = *Currency::from_code("USD");
  const auto jpy = *Currency::from_code("JPY");
  add(offer("dollars", "p", "s", 900, "USD"), 1);
  EXPECT_EQ(assortment_.currencies(ProductId("p"), stock_), 1U);
  add(offer("yen", "p", "s", 800, "JPY"), 1);
  add(offer("yen-not-sold", "p", "s", 1, "EUR", false), 1);
  EXPECT_EQ(assortment_.currencies(ProductId("p"), stock_), 2U) << "of what is sold";
  EXPECT_EQ(assortment_.currencies(ProductId("q"), stock_), 0U);
  EXPECT_EQ(chosen(usd), "dollars");
  EXPECT_EQ(chosen(jpy), "yen");
  EXPECT_EQ(chosen(*Currency::from_code("EUR")), "none");
}

TEST_F(BuyBox, AnOfferThatNobodyCanBuyAddsNoCurrency) {
  add(offer("dollars", "p", "s", 900, "USD"), 1);
  add(offer("euros-none-left", "p", "s", 1, "EUR"), std::nullopt);
  EXPECT_EQ(assortment_.currencies(ProductId("p"), stock_), 1U);
  EXPECT_EQ(chosen(), "dollars");
  stock_.reserve(OfferId("dollars"), 1);
  EXPECT_EQ(assortment_.currencies(ProductId("p"), stock_), 2U) << "none is in stock: all count";
}

TEST_F(BuyBox, FindsOffersByTheirId) {
  add(offer("a", "p", "s", 100), 1);
  ASSERT_NE(assortment_.find(OfferId("a")), nullptr);
  EXPECT_EQ(assortment_.find(OfferId("a"))->price.minor, 100);
  EXPECT_EQ(assortment_.find(OfferId("b")), nullptr);
  EXPECT_EQ(assortment_.offers().size(), 1U);
}

}  // namespace
}  // namespace agora::order
