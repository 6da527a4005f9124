#include "services/order/core/checkout.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

constexpr Timestamp kNow{std::chrono::microseconds(1'800'000'000'000'000)};
const Address kAddress{.name = "A", .line1 = "B", .city = "C", .country = "GB"};

Offer offer(const char* id, const char* seller, std::int64_t price, const char* currency = "USD",
            bool requires_shipping = false) {
  return {.offer_id = OfferId(id),
          .product_id = ProductId(std::string("p-") + id),
          .variant_id = VariantId("v"),
          .seller_id = SellerId(seller),
          .sku = "S",
          .title = "T",
          .price = Money{price, Currency::from_code(currency).value()},
          .requires_shipping = requires_shipping,
          .sellable = true};
}

class CheckingOut : public ::testing::Test {
 protected:
  CheckingOut() {
    for (const auto& o :
         {offer("a1", "s1", 500), offer("b1", "s2", 700), offer("a2", "s1", 300), offer("box", "s3", 100, "USD", true),
          offer("yen", "s1", 100, "JPY"), offer("dear", "s4", 99'999'999'999'999)}) {
      stock_.add(o.offer_id, {5, 0, 1});
      assortment_.add(o);
    }
  }

  static LineRequest line(const char* id, std::int64_t quantity, std::optional<std::int64_t> cents,
                          std::string pointer = "") {
    LineRequest request{.offer_id = OfferId(id), .quantity = quantity, .pointer = std::move(pointer)};
    if (cents) request.price = Decimal{*cents, 2};
    return request;
  }

  static CheckOut wish(LineRequests lines) {
    CheckOut command{.group_id = OrderGroupId("g"),
                     .user_id = UserId("u1"),
                     .lines = std::move(lines),
                     .now = kNow,
                     .payment_window = std::chrono::minutes(15)};
    for (std::size_t i = 0; i < command.lines.size(); ++i) {
      command.order_ids.emplace_back("order" + std::to_string(i));
    }
    return command;
  }

  std::string refused(const CheckOut& command) {
    const auto result = check_out(command, assortment_, stock_);
    EXPECT_FALSE(result.has_value());
    for (const auto& [id, entry] : stock_.entries()) EXPECT_EQ(entry.level.reserved, 0) << id.str();
    if (result) return "yes";
    std::string all = result.error().code;
    for (const auto& field : result.error().fields) all += " " + field.pointer + "=" + field.code;
    return all;
  }

  Assortment assortment_;
  StockLevels stock_;
};

TEST_F(CheckingOut, MakesOneOrderForEachSellerInTheOrderOfTheirFirstLines) {
  const auto out = check_out(wish({line("a1", 2, 500), line("b1", 1, 700), line("a2", 1, 300)}), assortment_, stock_);
  ASSERT_TRUE(out.has_value()) << out.error().code;
  ASSERT_EQ(out->orders.size(), 2U);
  EXPECT_EQ(out->orders[0].order_id.str(), "order0");
  EXPECT_EQ(out->orders[0].seller_id.str(), "s1");
  EXPECT_EQ(out->orders[0].amounts.total, 1'300);
  EXPECT_EQ(out->orders[0].lines.size(), 2U);
  EXPECT_EQ(out->orders[1].seller_id.str(), "s2");
  EXPECT_EQ(out->orders[1].amounts.total, 700);
  EXPECT_EQ(out->group.amounts.total, 2'000);
  EXPECT_EQ(out->group.amount_due, 2'000);
  EXPECT_EQ(out->group.pay_by, kNow + std::chrono::minutes(15));
  for (const auto& order : out->orders) {
    EXPECT_EQ(order.group_id, out->group.group_id);
    EXPECT_EQ(order.pay_by, out->group.pay_by);
    EXPECT_EQ(order.status, OrderStatus::pending);
  }
  EXPECT_EQ(stock_.available(OfferId("a1")), 3);
  EXPECT_EQ(stock_.available(OfferId("b1")), 4);
}

TEST_F(CheckingOut, IsRefusedAsPlacingIs) {
  EXPECT_EQ(refused(wish({line("a1", 1, 500, "/items/0"), line("b1", 1, 699, "/items/1")})),
            "price_changed /items/1/price=price_changed");
  EXPECT_EQ(refused(wish({line("a1", 6, 500, "/items/0"), line("b1", 1, 700, "/items/1")})),
            "out_of_stock /items/0/quantity=out_of_stock");
  EXPECT_EQ(refused(wish({line("a1", 1, 500), line("yen", 1, 10'000, "/items/1")})),
            "mixed_currencies /items/1=mixed_currencies");
  EXPECT_EQ(refused(wish({line("none", 1, 500)})), "unknown_offer /offer_id=unknown_offer");
  EXPECT_EQ(refused(wish({line("dear", 1, 99'999'999'999'999, "/items/0"), line("a1", 1, 500, "/items/1")})),
            "validation_failed /items/1/quantity=amount_too_large");
}

TEST_F(CheckingOut, NamesWhoeverBuysFromTheirOwnSeller) {
  assortment_.add_member(SellerId("s2"), UserId("u1"));
  assortment_.add_member(SellerId("s1"), UserId("u2"));
  EXPECT_EQ(refused(wish({line("a1", 1, 500, "/items/0"), line("b1", 1, 700, "/items/1")})),
            "own_seller /items/1=own_seller");
}

TEST_F(CheckingOut, WantsAnAddressWhereSomethingIsShippedAndAMailAddressOfAGuest) {
  auto command = wish({line("box", 1, 100), line("a1", 1, 500)});
  command.email_required = true;
  EXPECT_EQ(refused(command), "validation_failed /email=required /shipping_address=required");
  command.contact = {.email = "a@b", .shipping_address = kAddress};
  EXPECT_TRUE(check_out(command, assortment_, stock_).has_value());
  auto nothing_to_ship = wish({line("a1", 1, 500)});
  EXPECT_TRUE(check_out(nothing_to_ship, assortment_, stock_).has_value());
}

TEST_F(CheckingOut, ChargesWhatWasShownOrNothing) {
  const auto seen = [&](Decimal total, std::optional<Currency> currency) {
    auto command = wish({line("a1", 1, std::nullopt, "/items/0"), line("b1", 2, std::nullopt, "/items/1")});
    command.seen = SeenTotal{total, currency};
    return command;
  };
  EXPECT_EQ(refused(seen({1'899, 2}, std::nullopt)), "price_changed /total=price_changed");
  EXPECT_EQ(refused(seen({19'001, 3}, std::nullopt)), "validation_failed /total=too_many_decimals");
  EXPECT_EQ(refused(seen({19, 0}, Currency::from_code("EUR"))), "price_changed /total=price_changed");
  const auto changed = check_out(seen({1'899, 2}, std::nullopt), assortment_, stock_);
  EXPECT_EQ(std::get<Money>(changed.error().details.at(0).value).minor, 1'900);
  EXPECT_TRUE(check_out(seen({19, 0}, std::nullopt), assortment_, stock_).has_value());
}

TEST(LinesOfACart, LeadIntoItsDocument) {
  Cart cart;
  cart.lines = {{LineId("l1"), OfferId("o1"), 1, 2, 500}, {LineId("l2"), OfferId("o2"), 3, 1, 700}};
  const auto lines = lines_of(cart);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1].pointer, "/items/1");
  EXPECT_EQ(lines[1].offer_id, OfferId("o2"));
  EXPECT_EQ(lines[0].quantity, 2);
  EXPECT_FALSE(lines[0].price.has_value());
}

}  // namespace
}  // namespace agora::order
