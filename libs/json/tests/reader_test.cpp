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
  if (form.error().fields.empty()) return {{"", form.error().code}};
  Fields fields;
  for (const auto& field : form.error().fields) fields.emplace_back(field.pointer, field.code);
  return fields;
}

std::string code_of(std::string_view text) {
  const auto form = read<Form>(text);
  return form ? "" : form.error().code;
}

struct Patch {
  Change<Text<3>> name{};
  Change<std::int64_t> count{};
};
BOOST_DESCRIBE_STRUCT(Patch, (), (name, count))

TEST(MergePatch, TellsWhatIsAbsentFromWhatIsRemoved) {
  const auto patch = read<Patch>(R"({"name":null})");
  ASSERT_TRUE(patch.has_value());
  EXPECT_TRUE(patch->name.given && !patch->name.value);
  EXPECT_FALSE(patch->count.given);
  const auto both = read<Patch>(R"({"name":"abc","count":5})");
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->name.value->value, "abc");
  EXPECT_EQ(both->count.value, 5);
  EXPECT_EQ(read<Patch>(R"({"name":"abcd"})").error().fields.at(0).code, "too_long");
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
  EXPECT_EQ(Document::parse("1e2147483648").error().fields.at(0).code, "exponent") << "well-formed all the same";
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

TEST(Document, CallsWhatIsNoJsonMalformed) {
  for (const char* text :
       {"", "{", "[1,]", "nul", "01", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\xff\"", "{} {}", "1 2"}) {
    const auto document = Document::parse(text);
    ASSERT_FALSE(document.has_value()) << text;
    EXPECT_EQ(document.error().code, "malformed_json") << text;
    EXPECT_EQ(document.error().errc, Errc::invalid_argument) << text;
  }
}

TEST(Document, TakesNoBytesThatAreNotUtf8) {
  for (const std::string bytes :
       {"\x80", "\xc2", "\xc0\x80", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80\xed\xb0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xfe", "\xe2\x82", "\xf0\x9f\x98", "\xe2\x28\xa1"}) {
    EXPECT_FALSE(Document::parse("\"" + bytes + "\"").has_value()) << "as a value";
    EXPECT_FALSE(Document::parse("{\"" + bytes + "\":1}").has_value()) << "as a name";
    EXPECT_FALSE(Document::parse("[1," + bytes + "]").has_value()) << "outside of strings";
  }
}

TEST(Document, TakesNoControlCharacterInAString) {
  for (int byte = 0; byte < 0x20; ++byte) {
    const auto text = "\"" + std::string(1, static_cast<char>(byte)) + "\"";
    EXPECT_FALSE(Document::parse(text).has_value()) << byte;
  }
  EXPECT_TRUE(Document::parse("\"\x7f\"").has_value());
}

TEST(Document, CountsObjectsAndArraysAlikeInItsDepth) {
  const auto nested = [](std::size_t depth) {
    std::string open;
    std::string close;
    for (std::size_t i = 0; i < depth; ++i) {
      open += i % 2 == 0 ? "{\"a\":" : "[";
      close.insert(0, i % 2 == 0 ? "}" : "]");
    }
    return open + "1" + close;
  };
  EXPECT_TRUE(Document::parse(nested(kDepthMax)).has_value());
  const auto deeper = Document::parse(nested(kDepthMax + 1));
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().code, "too_deep");
  EXPECT_EQ(Document::parse(std::string(1'000'000, '[')).error().code, "too_deep");
}

TEST(Document, HoldsAsManyValuesAsItSays) {
  const auto of = [](std::size_t values) {
    std::string text = "[0";
    for (std::size_t i = 2; i < values; ++i) text += ",0";
    return Document::parse(text + "]");
  };
  EXPECT_TRUE(of(kValuesMax).has_value());
  ASSERT_FALSE(of(kValuesMax + 1).has_value());
  EXPECT_EQ(of(kValuesMax + 1).error().code, "too_many_values");
}

TEST(Document, RefusesADuplicateAtTheGreatestDepth) {
  const auto text = std::string(kDepthMax - 1, '[') + R"({"a":1,"b":2,"a":3})" + std::string(kDepthMax - 1, ']');
  EXPECT_EQ(Document::parse(text).error().code, "duplicate_key");
  EXPECT_EQ(Document::parse(R"({"":1,"":2})").error().code, "duplicate_key");
  EXPECT_EQ(Document::parse(R"({"a\u0000":1,"a\u0000":2})").error().code, "duplicate_key");
  EXPECT_TRUE(Document::parse(R"({"a\u0000":1,"a":2,"A":3})").has_value());
}

TEST(Document, KeepsTheOrderOfWhatWasWritten) {
  const auto document = Document::parse(R"({"b":[true,[],null,{}],"a":"x","":false})");
  ASSERT_TRUE(document.has_value());
  auto child = document->root().first();
  EXPECT_EQ(child->key(), "b");
  std::vector<Kind> kinds;
  for (auto item = child->first(); item; item = item->next()) {
    kinds.push_back(item->kind());
    EXPECT_FALSE(item->first().has_value());
  }
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::boolean, Kind::array, Kind::null, Kind::object}));
  EXPECT_TRUE(child->first()->boolean());
  child = child->next();
  EXPECT_EQ(child->key(), "a");
  EXPECT_EQ(child->text(), "x");
  child = child->next();
  EXPECT_EQ(child->key(), "");
  EXPECT_FALSE(child->boolean());
  EXPECT_FALSE(child->next().has_value());
}

TEST(Document, KnowsWhichStringHoldsNull) {
  const auto document = Document::parse(R"(["a\u0000","b","\u0000",0])");
  ASSERT_TRUE(document.has_value());
  auto child = document->root().first();
  EXPECT_TRUE(child->has_null_character());
  EXPECT_EQ(child->text(), std::string_view("a\0", 2));
  child = child->next();
  EXPECT_FALSE(child->has_null_character());
  child = child->next();
  EXPECT_TRUE(child->has_null_character());
  EXPECT_FALSE(child->next()->has_null_character());
}

TEST(Reader, ReadsPricesFromTheirText) {
  const auto price = [](const std::string& text) {
    return fields_of(R"({"name":"","lines":[{"offer_id":"o","quantity":1,"price":)" + text + "}]}");
  };
  EXPECT_EQ(price("0"), Fields{});
  EXPECT_EQ(price("999999999999.9999"), Fields{});
  const std::pair<const char*, const char*> cases[] = {{"-0", "negative"},
                                                       {"-0.0", "negative"},
                                                       {"-1", "negative"},
                                                       {"1e2", "exponent"},
                                                       {"1e400", "exponent"},
                                                       {"1E-400", "exponent"},
                                                       {"1.00000", "too_many_decimals"},
                                                       {"1000000000000", "too_large"},
                                                       {"18446744073709551616", "too_large"},
                                                       {"\"1\"", "wrong_type"},
                                                       {"null", "wrong_type"},
                                                       {"true", "wrong_type"}};
  for (const auto& [text, code] : cases) EXPECT_EQ(price(text), (Fields{{"/lines/0/price", code}})) << text;
}

TEST(Reader, NamesEveryMemberOfAnotherType) {
  const auto wrong = [](const std::string& member, const std::string& value) {
    auto fields = fields_of("{\"" + member + "\":" + value + "}");
    std::erase_if(fields, [](const auto& field) { return field.second == "required"; });
    return fields;
  };
  const std::pair<std::string, std::vector<std::string>> cases[] = {
      {"name", {"null", "1", "true", "[]", "{}"}}, {"flag", {"1", "\"true\"", "[]", "{}"}},
      {"at", {"1", "true", "[]", "{}"}},           {"code", {"1", "true", "[]", "{}"}},
      {"number", {"\"1\"", "true", "[]", "{}"}},   {"lines", {"null", "1", "\"\"", "true", "{}"}}};
  for (const auto& [member, values] : cases) {
    for (const auto& value : values) {
      EXPECT_EQ(wrong(member, value), (Fields{{"/" + member, "wrong_type"}})) << member << " " << value;
    }
  }
  EXPECT_EQ(wrong("lines", "[1]"), (Fields{{"/lines/0", "wrong_type"}}));
  for (const char* root : {"null", "1", "\"x\"", "[]", "true"}) {
    EXPECT_EQ(fields_of(root), (Fields{{"", "wrong_type"}})) << root;
  }
}

TEST(Reader, LimitsAreInclusive) {
  const auto quantity = [](const std::string& text) {
    return fields_of(R"({"name":"","lines":[{"offer_id":"o","price":1,"quantity":)" + text + "}]}");
  };
  EXPECT_EQ(quantity("1"), Fields{});
  EXPECT_EQ(quantity("1000000"), Fields{});
  for (const char* text : {"0", "1000001", "-1", "18446744073709551617", "-9223372036854775809"}) {
    EXPECT_EQ(quantity(text), (Fields{{"/lines/0/quantity", "out_of_range"}})) << text;
  }
  for (const char* text : {"1.0", "1e2", "1E400", "-0", "-0.0"}) {
    EXPECT_EQ(quantity(text), (Fields{{"/lines/0/quantity", "not_an_integer"}})) << text;
  }
  EXPECT_EQ(fields_of(R"({"name":"","lines":[],"code":"\u00e4\u00e4"})"), Fields{});
  EXPECT_TRUE(fields_of(R"({"name":"","lines":[],"code":"\u96fb\u96fb\ud83d\ude00x"})").empty()) << "code points";
  EXPECT_EQ(fields_of(R"({"name":"","lines":[],"code":"\u96fb\u96fb\ud83d\ude00xy"})"),
            (Fields{{"/code", "too_long"}}));
}

TEST(Reader, IdsAreCheckedLikeAnyOther) {
  const auto id = [](const std::string& text) {
    return fields_of(R"({"name":"","lines":[{"quantity":1,"price":1,"offer_id":")" + text + "\"}]}");
  };
  EXPECT_EQ(id(std::string(64, 'x')), Fields{});
  for (const auto& text :
       {std::string(), std::string(65, 'x'), std::string("a b"), std::string("a.b"), std::string("é")}) {
    EXPECT_EQ(id(text), (Fields{{"/lines/0/offer_id", "invalid_id"}})) << text;
  }
  EXPECT_EQ(id("a\\u0000"), (Fields{{"/lines/0/offer_id", "null_character"}}));
}

TEST(Reader, PointersEscapeNamesAtEveryLevel) {
  EXPECT_EQ(fields_of(R"({"name":"","lines":[{"offer_id":"o","quantity":1,"price":1,"~1/":0}],"~":1,"/":2,"":3})"),
            (Fields{{"/lines/0/~01~1", "unknown_field"},
                    {"/~0", "unknown_field"},
                    {"/~1", "unknown_field"},
                    {"/", "unknown_field"}}));
}

TEST(Reader, QuotesNoLongNameWhole) {
  const auto pointer_of = [](const std::string& name) {
    const auto fields = fields_of("{\"name\":\"\",\"lines\":[],\"" + name + "\":1}");
    return fields.size() == 1 ? fields[0].first : "";
  };
  EXPECT_EQ(pointer_of(std::string(64, 'x')), "/" + std::string(64, 'x'));
  EXPECT_EQ(pointer_of(std::string(100'000, 'x')), "/" + std::string(64, 'x'));
  // Cut between characters: the pointer goes into a JSON document, which must be UTF-8.
  EXPECT_EQ(pointer_of(std::string(63, 'x') + "\xc3\xa4"), "/" + std::string(63, 'x'));
  EXPECT_EQ(pointer_of(std::string(62, 'x') + "\xf0\x9f\x98\x80"), "/" + std::string(62, 'x'));
  EXPECT_EQ(pointer_of(std::string(62, 'x') + "\xc3\xa4\xc3\xa4"), "/" + std::string(62, 'x') + "\xc3\xa4");
}

TEST(Reader, TellsEveryKindOfMalformed) {
  EXPECT_TRUE(is_malformed(read<Form>(std::string(33, '[')).error()));
  EXPECT_TRUE(is_malformed(read<Form>(R"({"name":"","name":""})").error()));
  std::string many = "[0";
  for (std::size_t i = 0; i < kValuesMax; ++i) many += ",0";
  EXPECT_TRUE(is_malformed(read<Form>(many + "]").error()));
  EXPECT_FALSE(is_malformed(validation_failed({})));
}

}  // namespace
}  // namespace agora::json
