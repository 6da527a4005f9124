#include "libs/base/money.hpp"

#include <random>

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

TEST(Decimal, NamesTheFirstThingThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {{"-1e400", "negative"},
                                                       {"-0.0", "negative"},
                                                       {"-", "negative"},
                                                       {"1.00000e2", "exponent"},
                                                       {"1000000000000.00000", "too_large"},
                                                       {"0.12345", "too_many_decimals"},
                                                       {"1.2.3", "not_a_number"},
                                                       {"1 ", "not_a_number"},
                                                       {"00", "not_a_number"},
                                                       {"0000000000000", "not_a_number"}};
  for (const auto& [text, code] : cases) {
    const auto parsed = Decimal::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, code) << text;
    EXPECT_EQ(parsed.error().errc, Errc::invalid_argument) << text;
  }
}

TEST(Decimal, HasTwelveDigitsBeforeThePointAndNotThirteen) {
  EXPECT_EQ(*Decimal::parse("999999999999"), (Decimal{999'999'999'999, 0}));
  EXPECT_EQ(Decimal::parse("9999999999999").error().code, "too_large");
  EXPECT_EQ(Decimal::parse("1000000000000.0").error().code, "too_large");
}

TEST(Decimal, IsTheSameAmountHoweverManyZerosWereWritten) {
  for (const char* text : {"5", "5.0", "5.00"}) {
    EXPECT_EQ(Decimal::parse(text)->in(currency("USD")), (Money{500, currency("USD")})) << text;
  }
  EXPECT_FALSE(Decimal::parse("5.000")->in(currency("USD")).has_value());
  EXPECT_EQ(Decimal::parse("1.250")->in(currency("JOD")), (Money{1'250, currency("JOD")}));
  EXPECT_FALSE(Decimal::parse("1.2500")->in(currency("JOD")).has_value());
  EXPECT_EQ(Decimal::parse("1200")->in(currency("JPY")), (Money{1'200, currency("JPY")}));
  EXPECT_FALSE(Decimal::parse("1200.0")->in(currency("JPY")).has_value());
}

TEST(Decimal, TheLargestFitsEveryCurrency) {
  for (const char* code : {"JPY", "USD", "JOD", "CLF"}) {
    const auto money = Decimal::parse("999999999999")->in(currency(code));
    ASSERT_TRUE(money.has_value()) << code;
    EXPECT_TRUE(fits(*money)) << code;
    EXPECT_EQ(to_decimal_string(*money).substr(0, 12), "999999999999") << code;
  }
}

TEST(Money, ComesBackAsItWasWritten) {
  for (const char* code : {"JPY", "USD", "JOD", "CLF"}) {
    for (const std::int64_t minor : {std::int64_t{0}, std::int64_t{1}, std::int64_t{9}, std::int64_t{10},
                                     std::int64_t{99'999}, std::int64_t{100'000}, std::int64_t{999'999'999'999}}) {
      const Money money{minor, currency(code)};
      const auto text = to_decimal_string(money);
      EXPECT_EQ(Decimal::parse(text)->in(currency(code)), money) << code << " " << text;
    }
  }
}

TEST(Money, OfTwoCurrenciesIsNotTheSame) {
  EXPECT_NE((Money{100, currency("USD")}), (Money{100, currency("EUR")}));
  EXPECT_NE((Money{100, currency("USD")}), (Money{101, currency("USD")}));
}

TEST(Money, FitsByItsMagnitude) {
  EXPECT_TRUE(fits({-99'999'999'999'999, currency("USD")}));
  EXPECT_FALSE(fits({-100'000'000'000'000, currency("USD")}));
  EXPECT_TRUE(fits({999'999'999'999'999, currency("JOD")}));
  EXPECT_FALSE(fits({1'000'000'000'000'000, currency("JOD")}));
  EXPECT_FALSE(fits({INT64_MIN, currency("CLF")}));
  EXPECT_FALSE(fits({INT64_MAX, currency("CLF")}));
}

TEST(CheckedArithmetic, AnswersUpToTheLimits) {
  EXPECT_EQ(checked_add(INT64_MAX, INT64_MIN), -1);
  EXPECT_EQ(checked_add(INT64_MAX - 1, 1), INT64_MAX);
  EXPECT_FALSE(checked_add(INT64_MIN, -1).has_value());
  EXPECT_EQ(checked_subtract(-1, INT64_MAX), INT64_MIN);
  EXPECT_FALSE(checked_subtract(0, INT64_MIN).has_value());
  EXPECT_EQ(checked_multiply(INT64_MIN, 1), INT64_MIN);
  EXPECT_FALSE(checked_multiply(INT64_MIN, -1).has_value());
}

TEST(SplitByLargestRemainder, GivesEqualRemaindersToTheLowerIndex) {
  EXPECT_EQ(split_by_largest_remainder(1, {1, 1}), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(split_by_largest_remainder(5, {1, 1, 1}), (std::vector<std::int64_t>{2, 2, 1}));
  EXPECT_EQ(split_by_largest_remainder(1, {1, 3}), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(split_by_largest_remainder(0, {0, 0}), (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(split_by_largest_remainder(0, {}), (std::vector<std::int64_t>{}));
}

TEST(SplitByLargestRemainder, SumsToTheWholeWhateverTheWeights) {
  constexpr unsigned kSeed = 20'261'124;
  std::mt19937_64 random(kSeed);
  for (int round = 0; round < 2'000; ++round) {
    const auto total = static_cast<std::int64_t>(random() >> (1 + random() % 60));
    std::vector<std::int64_t> weights(1 + random() % 9);
    for (auto& weight : weights) weight = static_cast<std::int64_t>(random() >> (1 + random() % 63));
    weights[0] += weights[0] == 0 ? 1 : 0;
    const auto parts = split_by_largest_remainder(total, weights);
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      ASSERT_GE(parts[i], 0) << "seed " << kSeed << ", round " << round;
      // A weight of 0 has remainder 0: never one of the largest while something is left to give.
      if (weights[i] == 0) {
        ASSERT_EQ(parts[i], 0) << "seed " << kSeed << ", round " << round;
      }
      sum += parts[i];
    }
    ASSERT_EQ(sum, total) << "seed " << kSeed << ", round " << round;
  }
}

}  // namespace
}  // namespace agora
