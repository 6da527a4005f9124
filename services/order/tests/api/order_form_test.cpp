#include "services/order/api/order_form.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

Result<std::vector<LineRequest>> lines(std::string_view body) {
  AGORA_TRY(const auto form, json::read<OrderForm>(body));
  return lines_of(form);
}

std::vector<std::pair<std::string, std::string>> errors(std::string_view body) {
  std::vector<std::pair<std::string, std::string>> found;
  const auto read = lines(body);
  if (read) return found;
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

}  // namespace
}  // namespace agora::order
