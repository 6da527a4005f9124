#include "libs/json/reader.hpp"

#include <boost/describe/class.hpp>
#include <gtest/gtest.h>

namespace agora::json {
namespace {

struct Line {
  Id<struct OfferTag> offer_id{};
  Integer<1, 1'000'000> quantity{};
  Decimal price{};
};
BOOST_DESCRIBE_STRUCT(Line, (), (offer_id, quantity, price))

struct Form {
  std::string name{};
  std::optional<bool> flag{};
  std::optional<Timestamp> at{};
  std::optional<Text<4>> code{};
  std::optional<std::int64_t> number{};
  std::vector<Line> lines{};
};
BOOST_DESCRIBE_STRUCT(Form, (), (name, flag, at, code, number, lines))

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields fields_of(std::string_view text) {
  const auto form = read<Form>(text);
  if (form) return {};
  Fields fields;
  for (const auto& field : form.error().fields) fields.emplace_back(field.pointer, field.code);
  return fields;
}

std::string code_of(std::string_view text) {
  const auto form = read<Form>(text);
  return form ? "" : form.error().code;
}

TEST(Reader, BindsEveryKindOfMember) {
  const auto form = read<Form>(
      R"({"name":"Grüße \u00e4\ud83d\ude00","flag":true,"at":"1970-01-01T00:00:01Z","code":"abcd","number":-5,
      "lines":[{"offer_id":"o1","quantity":2,"price":499.99}]})");
  ASSERT_TRUE(form.has_value());
  EXPECT_EQ(form->name, "Grüße ä😀");
  EXPECT_EQ(form->flag, true);
  EXPECT_EQ(form->at->time_since_epoch().count(), 1'000'000);
  EXPECT_EQ(form->code->value, "abcd");
  EXPECT_EQ(form->number, -5);
  ASSERT_EQ(form->lines.size(), 1U);
  EXPECT_EQ(form->lines[0].price, (Decimal{49'999, 2}));
}

TEST(Reader, TakesAbsentAndNullForOptionalMembers) {
  const auto form = read<Form>(R"({"name":"","flag":null,"lines":[]})");
  ASSERT_TRUE(form.has_value());
  EXPECT_FALSE(form->flag.has_value());
  EXPECT_FALSE(form->at.has_value());
}

TEST(Reader, ReportsAllFieldErrorsWithPointers) {
  EXPECT_EQ(
      fields_of(
          R"({"flag":"yes","at":"now","code":"abcde","lines":[{"quantity":0},{"offer_id":"a b","quantity":"1","price":-1}],"a/b~c":1})"),
      (Fields{{"/flag", "wrong_type"},
              {"/at", "invalid_time"},
              {"/code", "too_long"},
              {"/lines/0/quantity", "out_of_range"},
              {"/lines/0/offer_id", "required"},
              {"/lines/0/price", "required"},
              {"/lines/1/offer_id", "invalid_id"},
              {"/lines/1/quantity", "wrong_type"},
              {"/lines/1/price", "negative"},
              {"/a~1b~0c", "unknown_field"},
              {"/name", "required"}}));
}

TEST(Reader, RefusesNullWhereAValueIsRequired) {
  EXPECT_EQ(fields_of(R"({"name":null,"lines":[]})"), (Fields{{"/name", "wrong_type"}}));
}

TEST(Reader, PassesOverUnknownMembersOfEvents) {
  EXPECT_TRUE(read<Form>(R"({"name":"x","lines":[],"new":{"deep":[1]}})", UnknownFields::ignore).has_value());
}

TEST(Reader, IntegersAreWrittenWithoutPointOrExponentAndStayInRange) {
  const auto number = [](std::string text) { return fields_of(R"({"name":"","lines":[],"number":)" + text + "}"); };
  EXPECT_EQ(number("9223372036854775807"), Fields{});
  EXPECT_EQ(number("-9223372036854775808"), Fields{});
  for (const char* text : {"9223372036854775808", "18446744073709551616", "99999999999999999999999999"}) {
    EXPECT_EQ(number(text), (Fields{{"/number", "out_of_range"}})) << text;
  }
  for (const char* text : {"1.0", "1e0", "1E400", "-0", "0.5"}) {
    EXPECT_EQ(number(text), (Fields{{"/number", "not_an_integer"}})) << text;
  }
}

TEST(Reader, NamesTheNullCharacter) {
  EXPECT_EQ(fields_of(R"({"name":"a\u0000b","lines":[]})"), (Fields{{"/name", "null_character"}}));
}

TEST(Reader, CapsTheFieldErrors) {
  std::string text = R"({"name":"","lines":[)";
  for (int i = 0; i < 500; ++i) text += i == 0 ? "1" : ",1";
  EXPECT_EQ(fields_of(text + "]}").size(), kFieldErrorsMax);
}

TEST(Reader, TellsMalformedFromWrong) {
  EXPECT_TRUE(is_malformed(read<Form>("{").error()));
  EXPECT_FALSE(is_malformed(read<Form>("{}").error()));
  EXPECT_EQ(read<Form>("{}").error().errc, Errc::invalid_argument);
}

// RFC 8259, by section.
TEST(Document, TakesWhatTheGrammarAllows) {
  for (const char* text : {"0", "-0", "-1.5e+10", "\"\"", "[]", "{}", "null", " true ", "\t\n\r[1 , 2]",
                           "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", "{\"\":0}", "\"\xef\xbf\xbf\"",
                           "\"\xf4\x8f\xbf\xbf\"", "[\"a\",[[]],{\"a\":{}}]", "\"\\ud834\\udd1e\"", "1e400"}) {
    EXPECT_TRUE(Document::parse(text).has_value()) << text;
  }
}

TEST(Document, RefusesWhatItDoesNot) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{\"a\"}",
                           "{a:1}",
                           "[1 2]",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "1e",
                           "0x1",
                           "NaN",
                           "Infinity",
                           "'a'",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\n\"",
                           "\"\x01\"",
                           "nul",
                           "truex",
                           "[] []",
                           "{}x",
                           "\xef\xbb\xbf{}",
                           "/**/1",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           "\"\xe2\x82\"",
                           "-",
                           "]",
                           ",",
                           "[",
                           "\""}) {
    EXPECT_FALSE(Document::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Document::parse(std::string_view("1\0", 2)).has_value());
}

TEST(Document, RefusesDuplicateNamesAtAnyDepth) {
  for (const char* text : {R"({"a":1,"a":1})", R"([{"x":{"a":1,"b":2,"a":3}}])", R"({"a":1,"\u0061":2})"}) {
    const auto document = Document::parse(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, "duplicate_key");
  }
  EXPECT_TRUE(Document::parse(R"({"a":{"a":1},"b":{"a":1}})").has_value());
}

TEST(Document, IsAtMostThirtyTwoDeep) {
  EXPECT_TRUE(Document::parse(std::string(32, '[') + std::string(32, ']')).has_value());
  for (const std::size_t depth : {33U, 1'000U, 1'000'000U}) {
    const auto document = Document::parse(std::string(depth, '[') + std::string(depth, ']'));
    ASSERT_FALSE(document.has_value());
    EXPECT_EQ(document.error().code, "too_deep");
  }
}

TEST(Document, HoldsABoundedNumberOfValues) {
  std::string text = "{\"k0\":0";
  for (int i = 1; i < 1'000'000; ++i) text += ",\"k" + std::to_string(i) + "\":0";
  const auto document = Document::parse(text + "}");
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, "too_many_values");
}

TEST(Document, KeepsNumbersAsTheyWereWritten) {
  const auto document = Document::parse("[499.990000000000000001, 1e400, -0]");
  ASSERT_TRUE(document.has_value());
  auto child = document->root().first();
  EXPECT_EQ(child->text(), "499.990000000000000001");
  child = child->next();
  EXPECT_EQ(child->text(), "1e400");
  child = child->next();
  EXPECT_EQ(child->text(), "-0");
  EXPECT_FALSE(child->next().has_value());
}

TEST(Document, FindsMembersByName) {
  const auto document = Document::parse(R"({"a":{"b":[1]},"c":"x"})");
  EXPECT_EQ(document->root().member("c")->text(), "x");
  EXPECT_EQ(document->root().member("a")->member("b")->kind(), Kind::array);
  EXPECT_FALSE(document->root().member("b").has_value());
  EXPECT_FALSE(document->root().member("c")->member("x").has_value());
}

TEST(Errors, EchoNoInput) {
  const auto form = read<Form>(R"({"name":1,"lines":[],"code":"canary-canary"})");
  for (const auto& field : form.error().fields) EXPECT_EQ(field.message.find("canary"), std::string::npos);
  EXPECT_EQ(code_of(R"({"name":"canary)"), "malformed_json");
}

}  // namespace
}  // namespace agora::json
