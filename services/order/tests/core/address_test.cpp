#include "services/order/core/address.hpp"

#include <gtest/gtest.h>

namespace agora::order {
namespace {

Edit<std::string> to(const char* text) {
  return {true, text};
}
const Edit<std::string> kSame{};
const Edit<std::string> kGone{true, std::nullopt};
// name, line1, line2, city, region, postal_code, country, phone
const AddressEdit kWhole{to("Arthur"), to("Lane 1"), kSame, to("Cottington"), kSame, to("CT1"), to("GB"), kSame};

std::string wrong(const Result<Address>& result) {
  std::string all;
  if (!result) {
    for (const auto& field : result.error().fields) all += field.pointer + "=" + field.code + " ";
  }
  return all;
}

TEST(AddressEditing, MakesAndChangesMemberByMember) {
  const auto made = edited(std::nullopt, kWhole, "/a");
  ASSERT_TRUE(made.has_value()) << wrong(made);
  EXPECT_EQ(made->name, "Arthur");
  EXPECT_FALSE(made->line2.has_value());
  AddressEdit move{};
  move[3] = to("London");
  move[5] = kGone;
  const auto moved = edited(*made, move, "/a");
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->city, "London");
  EXPECT_EQ(moved->name, "Arthur");
  EXPECT_FALSE(moved->postal_code.has_value());
}

TEST(AddressEditing, NamesEveryMemberAtFault) {
  EXPECT_EQ(wrong(edited(std::nullopt, {}, "/a")),
            "/a/name=required /a/line1=required /a/city=required /a/country=required ");
  auto bad = kWhole;
  bad[0] = to("Two\nlines");
  bad[1] = to("");
  bad[6] = to("gb");
  EXPECT_EQ(wrong(edited(std::nullopt, bad, "/a")),
            "/a/name=invalid_value /a/line1=required /a/country=invalid_value ");
  AddressEdit remove{};
  remove[6] = kGone;
  EXPECT_EQ(wrong(edited(Address{.name = "N", .line1 = "L", .city = "C", .country = "GB"}, remove, "/a")),
            "/a/country=required ");
}

TEST(EmailAddress, HasTwoPartsWithoutBlanks) {
  for (const auto* text : {"a@b", "arthur.dent+towel@example.com"}) EXPECT_TRUE(is_email_address(text)) << text;
  for (const auto* text : {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "\xc3\xa9@b"}) {
    EXPECT_FALSE(is_email_address(text)) << text;
  }
  EXPECT_FALSE(is_email_address(std::string(253, 'a') + "@b"));
}

TEST(ContactEditing, RemovesKeepsAndReplaces) {
  const Contact before{.email = "a@b",
                       .shipping_address = Address{.name = "N", .line1 = "L", .city = "C", .country = "GB"}};
  EXPECT_EQ(edited(before, ContactEdit{}).value(), before);
  const auto gone = edited(before, ContactEdit{.email = kGone, .shipping_address = {true, std::nullopt}});
  EXPECT_EQ(gone.value(), Contact{});
  const auto wrong_mail = edited(before, ContactEdit{.email = to("nobody")});
  ASSERT_FALSE(wrong_mail.has_value());
  EXPECT_EQ(wrong_mail.error().fields.at(0).pointer, "/email");
}

}  // namespace
}  // namespace agora::order
