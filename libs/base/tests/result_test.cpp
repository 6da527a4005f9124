#include "libs/base/result.hpp"

#include <memory>
#include <ostream>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "libs/base/ctx.hpp"
#include "libs/base/secret.hpp"

namespace agora {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Error{Errc::invalid_argument, "odd", "must be even"};
  return n / 2;
}

Result<int> quarter(int n) {
  AGORA_TRY(const auto once, half(n));
  AGORA_TRY(const auto twice, half(once));
  return twice;
}

Result<void> check(int n) {
  AGORA_TRY_VOID(Result<void>{});
  AGORA_TRY(const auto ignored, half(n));
  static_cast<void>(ignored);
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_FALSE(half(3).has_value());
  EXPECT_EQ(half(3).error().code, "odd");
  EXPECT_EQ(half(3).value_or(7), 7);
  EXPECT_THROW(static_cast<void>(half(3).value()), std::bad_variant_access);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_FALSE(quarter(6).has_value());
  EXPECT_FALSE(quarter(5).has_value());
  EXPECT_TRUE(check(2).has_value());
  EXPECT_FALSE(check(1).has_value());
}

TEST(Errc, EveryOneHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < kErrcCount; ++i) names.insert(to_string(static_cast<Errc>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kErrcCount));
  EXPECT_FALSE(names.contains("unknown"));
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

TEST(Secret, CannotBePrinted) {
  static_assert(Printable<std::string>);
  static_assert(!Printable<Secret<std::string>>);
  static_assert(!fmt::is_formattable<Secret<std::string>>::value);
  EXPECT_EQ(Secret<std::string>("x").reveal(), "x");
}

TEST(TraceContext, IsWrittenAsTraceparent) {
  TraceContext trace;
  EXPECT_FALSE(trace.valid());
  trace.trace_id[0] = 0xAB;
  trace.span_id[7] = 0x01;
  trace.flags = 1;
  EXPECT_TRUE(trace.valid());
  EXPECT_EQ(trace.traceparent(), "00-ab000000000000000000000000000000-0000000000000001-01");
}

TEST(Principal, HoldsRolesAsASet) {
  const Principal support{.kind = Principal::Kind::user, .roles = 2 | 4, .subject = "s"};
  EXPECT_TRUE(support.has(Role::support));
  EXPECT_TRUE(support.has(Role::user));
  EXPECT_FALSE(support.has(Role::admin));
}

Result<void> even(int n) {
  if (n % 2 != 0) return Error{Errc::conflict, "odd", "must be even"};
  return {};
}

Result<std::string> both_even(int a, int b) {
  AGORA_TRY_VOID(even(a));
  AGORA_TRY_VOID(even(b));
  return std::string("even");
}

Result<std::unique_ptr<int>> boxed(int n) {
  AGORA_TRY_VOID(even(n));
  return std::make_unique<int>(n);
}

Result<int> unboxed(int n) {
  AGORA_TRY(auto box, boxed(n));
  return *box;
}

TEST(Result, TryVoidReturnsTheErrorOrGoesOn) {
  EXPECT_EQ(*both_even(2, 4), "even");
  for (const auto& odd : {both_even(1, 2), both_even(2, 1)}) {
    ASSERT_FALSE(odd.has_value());
    EXPECT_EQ(odd.error().errc, Errc::conflict);
    EXPECT_EQ(odd.error().code, "odd");
  }
}

TEST(Result, TryMovesWhatCannotBeCopied) {
  EXPECT_EQ(*unboxed(4), 4);
  EXPECT_FALSE(unboxed(3).has_value());
}

TEST(Result, OfNothingIsSuccessOrAnError) {
  EXPECT_TRUE(Result<void>().has_value());
  EXPECT_TRUE(static_cast<bool>(even(2)));
  EXPECT_FALSE(static_cast<bool>(even(1)));
  EXPECT_THROW(static_cast<void>(even(2).error()), std::bad_optional_access);
}

TEST(Result, AnErrorIsNoneWhereThereIsAValue) {
  EXPECT_THROW(static_cast<void>(half(4).error()), std::bad_variant_access);
  EXPECT_EQ(half(4).value_or(7), 2);
  const auto text = both_even(2, 2);
  EXPECT_EQ(text->size(), 4U);
}

TEST(Errc, HasStableNames) {
  const std::vector<std::string_view> expected = {
      "invalid_argument",    "unauthenticated",     "forbidden",    "not_found",   "already_exists",   "conflict",
      "precondition_failed", "failed_precondition", "rate_limited", "unavailable", "deadline_exceeded"};
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kErrcCount));
  for (int i = 0; i < kErrcCount; ++i) {
    EXPECT_EQ(to_string(static_cast<Errc>(i)), expected[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(to_string(static_cast<Errc>(kErrcCount)), "unknown") << "kErrcCount counts them all";
}

TEST(TraceContext, HasItsIdInHex) {
  TraceContext trace;
  EXPECT_EQ(trace.trace_id_hex(), std::string(32, '0'));
  trace.trace_id[15] = 0x0F;
  EXPECT_EQ(trace.trace_id_hex(), std::string(31, '0') + "f");
}

}  // namespace
}  // namespace agora
