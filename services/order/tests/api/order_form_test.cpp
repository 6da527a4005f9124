#include "services/order/api/order_form.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};

Result<std::vector<LineRequest>> lines(std::string_view body) {
  AGORA_TRY(const auto form, json::read<OrderForm>(body));
  return lines_of(form, kNow);
}

std::vector<std::pair<std::string, std::string>> errors(std::string_view body) {
  std::vector<std::pair<std::string, std::string>> found;
  const auto read = lines(body);
  if (read) return found;
  if (read.error().fields.empty()) return {{"", read.error().code}};
  for (const auto& field : read.error().fields) found.emplace_back(field.pointer, field.code);
  return found;
}

TEST(OrderForm, TheFirstContractsFormIsOneLine) {
  const auto one = lines(R"({"user_id":"u1","product_id":"p42","quantity":2,"price":499.99})");
  ASSERT_TRUE(one.has_value());
  ASSERT_EQ(one->size(), 1U);
  EXPECT_EQ((*one)[0].product_id->str(), "p42");
  EXPECT_EQ((*one)[0].pointer, "");
}

TEST(OrderForm, ItemsAreLinesWithTheirPointers) {
  const auto two =
      lines(R"({"items":[{"offer_id":"a","quantity":1,"price":1},{"product_id":"b","quantity":2,"price":2.5}]})");
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ((*two)[1].pointer, "/items/1");
  EXPECT_EQ((*two)[1].quantity, 2);
}

TEST(OrderForm, EveryLineHasAnIdOfItsOwn) {
  const auto two =
      lines(R"({"items":[{"offer_id":"a","quantity":1,"price":1},{"offer_id":"b","quantity":1,"price":1}]})");
  ASSERT_TRUE(two.has_value());
  EXPECT_FALSE((*two)[0].line_id.str().empty());
  EXPECT_NE((*two)[0].line_id, (*two)[1].line_id);
}

TEST(OrderForm, APriceMayNameItsCurrency) {
  using List = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ((*lines(R"({"offer_id":"o","quantity":1,"price":1,"currency":"JPY"})"))[0].currency,
            Currency::from_code("JPY"));
  EXPECT_EQ((*lines(R"({"offer_id":"o","quantity":1,"price":1,"currency":null})"))[0].currency, std::nullopt);
  EXPECT_EQ(errors(R"({"offer_id":"o","quantity":1,"price":1,"currency":"usd"})"),
            (List{{"/currency", "invalid_currency"}}));
  EXPECT_EQ(errors(R"({"currency":"USD","items":[{"offer_id":"a","quantity":1,"price":1,"currency":7}]})"),
            (List{{"/items/0/currency", "wrong_type"}, {"/currency", "conflicting_fields"}}));
}

TEST(OrderForm, TheTwoFormsExcludeEachOther) {
  EXPECT_EQ(
      errors(
          R"({"product_id":"p","offer_id":"o","quantity":1,"price":1,"items":[{"offer_id":"a","quantity":1,"price":1}]})")
          .size(),
      4U);
}

TEST(OrderForm, ALineNamesAnOfferOrAProduct) {
  using List = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(errors(R"({"quantity":1,"price":1})"), (List{{"/product_id", "required"}}));
  EXPECT_EQ(errors(R"({"items":[{"product_id":"p","offer_id":"o","quantity":1,"price":1}]})"),
            (List{{"/items/0/offer_id", "conflicting_fields"}}));
  EXPECT_EQ(errors(R"({"items":[]})"), (List{{"/items", "out_of_range"}}));
}

using List = std::vector<std::pair<std::string, std::string>>;

std::string code_of(std::string_view body) {
  const auto read = lines(body);
  return read ? "" : read.error().code;
}

TEST(OrderForm, CarriesEveryMemberOfItsLine) {
  const auto one = lines(R"({"offer_id":"o42","quantity":1000000,"price":499.99})");
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ((*one)[0].offer_id->str(), "o42");
  EXPECT_FALSE((*one)[0].product_id.has_value());
  EXPECT_EQ((*one)[0].quantity, kQuantityMax);
  EXPECT_EQ((*one)[0].price, (Decimal{49'999, 2}));
  const auto item = lines(R"({"user_id":"u1","items":[{"product_id":"p","quantity":3,"price":7}]})");
  ASSERT_TRUE(item.has_value());
  ASSERT_EQ(item->size(), 1U);
  EXPECT_EQ((*item)[0].product_id->str(), "p");
  EXPECT_FALSE((*item)[0].offer_id.has_value());
  EXPECT_EQ((*item)[0].quantity, 3);
  EXPECT_EQ((*item)[0].price, (Decimal{7, 0}));
  EXPECT_EQ((*item)[0].pointer, "/items/0");
}

TEST(OrderForm, NullIsAsGoodAsAbsent) {
  EXPECT_EQ(code_of(R"({"user_id":null,"offer_id":null,"product_id":"p","quantity":1,"price":1,"items":null})"), "");
}

TEST(OrderForm, SaysAllThatIsMissingAtOnce) {
  EXPECT_EQ(errors("{}"), (List{{"/quantity", "required"}, {"/price", "required"}, {"/product_id", "required"}}));
  EXPECT_EQ(errors(R"({"items":[{"offer_id":"a"},{}]})"), (List{{"/items/0/quantity", "required"},
                                                                {"/items/0/price", "required"},
                                                                {"/items/1/quantity", "required"},
                                                                {"/items/1/price", "required"},
                                                                {"/items/1/product_id", "required"}}));
  EXPECT_EQ(errors(R"({"offer_id":"o","product_id":"p","quantity":0,"colour":1})"),
            (List{{"/quantity", "out_of_range"},
                  {"/colour", "unknown_field"},
                  {"/price", "required"},
                  {"/offer_id", "conflicting_fields"}}));
  EXPECT_EQ(errors(R"({"items":[{"quantity":1,"price":1},{"offer_id":"o","product_id":"p","quantity":1,"price":1}]})"),
            (List{{"/items/0/product_id", "required"}, {"/items/1/offer_id", "conflicting_fields"}}));
}

TEST(OrderForm, NamesEachMemberThatStandsInTheWrongForm) {
  EXPECT_EQ(errors(R"({"product_id":"p","offer_id":"o","quantity":1,"price":1,"items":[]})"),
            (List{{"/product_id", "conflicting_fields"},
                  {"/offer_id", "conflicting_fields"},
                  {"/quantity", "conflicting_fields"},
                  {"/price", "conflicting_fields"},
                  {"/items", "out_of_range"}}));
  EXPECT_EQ(errors(R"({"product_id":"p","offer_id":"o","quantity":1,"price":1})"),
            (List{{"/offer_id", "conflicting_fields"}}));
}

TEST(OrderForm, RefusesQuantitiesThatAreNone) {
  const auto quantity = [](const std::string& text) {
    return errors(R"({"product_id":"p","price":1,"quantity":)" + text + "}");
  };
  EXPECT_EQ(quantity("1"), List{});
  for (const char* text : {"0", "-1", "1000001", "18446744073709551617"}) {
    EXPECT_EQ(quantity(text), (List{{"/quantity", "out_of_range"}})) << text;
  }
  for (const char* text : {"1.5", "2.0", "1e3", "-0"}) {
    EXPECT_EQ(quantity(text), (List{{"/quantity", "not_an_integer"}})) << text;
  }
  for (const char* text : {"\"2\"", "true", "[]"})
    EXPECT_EQ(quantity(text), (List{{"/quantity", "wrong_type"}})) << text;
}

TEST(OrderForm, RefusesPricesThatAreNone) {
  const auto price = [](const std::string& text) {
    return errors(R"({"items":[{"product_id":"p","quantity":1,"price":)" + text + "}]}");
  };
  EXPECT_EQ(price("0"), List{});
  const std::pair<const char*, const char*> cases[] = {{"-1", "negative"},
                                                       {"-0", "negative"},
                                                       {"1e2", "exponent"},
                                                       {"1.23456", "too_many_decimals"},
                                                       {"1000000000000", "too_large"},
                                                       {"\"1\"", "wrong_type"},
                                                       {"null", "wrong_type"}};
  for (const auto& [text, code] : cases) EXPECT_EQ(price(text), (List{{"/items/0/price", code}})) << text;
}

TEST(OrderForm, HasAtMostAHundredLines) {
  const auto with = [](std::size_t count) {
    std::string body = R"({"items":[)";
    for (std::size_t i = 0; i < count; ++i) {
      body += std::string(i == 0 ? "" : ",") + R"({"offer_id":"o)" + std::to_string(i) + R"(","quantity":1,"price":1})";
    }
    return body + "]}";
  };
  ASSERT_TRUE(lines(with(kLinesMax)).has_value());
  EXPECT_EQ(lines(with(kLinesMax))->back().pointer, "/items/99");
  EXPECT_EQ(errors(with(kLinesMax + 1)), (List{{"/items", "out_of_range"}}));
}

TEST(OrderForm, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(errors(R"({"product_id":"p","quantity":1,"price":1,"colour":"red"})"),
            (List{{"/colour", "unknown_field"}}));
  EXPECT_EQ(errors(R"({"items":[{"product_id":"p","quantity":1,"price":1,"a/b":1}]})"),
            (List{{"/items/0/a~1b", "unknown_field"}}));
  EXPECT_EQ(errors(R"({"user_id":"u 1","product_id":"","quantity":1,"price":1})"),
            (List{{"/user_id", "invalid_id"}, {"/product_id", "invalid_id"}}));
  EXPECT_EQ(code_of("{}"), "validation_failed");
  EXPECT_EQ(code_of("{"), "malformed_json");
  EXPECT_EQ(code_of(R"({"price":1,"price":2})"), "duplicate_key");
}

}  // namespace
}  // namespace agora::order
