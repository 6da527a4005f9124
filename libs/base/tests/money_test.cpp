#include "libs/base/money.hpp"

#include <gtest/gtest.h>

#include "libs/base/result.hpp"

namespace agora {
namespace {

Currency currency(const char* code) {
  return Currency::from_code(code).value();
}

TEST(Currency, KnowsItsDecimals) {
  EXPECT_EQ(currency("USD").decimals(), 2);
  EXPECT_EQ(currency("JPY").decimals(), 0);
  EXPECT_EQ(currency("JOD").decimals(), 3);
  EXPECT_EQ(currency("CLF").decimals(), 4);
  EXPECT_EQ(currency("AED").code(), "AED");
  EXPECT_EQ(currency("ZWG").decimals(), 2);
}

TEST(Currency, RefusesWhatIsNone) {
  for (const char* code : {"", "US", "USDX", "usd", "XXX", "AAA", "ZZZ", "DM ", " US"}) {
    EXPECT_FALSE(Currency::from_code(code).has_value()) << code;
  }
}

TEST(Decimal, KeepsWhatWasWritten) {
  EXPECT_EQ(*Decimal::parse("499.99"), (Decimal{49'999, 2}));
  EXPECT_EQ(*Decimal::parse("5"), (Decimal{5, 0}));
  EXPECT_EQ(*Decimal::parse("5.50"), (Decimal{550, 2}));
  EXPECT_EQ(*Decimal::parse("0"), (Decimal{0, 0}));
  EXPECT_EQ(*Decimal::parse("999999999999.9999"), (Decimal{9'999'999'999'999'999, 4}));
}

TEST(Decimal, SaysWhyNot) {
  const std::pair<const char*, const char*> cases[] = {
      {"-1", "negative"},
      {"-0", "negative"},
      {"1e400", "exponent"},
      {"1E2", "exponent"},
      {"1.00000", "too_many_decimals"},
      {"1000000000000", "too_large"},
      {"18446744073709551616", "too_large"},
      {"", "not_a_number"},
      {"1.", "not_a_number"},
      {".5", "not_a_number"},
      {"01", "not_a_number"},
      {"1,5", "not_a_number"},
      {"+1", "not_a_number"},
      {"NaN", "not_a_number"},
  };
  for (const auto& [text, code] : cases) {
    const auto parsed = Decimal::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, code) << text;
  }
}

TEST(Decimal, BecomesMinorUnitsOfItsCurrency) {
  EXPECT_EQ((Decimal{5, 0}.in(currency("USD")))->minor, 500);
  EXPECT_EQ((Decimal{1'250, 3}.in(currency("JOD")))->minor, 1'250);
  EXPECT_EQ((Decimal{1'200, 0}.in(currency("JPY")))->minor, 1'200);
  EXPECT_FALSE((Decimal{12'000, 1}.in(currency("JPY"))).has_value());
  EXPECT_FALSE((Decimal{5'000, 3}.in(currency("USD"))).has_value());
}

TEST(Money, IsWrittenWithItsCurrencysDecimals) {
  EXPECT_EQ(to_decimal_string({99'998, currency("USD")}), "999.98");
  EXPECT_EQ(to_decimal_string({100'000, currency("USD")}), "1000.00");
  EXPECT_EQ(to_decimal_string({5, currency("USD")}), "0.05");
  EXPECT_EQ(to_decimal_string({0, currency("USD")}), "0.00");
  EXPECT_EQ(to_decimal_string({-5, currency("USD")}), "-0.05");
  EXPECT_EQ(to_decimal_string({1'200, currency("JPY")}), "1200");
  EXPECT_EQ(to_decimal_string({1, currency("JOD")}), "0.001");
  EXPECT_EQ(to_decimal_string({INT64_MIN, currency("JPY")}), "-9223372036854775808");
}

TEST(Money, FitsBelowTheLimitOfTheContract) {
  EXPECT_TRUE(fits({99'999'999'999'999, currency("USD")}));
  EXPECT_FALSE(fits({100'000'000'000'000, currency("USD")}));
  EXPECT_FALSE(fits({1'000'000'000'000, currency("JPY")}));
}

TEST(CheckedArithmetic, HasNoAnswerOnOverflow) {
  EXPECT_EQ(checked_add(1, 2), 3);
  EXPECT_FALSE(checked_add(INT64_MAX, 1).has_value());
  EXPECT_EQ(checked_subtract(1, 2), -1);
  EXPECT_FALSE(checked_subtract(INT64_MIN, 1).has_value());
  EXPECT_EQ(checked_multiply(-3, 4), -12);
  EXPECT_FALSE(checked_multiply(INT64_MAX / 2, 3).has_value());
}

TEST(SplitByLargestRemainder, SumsToTheWhole) {
  EXPECT_EQ(split_by_largest_remainder(100, {1, 1, 1}), (std::vector<std::int64_t>{34, 33, 33}));
  EXPECT_EQ(split_by_largest_remainder(10, {1, 2, 3}), (std::vector<std::int64_t>{2, 3, 5}));
  EXPECT_EQ(split_by_largest_remainder(0, {1, 2}), (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(split_by_largest_remainder(7, {0, 5}), (std::vector<std::int64_t>{0, 7}));
  const auto large = split_by_largest_remainder(INT64_MAX, {INT64_MAX, INT64_MAX, 1});
  EXPECT_EQ(large[0] + large[1] + large[2], INT64_MAX);
}

}  // namespace
}  // namespace agora
