#include "services/order/api/order_json.hpp"

#include <gtest/gtest.h>

#include "libs/json/document.hpp"
#include "services/order/api/fulfillment_json.hpp"

namespace agora::order {
namespace {

Order order() {
  Order made{.order_id = OrderId("o-1"),
             .number = "0123456789",
             .group_id = OrderGroupId("g-1"),
             .user_id = UserId("u1"),
             .seller_id = SellerId("s1"),
             .currency = Currency::from_code("USD").value()};
  made.amounts = {99'998, 0, 0, 0, 99'998};
  made.lines.push_back({.line_id = LineId("l-1"),
                        .offer_id = OfferId("o42"),
                        .product_id = ProductId("p42"),
                        .variant_id = VariantId("v42"),
                        .sku = "S\"KU",
                        .title = "Ding",
                        .quantity = 2,
                        .unit_price = 49'999,
                        .amounts = {99'998, 0, 0, 0, 99'998}});
  return made;
}

TEST(OrderJson, StartsWithTheFirstContractsSixMembers) {
  EXPECT_TRUE(render_order(order()).starts_with(
      R"({"order_id":"o-1","user_id":"u1","product_id":"p42","quantity":2,"total":999.98,"status":"pending",)"));
}

TEST(OrderJson, WritesEveryMemberAlways) {
  EXPECT_EQ(
      render_order(order()),
      R"({"order_id":"o-1","user_id":"u1","product_id":"p42","quantity":2,"total":999.98,"status":"pending","number":"0123456789",)"
      R"("order_group_id":"g-1","seller_id":"s1","currency":"USD","payment_status":"not_paid","fulfillment_status":"not_fulfilled",)"
      R"("cancel_reason":null,"subtotal":999.98,"discount_total":0.00,"shipping_total":0.00,"tax_total":0.00,"canceled_total":0.00,"refunded_total":0.00,"items":[{"line_id":"l-1",)"
      R"("offer_id":"o42","product_id":"p42","variant_id":"v42","sku":"S\"KU","title":"Ding","quantity":2,"canceled_quantity":0,"fulfilled_quantity":0,"shipped_quantity":0,"delivered_quantity":0,"refunded_quantity":0,"price":499.99,)"
      R"("subtotal":999.98,"discount_total":0.00,"shipping_total":0.00,"tax_total":0.00,"total":999.98,"canceled_total":0.00,"requires_shipping":true}],"fulfillments":[],)"
      R"("placed_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:00.000Z","canceled_at":null,"pay_by":null,"ship_by":null,"delivered_at":null,"completed_at":null,"version":1})");
}

TEST(OrderJson, SeveralLinesHaveNoOneProductAtTheTop) {
  auto several = order();
  several.lines.push_back(several.lines[0]);
  EXPECT_NE(render_order(several).find(R"("product_id":null,"quantity":null,"total")"), std::string::npos);
}

TEST(OrderJson, ShowsFulfillmentsThatHoldUnits) {
  auto sent = order();
  Fulfillment fulfillment{.fulfillment_id = FulfillmentId("f-1"),
                          .lines = {{LineId("l-1"), 2}},
                          .tracking = Tracking{"D\"HL", "1", std::nullopt}};
  const std::string expected =
      R"({"fulfillment_id":"f-1","order_id":"o-1","seller_id":"s1","status":"packed","items":[{"line_id":"l-1","quantity":2}],)"
      R"("tracking":{"carrier":"D\"HL","number":"1","url":null},"created_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:00.000Z",)"
      R"("shipped_at":null,"delivered_at":null,"canceled_at":null})";
  EXPECT_EQ(render_fulfillment(sent, fulfillment), expected);
  sent.fulfillments.push_back(fulfillment);
  fulfillment.cancel(Timestamp{});
  sent.fulfillments.push_back(fulfillment);
  EXPECT_NE(render_order(sent).find("\"fulfillments\":[" + expected + "],"), std::string::npos);
}

TEST(OrderPage, SaysWhetherThereIsMore) {
  EXPECT_EQ(render_order_page({}, ""), R"({"items":[],"next_cursor":null,"has_more":false})");
  const auto page = render_order_page({order(), order()}, "cursor");
  EXPECT_TRUE(page.ends_with(R"(],"next_cursor":"cursor","has_more":true})"));
}

TEST(OrderJson, TellsHowACanceledOrderEnded) {
  auto canceled = order();
  canceled.pay_by = Timestamp(std::chrono::milliseconds(2));
  EXPECT_NE(render_order(canceled).find(R"("pay_by":"1970-01-01T00:00:00.002Z")"), std::string::npos);
  ASSERT_TRUE(canceled.cancel(CancelReason::out_of_stock, Timestamp(std::chrono::milliseconds(1))).has_value());
  const auto text = render_order(canceled);
  for (const std::string member :
       {R"("status":"canceled")", R"("payment_status":"canceled")", R"("fulfillment_status":"canceled")",
        R"("cancel_reason":"out_of_stock")", R"("quantity":2,"canceled_quantity":2)",
        R"("updated_at":"1970-01-01T00:00:00.001Z")", R"("canceled_at":"1970-01-01T00:00:00.001Z")", R"("pay_by":null)",
        R"("version":2)"}) {
    EXPECT_NE(text.find(member), std::string::npos) << member << " in " << text;
  }
}

TEST(OrderJson, WritesAmountsWithTheirCurrencysDecimals) {
  auto yen = order();
  yen.currency = Currency::from_code("JPY").value();
  yen.amounts = {1'200, 0, 0, 0, 1'200};
  yen.lines[0].unit_price = 600;
  const auto text = render_order(yen);
  EXPECT_NE(text.find(R"("total":1200,"status")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("discount_total":0,)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("price":600,)"), std::string::npos) << text;
}

TEST(OrderJson, IsJsonWhateverATitleHolds) {
  auto odd = order();
  odd.lines[0].title = "a\"b\\c\n\x01 \xc3\xa9";
  const auto document = json::Document::parse(render_order(odd));
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->root().member("items")->first()->member("title")->text(), odd.lines[0].title);
}

TEST(OrderPage, HoldsItsOrdersInOrder) {
  auto second = order();
  second.order_id = OrderId("o-2");
  EXPECT_EQ(render_order_page({order(), second}, ""), R"({"items":[)" + render_order(order()) + "," +
                                                          render_order(second) +
                                                          R"(],"next_cursor":null,"has_more":false})");
}

}  // namespace
}  // namespace agora::order
