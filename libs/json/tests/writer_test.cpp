#include "libs/json/writer.hpp"

#include <gtest/gtest.h>

#include "libs/json/document.hpp"

namespace agora::json {
namespace {

template <class T>
std::string written(const T& value) {
  std::string out;
  Writer(out).value(value);
  return out;
}

TEST(Writer, PutsCommasWhereTheyBelong) {
  std::string out;
  Writer json(out);
  json.begin_object().member("a", 1).key("b").begin_array().value(1).value("x").begin_object().end_object().end_array();
  json.key("c").begin_object().member("d", nullptr).end_object().member("e", true).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":[1,"x",{}],"c":{"d":null},"e":true})");
}

TEST(Writer, WritesMoneyAsTheContractDoes) {
  const auto money = [](std::int64_t minor, const char* code) {
    return written(Money{minor, Currency::from_code(code).value()});
  };
  EXPECT_EQ(money(99'998, "USD"), "999.98");
  EXPECT_EQ(money(100'000, "USD"), "1000.00");
  EXPECT_EQ(money(1'200, "JPY"), "1200");
  EXPECT_EQ(money(0, "USD"), "0.00");
}

TEST(Writer, EscapesWhatRfc8259Demands) {
  EXPECT_EQ(written("a\"b\\c/d\n\r\t\x01\x1f"), R"("a\"b\\c/d\n\r\t\u0001\u001f")");
  EXPECT_EQ(written("Grüße 😀"), "\"Grüße 😀\"");
  EXPECT_EQ(written(std::string("\0", 1)), R"("\u0000")");
}

TEST(Writer, EveryByteStringComesBackWhenItIsUtf8) {
  std::string text;
  for (char c = 1; c > 0 && c < 127; ++c) text += c;
  const auto document = Document::parse(written(text));
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->root().text(), text);
}

TEST(Writer, WritesNumbersTimesAndAbsence) {
  EXPECT_EQ(written(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(written(UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(written(Timestamp(std::chrono::milliseconds(1))), "\"1970-01-01T00:00:00.001Z\"");
  EXPECT_EQ(written(std::optional<std::int64_t>{}), "null");
  EXPECT_EQ(written(std::optional<std::int64_t>{3}), "3");
}

TEST(Writer, EscapesControlCharactersAndNothingElse) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    const auto json = written(text);
    const bool escaped = byte < 0x20 || text == "\"" || text == "\\";
    EXPECT_EQ(json != "\"" + text + "\"", escaped) << byte;
    const auto document = Document::parse(json);
    ASSERT_TRUE(document.has_value()) << json;
    EXPECT_EQ(document->root().text(), text) << byte;
  }
}

TEST(Writer, WritesMoneyOfEveryScale) {
  const auto money = [](std::int64_t minor, const char* code) {
    return written(Money{minor, Currency::from_code(code).value()});
  };
  EXPECT_EQ(money(1'250, "JOD"), "1.250");
  EXPECT_EQ(money(1, "CLF"), "0.0001");
  EXPECT_EQ(money(0, "JPY"), "0");
  EXPECT_EQ(money(-5, "USD"), "-0.05");
  EXPECT_EQ(money(99'999'999'999'999, "USD"), "999999999999.99");
}

TEST(Writer, WritesEveryKindOfValue) {
  EXPECT_EQ(written(Id<struct ThingTag>("o-1")), "\"o-1\"");
  EXPECT_EQ(written(Currency::from_code("USD").value()), "\"USD\"");
  EXPECT_EQ(written(true), "true");
  EXPECT_EQ(written(false), "false");
  EXPECT_EQ(written(nullptr), "null");
  EXPECT_EQ(written(0), "0");
  EXPECT_EQ(written(INT64_MAX), "9223372036854775807");
  EXPECT_EQ(written(""), "\"\"");
  EXPECT_EQ(written(std::optional<std::string>("x")), "\"x\"");
  EXPECT_EQ(written(std::optional<Timestamp>{}), "null");
  EXPECT_EQ(written(std::optional<Money>(Money{1, Currency::from_code("USD").value()})), "0.01");
}

TEST(Writer, TextThatIsJsonAlreadyIsAValueLikeAnother) {
  std::string out = "data: ";
  Writer(out).begin_array().raw("{\"a\":1}").raw("2").value(3).end_array();
  EXPECT_EQ(out, R"(data: [{"a":1},2,3])");
}

TEST(Writer, EmptyContainersNestAndFollowEachOther) {
  std::string out;
  Writer json(out);
  json.begin_array().begin_array().end_array().begin_object().end_object();
  json.begin_object().key("a").begin_array().end_array().key("b").begin_object().end_object().end_object().end_array();
  EXPECT_EQ(out, R"([[],{},{"a":[],"b":{}}])");
}

}  // namespace
}  // namespace agora::json
